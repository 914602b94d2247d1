"""Postgres in the contract of warehouses: a real server, and a database of its own for each warehouse."""

from __future__ import annotations

import itertools
from pathlib import Path

import psycopg

from core.storage.home import open_home
from core.warehouses.postgres.warehouse import PostgresWarehouse
from core.warehouses.warehouse import Warehouse
from tests.contract.harnesses.harness import Harness
from tests.postgres import PostgresServer, make_login

_NUMBERS = itertools.count(1)

DATA = """
CREATE SCHEMA crm;
CREATE TABLE crm.people (id bigint, name text, note text, born date, seen timestamp, updated timestamptz,
  balance numeric(18, 2), score double precision, active boolean, extra jsonb, photo bytea);
INSERT INTO crm.people VALUES
  (1, 'Zoë', '', '1931-07-04', '1969-12-31 23:59:59.999', '2024-03-31 02:30:00+02:00', 12345678901234.56, 0.1, true,
   '{"a": [1, null]}', '\\x00ff'),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
COMMENT ON TABLE crm.people IS 'Who we know';
COMMENT ON COLUMN crm.people.name IS 'As they write it';
CREATE TABLE "odd ""names""; --" ("select" int, "Ünïcode €" int, "a.b" int, "two
lines" int);
CREATE VIEW crm.names AS SELECT name FROM crm.people;
ANALYZE;
"""

WRITES = (
    "INSERT INTO crm.people (id) VALUES (3)",
    "INSERT INTO crm.people (id) VALUES (3) RETURNING id",
    "DELETE FROM crm.people",
    "WITH gone AS (DELETE FROM crm.people RETURNING id) SELECT * FROM gone",
    "DROP TABLE crm.people",
    "CREATE TABLE t AS SELECT 1",
    "CREATE TEMP TABLE t AS SELECT 1",
    "SELECT 1 AS a INTO t",
    "COPY crm.people TO '/tmp/people.csv'",
    "SET TRANSACTION READ WRITE",
    "SET statement_timeout = 0",
    "RESET ALL",
    "COMMIT",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT * FROM crm.people FOR UPDATE",
    "SELECT lo_create(0)",
    "CALL p()",
    "DO $$ BEGIN END $$",
    "EXPLAIN ANALYZE DELETE FROM crm.people",
    "PREPARE p AS SELECT 1",
    "LISTEN l",
    "VACUUM",
    "SELECT 1; DROP TABLE crm.people",
    "SELECT 1; COMMIT; BEGIN READ WRITE; DROP TABLE crm.people; COMMIT",
    "SELECT 1) TO STDOUT; DROP TABLE crm.people; --",
    "SELECT 1) TO PROGRAM 'true' --",
    "",
    "-- nothing",
)


USER, PASSWORD = "contract_reader", "it's a \\ päss"


def make_database(server: PostgresServer, user: str = USER) -> str:
    """Make a database of its own with the data of the contract and a login that may read it, and return its name."""
    name = f"contract_{next(_NUMBERS)}"
    server.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        connection.execute(DATA.encode())
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [user]).rowcount == 0:
            make_login(connection, user, PASSWORD)
        for schema in ("crm", "public"):
            connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {user}".encode())
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user}".encode())
        connection.execute(f"CREATE SCHEMA __onramp AUTHORIZATION {user}".encode())
    return name


def _make(folder: Path, server: PostgresServer) -> Warehouse:
    settings = {
        "host": "127.0.0.1",
        "port": server.port,
        "database": make_database(server),
        "user": USER,
        "ssl_mode": "disable",
    }
    return PostgresWarehouse.open(open_home(folder / "home"), settings, {"password": PASSWORD})


HARNESS = Harness(
    make=_make,
    server="warehouse_server",
    numbers="(SELECT generate_series(0::bigint, {n} - 1) AS i) t",
    endless="SELECT sum(a * b) AS l FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b",
    writes=WRITES,
    files=(
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('/etc/passwd')",
        "SELECT pg_ls_dir('/etc')",
        "SELECT lo_import('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT * FROM dblink('host=example.com', 'SELECT 1') AS t(n int)",
    ),
)
