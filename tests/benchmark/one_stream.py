"""All rows of a query from Postgres into Arrow, in a process of its own: python one_stream.py DRIVER SETTINGS_JSON SQL.

Reads one row, so that everything is imported and open, waits for a line, streams, and prints what it held as
JSON. A batch is dropped when the next one comes, as a sync drops it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyarrow as pa
from peak import read_peak_mb

Stream = Iterable[pa.RecordBatch]


@contextmanager
def open_ours(settings: dict[str, object]) -> Iterator[object]:
    """Yield what streams a query by our engine."""
    from postgres_table import PASSWORD

    from core.storage.home import open_home
    from core.warehouses.postgres.warehouse import PostgresWarehouse

    with PostgresWarehouse.open(open_home(str(settings.pop("home"))), settings, {"password": PASSWORD}) as warehouse:
        yield warehouse.stream


@contextmanager
def open_adbc(settings: dict[str, object]) -> Iterator[object]:
    """Yield what streams a query by ADBC, read-only as ours."""
    from adbc_driver_postgresql import dbapi

    url = "postgresql://{user}@{host}:{port}/{database}".format_map(settings)
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")

        def stream(sql: str) -> Stream:
            cursor.execute(sql)
            return cursor.fetch_record_batch()

        yield stream


@contextmanager
def open_psycopg(settings: dict[str, object]) -> Iterator[object]:
    """Yield what streams a query by psycopg's server-side cursor, its rows made into Arrow column by column."""
    import psycopg

    with psycopg.connect(
        host=str(settings["host"]),
        port=str(settings["port"]),
        dbname=str(settings["database"]),
        user=str(settings["user"]),
    ) as connection:

        def stream(sql: str) -> Iterator[pa.RecordBatch]:
            with connection.cursor(name="rows", binary=True) as cursor:
                cursor.execute(sql.encode())
                names = [column.name for column in cursor.description or ()]
                while rows := cursor.fetchmany(16_384):
                    yield pa.RecordBatch.from_arrays([pa.array(values) for values in zip(*rows, strict=True)], names)

        yield stream


def main(driver: str, settings: str, sql: str) -> None:
    """Stream and print."""
    with globals()[f"open_{driver}"](json.loads(settings)) as stream:
        for _ in stream(f"{sql} LIMIT 1"):
            pass
        at_start = read_peak_mb()
        print("ready", flush=True)
        sys.stdin.readline()
        started, cpu_started = time.perf_counter(), time.process_time()
        rows = 0
        for batch in stream(sql):
            rows += batch.num_rows
        found = {"seconds": time.perf_counter() - started, "cpu_s": time.process_time() - cpu_started, "rows": rows}
    print(json.dumps({**found, "start_mb": at_start, "peak_mb": read_peak_mb()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
