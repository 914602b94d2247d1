"""Snowflake in the contract of warehouses: the real driver against an emulator on loopback.

The emulator checks neither passwords nor grants, and has no EXPLAIN; what it cannot show is shown on the wire, in
tests/unit/warehouses/snowflake/test_on_the_wire.py.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from snowflake.connector.errors import ProgrammingError

from core.errors import SqlSyntaxError
from core.storage.home import open_home
from core.warehouses.snowflake.warehouse import SnowflakeWarehouse
from core.warehouses.warehouse import Warehouse
from tests.contract.harnesses.harness import Harness, not_yet
from tests.emulators.snowflake.emulator import SECRETS, new_settings, run_all

_STATEMENTS = (
    "CREATE SCHEMA crm",
    """CREATE TABLE crm.people (
        id NUMBER(38,0), name VARCHAR, note VARCHAR, born DATE, seen TIMESTAMP_NTZ,
        updated TIMESTAMP_TZ, balance NUMBER(18,2), score FLOAT, active BOOLEAN, extra VARIANT, photo BINARY
    ) COMMENT = 'Who we know'""",
    """INSERT INTO crm.people (id, name, note, born, seen, updated, balance, score, active, extra, photo)
        SELECT 1, 'Zoë', '', '1931-07-04'::DATE, '1969-12-31 23:59:59.999'::TIMESTAMP_NTZ,
               '2024-03-31 02:30:00 +0200'::TIMESTAMP_TZ, 12345678901234.56, 0.1, TRUE,
               PARSE_JSON('{"a": [1, null]}'), TO_BINARY('00FF', 'HEX')""",
    "INSERT INTO crm.people (id) VALUES (2)",
    "CREATE VIEW crm.names AS SELECT name FROM crm.people",
    'CREATE TABLE "odd ""names""; --" ("select" INT, "Ünïcode €" INT, "a.b" INT, "two\nlines" INT)',
)


def _make(folder: Path, port: int) -> Warehouse:
    settings = new_settings(port)
    run_all(port, settings, _STATEMENTS)
    with suppress(ProgrammingError):  # fakesnow keeps the comment, and stumbles when it describes the statement
        run_all(port, settings, ["COMMENT ON COLUMN crm.people.name IS 'As they write it'"])
    return SnowflakeWarehouse.open(open_home(folder / "home"), settings, SECRETS)


HARNESS = Harness(
    make=_make,
    server="snowflake_port",
    numbers="(SELECT ROW_NUMBER() OVER (ORDER BY SEQ8()) - 1 AS i FROM TABLE(GENERATOR(ROWCOUNT => {n})))",
    many=2_000_000,  # the emulator makes a result whole before it sends any of it
    endless="SELECT COUNT(*) AS l FROM TABLE(GENERATOR(ROWCOUNT => 10000000000000))",
    writes=(
        "INSERT INTO crm.people (id) VALUES (3)",
        "/* SELECT */ DELETE FROM crm.people",
        "-- SELECT\nDROP TABLE crm.people",
        "UPDATE crm.people SET name = 'x'",
        "MERGE INTO crm.people USING crm.people AS p ON FALSE WHEN NOT MATCHED THEN INSERT (id) VALUES (1)",
        "TRUNCATE TABLE crm.people",
        "CREATE TABLE t AS SELECT 1 AS a",
        "CREATE TEMPORARY TABLE t AS SELECT 1 AS a",
        "ALTER SESSION SET TIMEZONE = 'UTC'",
        "SET x = 1",
        "USE ROLE ACCOUNTADMIN",
        "GRANT ROLE onramp_role TO USER onramp_user",
        "CALL p()",
        "EXECUTE IMMEDIATE 'DROP TABLE crm.people'",
        "BEGIN",
        "UNDROP TABLE t",
        "SELECT 1; DROP TABLE crm.people",
        "",
        "-- nothing",
    ),
    files=(
        "PUT file:///etc/passwd @~",
        "GET @~ file:///tmp/",
        "COPY INTO @~ FROM crm.people",
        "COPY INTO crm.people FROM @~",
        "LIST @~",
        "REMOVE @~",
        "SELECT * FROM @~/people.csv",
        "SELECT $1 FROM @people",
    ),
    fold=str.upper,
    gaps={
        "test_an_estimate_says_what_it_knows_and_never_invents_a_zero": not_yet(
            "the emulator has no EXPLAIN", raises=SqlSyntaxError
        ),
        "test_the_catalog_gives_names_alone": not_yet(
            "the emulator's information_schema.tables leaves out views", raises=AssertionError
        ),
    },
)
