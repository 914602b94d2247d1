"""The demo warehouse: a DuckDB file of a home-energy company, dirty as real data is, with known truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa

from core.samples.demo_crm import Row, make_crm
from core.samples.demo_people import DemoTruth, RecordTruth
from core.samples.demo_service import make_loyalty_cards, make_orders, make_support_tickets, make_web_sign_ups
from core.samples.demo_tables import ACCOUNTS, CONTACTS, LEADS, TABLES, DemoTable

DEFAULT_CUSTOMERS = 20_000
DEFAULT_SEED = 7
Progress = Callable[[str, float], None]
"""Told what is being done and the share that is done, 0 to 1."""

_ARROW_TYPES: dict[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "JSON": pa.string(),
    "UUID": pa.string(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    "DECIMAL(18,2)": pa.decimal128(18, 2),
    "DECIMAL(12,2)": pa.decimal128(12, 2),
    "DECIMAL(12,4)": pa.decimal128(12, 4),
    "DECIMAL(7,2)": pa.decimal128(7, 2),
}


def build_demo_warehouse(
    path: Path, *, customers: int = DEFAULT_CUSTOMERS, seed: int = DEFAULT_SEED, progress: Progress | None = None
) -> DemoTruth:
    """Write the demo warehouse to `path`, which must not exist, and return what is true of it.

    Args:
        path: The DuckDB file to make.
        customers: How many people; each has one contact, 1 in 25 a second one, about 1 in 5 a lead.
        seed: The same seed and number of customers give the same rows in the same order.
        progress: Called before each table.
    """
    tell = progress or (lambda _what, _share: None)
    tell("inventing people", 0.0)
    crm = make_crm(customers, seed)
    rows: dict[DemoTable, Sequence[Row]] = {ACCOUNTS: crm.accounts, CONTACTS: crm.contacts, LEADS: crm.leads}
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA salesforce")
        for number, table in enumerate(TABLES):
            tell(f"writing {table.schema}.{table.name}", 0.3 + 0.7 * number / len(TABLES))
            made = rows[table] if table in rows else _make_rows(table, crm.truth.contacts, seed)
            _write_table(connection, table, made)
        connection.execute("CHECKPOINT")
    tell("demo warehouse ready", 1.0)
    return crm.truth


@lru_cache(1)
def demo_truth(*, customers: int = DEFAULT_CUSTOMERS, seed: int = DEFAULT_SEED) -> DemoTruth:
    """Return the truth about the warehouse that `build_demo_warehouse` makes, without making it."""
    return make_crm(customers, seed).truth


def _make_rows(table: DemoTable, contacts: Sequence[RecordTruth], seed: int) -> list[Row]:
    makers = {
        "orders": make_orders,
        "support_tickets": make_support_tickets,
        "web_sign_ups": make_web_sign_ups,
        "loyalty_cards": make_loyalty_cards,
    }
    return makers[table.name](contacts, Random(f"{seed}:{table.name}"))


def _write_table(connection: duckdb.DuckDBPyConnection, table: DemoTable, rows: Sequence[Row]) -> None:
    for statement in table.statements():
        connection.execute(statement)
    if not rows:
        return
    arrays = [
        pa.array(values, type=_ARROW_TYPES[column.type])
        for column, values in zip(table.columns, zip(*rows, strict=True), strict=True)
    ]
    connection.register("made", pa.table(arrays, names=[column.name for column in table.columns]))
    connection.execute(f"INSERT INTO {table.schema}.{table.name} SELECT * FROM made")  # noqa: S608 - our own names
    connection.unregister("made")
