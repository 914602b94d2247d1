"""Preview of 10 rows: a warm sandbox child against DuckDB in this process, the same queries on the same file."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import report

from core.warehouses.embedded import EmbeddedWarehouse
from core.warehouses.sandbox_pool import get_pool

QUERIES = {
    "first 10 of a table": "SELECT * FROM customers LIMIT 10",
    "filter and sort": "SELECT * FROM customers WHERE country = 'DE' ORDER BY spent DESC LIMIT 10",
    "join and group": (
        "SELECT c.id, c.email, count(*) AS orders, sum(o.amount) AS total FROM customers c"
        " JOIN orders o ON o.customer_id = c.id GROUP BY ALL ORDER BY total DESC LIMIT 10"
    ),
}


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=200_000)
    parser.add_argument("--runs", type=int, default=50, help="measured runs of each query")
    arguments = parser.parse_args(argv)
    found = report.Report(f"preview of 10 rows, {arguments.rows:,} customers (medians of {arguments.runs} runs)")
    with tempfile.TemporaryDirectory(prefix="onramp-bench-") as folder:
        path = Path(folder) / "bench.duckdb"
        _make(path, arguments.rows)
        _compare(found, path, arguments.runs)
        _start(found, path)
    found.print(as_json=arguments.json)
    return 0


def _compare(found: report.Report, path: Path, runs: int) -> None:
    warehouse = EmbeddedWarehouse(path)
    bare = duckdb.connect(str(path), read_only=True, config={"threads": 2})
    for label, sql in QUERIES.items():
        asks: dict[str, Callable[[], object]] = {
            "bare": lambda sql=sql: bare.sql(sql).to_arrow_table(),
            "sandbox": lambda sql=sql: warehouse.query(sql, max_rows=10),
        }
        seconds: dict[str, list[float]] = {name: [] for name in asks}
        for number in range(runs + 3):  # turn about, so that both meet the same disturbances; the first 3 warm up
            for name, ask in asks.items():
                started = time.perf_counter()
                ask()
                if number >= 3:
                    seconds[name].append(time.perf_counter() - started)
        median = {name: statistics.median(values) for name, values in seconds.items()}
        for name, values in seconds.items():
            found.add(report.Measurement(f"{label}: {name}", median[name], 1, tuple(values)))
        found.ratios[f"{label}: sandbox / bare"] = median["sandbox"] / median["bare"]
        found.facts[f"{label}: added"] = f"{(median['sandbox'] - median['bare']) * 1000:.1f} ms"
    bare.close()


def _start(found: report.Report, path: Path) -> None:
    """Measure the first query of a process: with no child at all, and with the spare child ready."""
    get_pool().close()
    started = time.perf_counter()
    EmbeddedWarehouse(path).query("SELECT 1")
    found.add(report.Measurement("first query, cold child", time.perf_counter() - started, 1))
    get_pool().close()
    get_pool().warm_up()
    time.sleep(1.0)
    started = time.perf_counter()
    EmbeddedWarehouse(path).query("SELECT 1")
    found.add(report.Measurement("first query, spare child ready", time.perf_counter() - started, 1))


def _make(path: Path, rows: int) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"""
            CREATE TABLE customers AS SELECT 'c' || i AS id, 'person' || i || '@example.com' AS email,
                ['DE', 'US', 'VN', 'BR'][1 + i % 4] AS country, (i * 7919 % 100000) / 100::DECIMAL(10,2) AS spent,
                TIMESTAMPTZ '2020-01-01' + INTERVAL (i) MINUTE AS seen, {{'note': 'n' || i}} AS extra
            FROM range({rows}) r(i);
            CREATE TABLE orders AS SELECT 'c' || (i * 31 % {rows}) AS customer_id, i % 500 / 10 AS amount
            FROM range({rows * 3}) r(i);
        """)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
