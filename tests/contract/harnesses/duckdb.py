"""The embedded warehouse in the contract of warehouses."""

from __future__ import annotations

from pathlib import Path

import duckdb

from core.warehouses.embedded import EmbeddedWarehouse
from core.warehouses.warehouse import Warehouse
from tests.contract.harnesses.harness import Harness


def _make(folder: Path, server: None) -> Warehouse:
    path = folder / "contract.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.execute("""
            CREATE SCHEMA crm;
            CREATE TABLE crm.people AS SELECT * FROM (VALUES
              (1::BIGINT, 'Zoë', '', DATE '1931-07-04', TIMESTAMP '1969-12-31 23:59:59.999',
               TIMESTAMPTZ '2024-03-31 02:30:00+02:00', 12345678901234.56::DECIMAL(18,2), 0.1::DOUBLE, TRUE,
               '{"a": [1, null]}'::JSON, '\\x00\\xFF'::BLOB),
              (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
            ) t(id, name, note, born, seen, updated, balance, score, active, extra, photo);
            COMMENT ON TABLE crm.people IS 'Who we know';
            COMMENT ON COLUMN crm.people.name IS 'As they write it';
            CREATE TABLE "odd ""names""; --" ("select" INT, "Ünïcode €" INT, "a.b" INT, "two
lines" INT);
            CREATE VIEW crm.names AS SELECT name FROM crm.people;
        """)
    return EmbeddedWarehouse(path)


HARNESS = Harness(
    make=_make,
    numbers="range({n}) t(i)",
    endless="SELECT list_transform(range(100000000), lambda x: x + 1) AS l",
    hungry="SELECT length(repeat('x', 2000000000)) AS n",
    writes=(
        "INSERT INTO crm.people (id) VALUES (3)",
        "DELETE FROM crm.people",
        "DROP TABLE crm.people",
        "CREATE TABLE t AS SELECT 1",
        "CREATE TEMP TABLE t AS SELECT 1",
        "ATTACH 'other.db'",
        "COPY crm.people TO '/tmp/people.csv'",
        "EXPORT DATABASE '/tmp/people'",
        "CHECKPOINT",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit='100GB'",
        "RESET lock_configuration",
        "PRAGMA enable_external_access",
        "SET VARIABLE x = 1",
        "PREPARE p AS SELECT 1",
        "CALL pragma_version()",
        "CREATE SECRET s (TYPE s3)",
        "EXPLAIN ANALYZE SELECT 1",
        "USE memory",
        "VACUUM",
        "SELECT * FROM enable_logging(storage='file', storage_config={'path': '/tmp/logs'})",
        "SELECT 1; DROP TABLE crm.people",
        "",
        "-- nothing",
    ),
    files=(
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/passwd')",
        "SELECT * FROM read_parquet('/etc/x.parquet')",
        "SELECT * FROM read_json('/etc/x.json')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "FROM '/etc/x.csv'",
        "SELECT * FROM read_csv('https://example.com/x.csv')",
        "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    ),
)
