"""The demo's Salesforce tables in a Postgres, and what is true of their phones."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from core.samples.demo_crm import Crm, Row
from core.samples.demo_people import RecordTruth
from core.samples.demo_tables import ACCOUNTS, CONTACTS, LEADS, DemoTable


def load_demo(connection: psycopg.Connection, crm: Crm) -> None:
    """Make the schema `salesforce` with its three tables."""
    connection.execute("CREATE SCHEMA salesforce")
    for table, rows in ((ACCOUNTS, crm.accounts), (CONTACTS, crm.contacts), (LEADS, crm.leads)):
        _load_table(connection, table, rows)


def read_truth(crm: Crm, name: str) -> tuple[RecordTruth, ...]:
    """Return what is true of the records of `accounts`, `contacts` or `leads`."""
    return {"accounts": crm.truth.accounts, "contacts": crm.truth.contacts, "leads": crm.truth.leads}[name]


def _load_table(connection: psycopg.Connection, table: DemoTable, rows: Sequence[Row]) -> None:
    columns = ", ".join(f"{column.name.lower()} {column.type}" for column in table.columns)
    connection.execute(f"CREATE TABLE salesforce.{table.name} ({columns})")
    with connection.cursor().copy(f"COPY salesforce.{table.name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
