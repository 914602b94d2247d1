"""A real Postgres with one big table, 8 columns of the usual types, deleted afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from store import open_postgres

from tests.postgres import PostgresServer

SQL = "SELECT id, email, first_name, orders, amount, is_member, born, changed_at FROM customers"
TRAITS = ("email", "first_name", "orders", "amount", "is_member", "born")
DATABASE = "postgres"
PASSWORD = "any"  # the server asks for none, a connection form does


@dataclass(frozen=True)
class PostgresTable:
    """The server that holds it."""

    server: PostgresServer
    rows: int

    @property
    def url(self) -> str:
        return self.server.url(DATABASE)

    @property
    def settings(self) -> dict[str, object]:
        """Return what a connection form asks for."""
        address = {"host": "127.0.0.1", "port": self.server.port, "database": DATABASE, "user": "postgres"}
        return {**address, "ssl_mode": "disable"}

    def change(self, share: float) -> int:
        """Give another amount to a share of the rows, spread over the table; return how many."""
        step = max(1, round(1 / share))
        self.server.execute(f"UPDATE customers SET amount = amount + 1 WHERE id % {step} = 0")
        self.server.execute("VACUUM ANALYZE customers")
        return (self.rows + step - 1) // step


@contextmanager
def open_postgres_table(rows: int) -> Iterator[PostgresTable]:
    """Yield a server of our own whose table `customers` has that many rows; some emails are null."""
    with open_postgres() as server:
        server.execute(f"""
            CREATE TABLE customers AS
            SELECT i AS id,
                   CASE WHEN i % 17 <> 0 THEN 'person' || i || '@example.com' END AS email,
                   (ARRAY['Jürgen', 'Ann', 'O"Brien', 'Đặng', '山田'])[1 + i % 5] AS first_name,
                   (i % 90)::integer AS orders,
                   ((i * 37) % 1000000 / 100.0)::numeric(12, 2) AS amount,
                   i % 2 = 0 AS is_member,
                   DATE '1930-01-01' + (i % 30000)::integer AS born,
                   TIMESTAMPTZ '2020-01-01 00:00:00+00' + i * INTERVAL '1 second' AS changed_at
            FROM generate_series(0::bigint, {rows} - 1) AS i
        """)
        server.execute("ALTER TABLE customers ADD PRIMARY KEY (id)")
        server.execute("VACUUM ANALYZE customers")
        yield PostgresTable(server, rows)
