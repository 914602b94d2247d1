"""Preview of 10 rows from Postgres: our preview, guard and all, against bare psycopg on an open connection."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory

import psycopg
import report
from postgres_table import PASSWORD, PostgresTable, open_postgres_table

from core.sql_models.preview import preview
from core.storage.home import open_home
from core.warehouses.postgres.warehouse import PostgresWarehouse

QUERIES = {
    "first 10 of a table": "SELECT * FROM customers",
    "filter and sort": "SELECT * FROM customers WHERE first_name = 'Ann' ORDER BY amount DESC, id",
    "join and group": (
        "SELECT c.first_name, count(*) AS people, sum(o.amount) AS total FROM customers c"
        " JOIN customers o ON o.id = c.orders GROUP BY c.first_name ORDER BY total DESC"
    ),
}
WARM_UP = 3


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=200_000)
    parser.add_argument("--runs", type=int, default=50, help="measured runs of each query")
    arguments = parser.parse_args(argv)
    found = report.Report(
        f"preview of 10 rows from Postgres, {arguments.rows:,} customers (medians of {arguments.runs} runs)"
    )
    with open_postgres_table(arguments.rows) as table, TemporaryDirectory(prefix="onramp-bench-") as folder:
        _compare(found, table, folder, arguments.runs)
    found.print(as_json=arguments.json)
    return 0


def _compare(found: report.Report, table: PostgresTable, folder: str, runs: int) -> None:
    home = open_home(folder)
    with (
        PostgresWarehouse.open(home, table.settings, {"password": PASSWORD}) as warehouse,
        psycopg.connect(table.url, autocommit=True) as bare,
    ):
        started = time.perf_counter()
        preview(warehouse, "SELECT 1 AS one", limit=10)
        found.add(report.Measurement("first preview of a process, with its connection", _since(started), 1))
        for label, sql in QUERIES.items():
            asks: dict[str, Callable[[], int]] = {
                "bare": lambda sql=sql: len(bare.execute(f"{sql} LIMIT 10").fetchall()),
                "preview": lambda sql=sql: preview(warehouse, sql, limit=10).rows.num_rows,
            }
            _race(found, label, asks, runs)


def _race(found: report.Report, label: str, asks: dict[str, Callable[[], int]], runs: int) -> None:
    if len({ask() for ask in asks.values()}) != 1:
        raise SystemExit(f"{label}: preview and driver gave different numbers of rows")
    seconds: dict[str, list[float]] = {name: [] for name in asks}
    for number in range(runs + WARM_UP):  # turn about, so that both meet the same disturbances
        for name, ask in asks.items():
            started = time.perf_counter()
            ask()
            if number >= WARM_UP:
                seconds[name].append(_since(started))
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        found.add(report.Measurement(f"{label}: {name}", median[name], 1, tuple(values)))
    found.facts[f"{label}: added"] = f"{(median['preview'] - median['bare']) * 1000:.1f} ms"


def _since(started: float) -> float:
    return time.perf_counter() - started


if __name__ == "__main__":
    report.run(main)
