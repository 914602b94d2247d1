"""A model text in the SQL of another warehouse: one sentence that names what is not here, and a hint what is.

Where the engine itself runs here (DuckDB, Postgres), it is asked too: it refuses every text that is refused, and takes
every expression that is offered instead. Of Snowflake and BigQuery the emulators take what is offered; of Redshift
nothing here can be asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import duckdb
import psycopg
import pytest

from core.errors import CoreError, SqlSyntaxError, Unreachable
from core.sql_models.foreign_signs import SIGNS
from core.sql_models.guard import check_query
from core.sql_models.instead import list_replacements
from core.sql_models.preview import preview
from core.sql_models.pure_functions import DIALECTS, get_functions
from core.storage.home import open_home
from core.warehouses.embedded import EmbeddedWarehouse
from core.warehouses.engines import get_engine
from core.warehouses.warehouse import Warehouse
from tests.engines import open_engine
from tests.postgres import PostgresServer

NAMES = dict(zip(DIALECTS, ("BigQuery", "DuckDB", "Postgres", "Redshift", "Snowflake"), strict=True))
COLUMNS = "name {text}, other {text}, number {integer}, divisor {integer}, day date, moment timestamp, document {json}"

# A text, the place of what is foreign in it, how the sentence begins, and the dialects that know it
CASES: tuple[tuple[str, tuple[int, int], str, str], ...] = (
    ("SELECT name\nFROM `people`", (2, 6), "backticks", "bigquery"),
    ("SELECT number::VARCHAR FROM people", (1, 14), "a cast", "duckdb postgres redshift snowflake"),
    ("SELECT TOP 10 name FROM people", (1, 8), "TOP", "redshift snowflake"),
    ("SELECT DISTINCT TOP 10 name FROM people", (1, 17), "TOP", "redshift snowflake"),
    ("SELECT TOP (10) name FROM people", (1, 8), "TOP", "redshift snowflake"),
    ("SELECT name FROM people ORDER BY name LIMIT 10, 20", (1, 39), "LIMIT", ""),
    ("SELECT name FROM people ORDER BY name OFFSET 10", (1, 39), "OFFSET", "duckdb postgres redshift snowflake"),
    (
        "SELECT name FROM people ORDER BY name FETCH FIRST 5 ROWS ONLY",
        (1, 39),
        "FETCH",
        "duckdb postgres redshift snowflake",
    ),
    ("SELECT name FROM [people]", (1, 18), "square brackets", ""),
    ("SELECT p.[name] FROM people p", (1, 10), "square brackets", ""),
    ("SELECT [name] FROM people", (1, 8), "square brackets", "bigquery duckdb snowflake"),
    ("SELECT name FROM people WITH (NOLOCK)", (1, 25), "WITH (NOLOCK)", ""),
    ("SELECT day + INTERVAL 1 DAY AS v FROM people", (1, 14), "INTERVAL", "bigquery duckdb"),
    ("SELECT day + INTERVAL '1 day' AS v FROM people", (1, 14), "INTERVAL", "duckdb postgres redshift snowflake"),
    ('SELECT name FROM "people"', (1, 18), "double quotes", "duckdb postgres redshift snowflake"),
    ('SELECT p."name" FROM people p', (1, 10), "double quotes", "duckdb postgres redshift snowflake"),
    ('SELECT name AS "who" FROM people', (1, 16), "double quotes", "duckdb postgres redshift snowflake"),
    ("SELECT name FROM people WHERE name ILIKE 'a%'", (1, 36), "ILIKE", "duckdb postgres redshift snowflake"),
    ("SELECT name FROM people WHERE name REGEXP '^a'", (1, 36), "REGEXP", "snowflake"),
    ("SELECT name FROM people WHERE name RLIKE '^a'", (1, 36), "RLIKE", "snowflake"),
    ("SELECT name FROM people WHERE name ~ '^a'", (1, 36), "~", "duckdb postgres redshift"),
    ("SELECT name FROM people WHERE number == 1", (1, 38), "==", "duckdb"),
    ("SELECT * EXCEPT (name) FROM people", (1, 10), "EXCEPT", "bigquery duckdb"),
    ("SELECT p.* EXCEPT (name, other) FROM people p", (1, 12), "EXCEPT", "bigquery duckdb"),
    ("SELECT * EXCLUDE (name) FROM people", (1, 10), "EXCLUDE", "duckdb redshift snowflake"),
    ("SELECT document:name FROM people", (1, 16), "a colon", "duckdb snowflake"),
    ("SELECT document ->> 'a' AS v FROM people", (1, 17), "->>", "duckdb postgres"),
    ("SELECT document[SAFE_OFFSET(0)] AS v FROM people", (1, 17), "SAFE_OFFSET", "bigquery"),
    ("SELECT name FROM people MINUS SELECT other FROM people", (1, 25), "MINUS", "redshift snowflake"),
    ("SELECT name, FROM people", (1, 12), "a comma", "bigquery duckdb snowflake"),
    ("SELECT name FROM people WHERE name = r'a'", (1, 38), "r before a string", "bigquery"),
    ("SELECT DISTINCT ON (name) name FROM people", (1, 17), "DISTINCT ON", "duckdb postgres"),
    (
        "SELECT name FROM people QUALIFY row_number() OVER (PARTITION BY name ORDER BY day) = 1",
        (1, 25),
        "QUALIFY",
        "bigquery duckdb redshift snowflake",
    ),
    ("SELECT f.value FROM people, LATERAL FLATTEN(input => document) f", (1, 37), "FLATTEN", "snowflake"),
    ("SELECT x.v FROM people, UNNEST(document) AS x", (1, 25), "UNNEST", "bigquery duckdb postgres redshift"),
)

# What looks like one of these and is none: nothing is said
LET_THROUGH = (
    ("postgres", "SELECT top, number FROM people"),
    ("postgres", "SELECT (ARRAY[1, 2])[number:divisor] AS v FROM people"),
    ("postgres", "SELECT JSON_OBJECT(name : other) AS v FROM people"),
    ("postgres", "SELECT (SELECT 1 LIMIT 1), 20 AS v FROM people"),
    ("postgres", "SELECT number * exclude, 1 AS v FROM people"),
    ("postgres", "SELECT name FROM people EXCEPT (SELECT other FROM people)"),
    ("postgres", "SELECT '`', '::', 'SELECT TOP 1', '[name]', '==' FROM people"),
    ("postgres", "SELECT name -- LIMIT 10, 20 and `this`\nFROM people"),
    ("duckdb", "SELECT name IS DISTINCT FROM [name] AS v FROM people"),
    ("bigquery", 'SELECT "name" AS v, name IS DISTINCT FROM "x" AS w FROM people'),
    ("bigquery", "SELECT p.ilike FROM people p"),
    ("bigquery", "SELECT name FROM people, UNNEST([1, 2]) AS n WITH OFFSET AS place"),
    ("bigquery", "SELECT INTERVAL '1-2' YEAR TO MONTH AS v FROM people"),
    ("bigquery", "SELECT name FROM people ORDER BY name LIMIT 5 OFFSET 2"),
    ("snowflake", "SELECT document:a.b::VARCHAR AS v FROM people"),
)


@pytest.fixture(scope="module")
def postgres(postgres_server: PostgresServer) -> Iterator[psycopg.Connection]:
    columns = COLUMNS.format(text="text", integer="integer", json="jsonb")
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA other_dialect")
        connection.execute("SET search_path TO other_dialect")
        connection.execute(f"CREATE TABLE people ({columns})".encode())
        yield connection
        connection.execute("DROP SCHEMA other_dialect CASCADE")


@pytest.fixture(scope="module")
def embedded() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE people ({COLUMNS.format(text='VARCHAR', integer='INTEGER', json='JSON')})")
        yield connection


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("sql", "place", "named", "known"), CASES)
def test_what_is_another_warehouses_sql_is_told_with_its_place_and_what_to_write(
    sql: str, place: tuple[int, int], named: str, known: str, dialect: str
) -> None:
    if dialect in known.split():
        assert check_query(sql, dialect).tables == ("people",)
        return
    with pytest.raises(SqlSyntaxError, match=f"this warehouse speaks {NAMES[dialect]}") as caught:
        check_query(sql, dialect)
    assert caught.value.message.startswith(f"Line {place[0]}, column {place[1]}: {named}")
    assert caught.value.hint and (caught.value.context["line"], caught.value.context["column"]) == place


@pytest.mark.parametrize(("dialect", "sql"), LET_THROUGH)
def test_nothing_is_said_of_what_only_looks_foreign(dialect: str, sql: str) -> None:
    assert "people" in check_query(sql, dialect).tables


@pytest.mark.parametrize(("sql", "place", "named", "known"), CASES)
def test_postgres_itself_takes_none_of_what_is_refused(
    postgres: psycopg.Connection, sql: str, place: tuple[int, int], named: str, known: str
) -> None:
    if "postgres" not in known.split():
        with pytest.raises(psycopg.Error):
            postgres.execute(sql.encode())


@pytest.mark.parametrize(("sql", "place", "named", "known"), CASES)
def test_duckdb_itself_takes_none_of_what_is_refused(
    embedded: duckdb.DuckDBPyConnection, sql: str, place: tuple[int, int], named: str, known: str
) -> None:
    if "duckdb" not in known.split() and named != "backticks":  # which it reads since 2.0, and our guard cannot
        with pytest.raises(duckdb.Error):
            embedded.execute(sql)


def test_every_sign_has_a_case() -> None:
    told = {sign.what.split("{}")[-1] for sign in SIGNS}
    found = set()
    for sql, _, _, _ in CASES:
        for dialect in DIALECTS:
            try:
                check_query(sql, dialect)
            except CoreError as error:
                found |= {what for what in told if what in error.message}
    assert found == told


@pytest.mark.parametrize(("function", "dialect"), list_replacements())
def test_a_function_of_another_warehouse_is_told_with_what_does_the_same_here(function: str, dialect: str) -> None:
    with pytest.raises(SqlSyntaxError, match=f"this warehouse speaks {NAMES[dialect]}") as caught:
        check_query(f"SELECT 1 AS a,\n  {function}(name, other) AS v FROM people", dialect)
    assert caught.value.message.startswith(f"Line 2, column 3: {function.upper()}()")
    expression = list_replacements()[function, dialect]
    assert caught.value.hint == f"Write {expression} instead."
    assert check_query(f"SELECT {expression} AS v FROM people", dialect).tables == ("people",)


def test_no_function_that_the_dialect_knows_is_called_foreign() -> None:
    listed = {(name, dialect) for dialect in DIALECTS for name in get_functions(dialect).everywhere}
    syntax = {("if", "postgres"), ("if", "redshift")}  # a word of theirs, and no function
    assert listed & set(list_replacements()) <= syntax


def test_postgres_takes_every_expression_that_is_offered_and_has_no_function_that_is_refused(
    postgres: psycopg.Connection,
) -> None:
    for (function, dialect), expression in list_replacements().items():
        if dialect == "postgres":
            postgres.execute(f"SELECT {expression} AS v FROM people".encode())
            found = postgres.execute("SELECT count(*) FROM pg_proc WHERE proname = %s", [function]).fetchone()
            assert found == (0,), function


def test_duckdb_takes_every_expression_that_is_offered_and_has_no_function_that_is_refused(
    embedded: duckdb.DuckDBPyConnection,
) -> None:
    known = {name for (name,) in embedded.execute("SELECT function_name FROM duckdb_functions()").fetchall()}
    for (function, dialect), expression in list_replacements().items():
        if dialect == "duckdb":
            embedded.execute(f"SELECT {expression} AS v FROM people")
            assert function not in known


EMULATED = {
    "bigquery": ("STRING", "INT64", "DATETIME", "JSON"),
    "snowflake": ("VARCHAR", "NUMBER", "TIMESTAMP", "VARIANT"),
}
NOT_EMULATED = {("generate_array", "snowflake")}  # ARRAY_GENERATE_RANGE ends the emulator's answer with status 500


@pytest.fixture(scope="module", params=EMULATED)
def emulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    text, number, moment, document = EMULATED[request.param]
    with open_engine(request.param, request) as engine:
        engine.run(
            f"CREATE TABLE crm.people (name {text}, other {text}, number {number}, divisor {number}, day DATE, "
            f"moment {moment}, document {document})"
        )
        home = open_home(tmp_path_factory.mktemp("home"))
        with get_engine(request.param).open(home, engine.settings, engine.secrets) as warehouse:
            yield warehouse


def test_the_emulators_take_every_expression_that_is_offered(emulated: Warehouse) -> None:
    for (function, dialect), expression in list_replacements().items():
        if dialect == emulated.dialect:
            is_gap = (function, dialect) in NOT_EMULATED
            with pytest.raises(Unreachable) if is_gap else nullcontext():
                emulated.query(f"SELECT {expression} AS v FROM crm.people")


def test_a_text_in_double_quotes_is_told_where_the_engine_finds_no_such_column(warehouse: EmbeddedWarehouse) -> None:
    with pytest.raises(SqlSyntaxError, match="there is no column") as caught:
        preview(warehouse, 'SELECT name FROM people WHERE name = "Ann"')
    assert caught.value.hint.startswith("If it is a text, write 'Ann': double quotes are for names.")
    with pytest.raises(SqlSyntaxError, match="there is no column") as caught:
        preview(warehouse, "SELECT name FROM people WHERE name = Ann")
    assert "If it is a text" not in caught.value.hint
