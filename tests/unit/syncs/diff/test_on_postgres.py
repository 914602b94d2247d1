"""The comparison inside a warehouse on a real Postgres, in Postgres's words and in Redshift's, against plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.syncs.diff.dialect import IS_GONE, IS_KNOWN, KEY, PRINT, TOTAL, DiffDialect
from core.syncs.diff.registry import get_diff_dialect
from core.warehouses.definition import ColumnType, Kind
from tests.emulators.redshift_catalog import make_catalog
from tests.sizes import examples

COLUMNS = (
    ColumnType("id", "integer", Kind.INTEGER),
    ColumnType("Name", "text", Kind.TEXT),
    ColumnType("amount", "double precision", Kind.FLOAT),
)
QUERY = 'SELECT id, name AS "Name", amount FROM model -- every row'
Row = tuple[int | None, str | None, float | None]

VALUES = st.one_of(st.none(), st.sampled_from(["", "a", "b", ":", "1:a", "-", '"', "(", ",", "é"]))
ROWS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 8)), VALUES, st.sampled_from([None, 0.0, 1.5, -2.0])), max_size=12
)


@pytest.fixture(params=["postgres", "redshift"])
def dialect(request: pytest.FixtureRequest) -> DiffDialect:
    return get_diff_dialect(request.param)


@pytest.fixture
def connection(new_postgres_url: Callable[[], str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(new_postgres_url(), autocommit=True) as opened:
        opened.execute("CREATE TABLE model (id int, name text, amount float8)")
        make_catalog(opened)
        yield opened


def _fill(connection: psycopg.Connection, rows: list[Row]) -> None:
    connection.execute("TRUNCATE model")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO model VALUES (%s, %s, %s)", rows)


def _select(connection: psycopg.Connection, sql: str) -> list[dict[str, object]]:
    cursor = connection.execute(sql.encode())
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _acknowledge(connection: psycopg.Connection, dialect: DiffDialect, table: str) -> dict[str, Row]:
    """Record every row that has a key of its own, as a run that delivered them would; return them by key."""
    rows = _select(connection, dialect.all_rows_sql(QUERY, "id", COLUMNS))
    times = Counter(row[KEY] for row in rows)
    kept = {str(row[KEY]): row for row in rows if row[KEY] is not None and times[row[KEY]] == 1}
    for sql in (dialect.create_schema_sql(), dialect.drop_sql(table), dialect.create_records_sql(table)):
        connection.execute(sql.encode())
    for key, row in kept.items():
        connection.execute(f"INSERT INTO {table} VALUES (%s, %s)".encode(), (key, row[PRINT]))
    return {key: (row["id"], row["Name"], row["amount"]) for key, row in kept.items()}


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ROWS, after=ROWS)
def test_exactly_what_differs_comes_back(
    dialect: DiffDialect, connection: psycopg.Connection, before: list[Row], after: list[Row]
) -> None:
    table = dialect.name_table("records_syn_1")
    _fill(connection, before)
    known = _acknowledge(connection, dialect, table)
    _fill(connection, after)
    found = _select(connection, dialect.changed_rows_sql(QUERY, "id", COLUMNS, table))
    times = Counter(row[0] for row in after)
    due = [
        row
        for row in after
        if row[0] is None or times[row[0]] > 1 or str(row[0]) not in known or known[str(row[0])] != row
    ]
    rows = [(row["id"], row["Name"], row["amount"]) for row in found if not row[IS_GONE]]
    assert Counter(rows) == Counter(due)
    assert {row[KEY] for row in found if row[IS_GONE]} == known.keys() - {str(row[0]) for row in after}
    assert all(row[IS_KNOWN] is (row[KEY] in known) for row in found)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ROWS, after=ROWS)
def test_counting_leaves_out_only_unchanged_keys_that_are_shared_and_the_total_tells(
    connection: psycopg.Connection, before: list[Row], after: list[Row]
) -> None:
    dialect = get_diff_dialect("postgres")
    table = dialect.name_table("records_syn_1")
    _fill(connection, before)
    known = _acknowledge(connection, dialect, table)
    _fill(connection, after)
    found = _select(connection, dialect.counted_rows_sql(QUERY, "id", COLUMNS, table) or "")
    (total,) = [row[TOTAL] for row in found if row[TOTAL] is not None]
    assert total == len(after)
    rows = [row for row in found if row[TOTAL] is None]
    due = [row for row in after if row[0] is None or known.get(str(row[0])) != row]
    assert Counter((row["id"], row["Name"], row["amount"]) for row in rows if not row[IS_GONE]) == Counter(due)
    assert {row[KEY] for row in rows if row[IS_GONE]} == known.keys() - {str(row[0]) for row in after}
    vouched = len(known) - len({row[KEY] for row in rows if row[IS_KNOWN]})
    times = Counter(row[0] for row in after)
    some_are_missing = any(times[row[0]] > 1 for row in after if row not in due)
    assert (total != len(due) + vouched) is some_are_missing


def test_two_rows_that_look_alike_as_text_have_different_prints(
    dialect: DiffDialect, connection: psycopg.Connection
) -> None:
    alike: list[Row] = [(1, None, None), (1, "", None), (1, "-", None), (1, "1:a", None), (1, "a", 1.0), (1, "a", None)]
    alike += [(1, '",', 1.0), (1, '"', 1.0), (11, "", None), (1, "1", None)]
    _fill(connection, alike)
    prints = [row[PRINT] for row in _select(connection, dialect.all_rows_sql(QUERY, "id", COLUMNS))]
    assert len(set(prints)) == len(alike)
    assert all(isinstance(each, str) and len(each) <= 32 for each in prints)
