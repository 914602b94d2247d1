"""The preview of a query (W30): its first rows, what is wrong with them, and what is refused."""

from __future__ import annotations

import threading

import pytest

from core.errors import CoreError, InvalidField, NotReadOnly, QueryCancelled, QueryTimeout, ResultTooLarge
from core.sql_models.limits import MAX_COLUMN_NAME_CHARS, MAX_COLUMNS
from core.sql_models.preview import preview
from core.warehouses.cancel import CancelToken
from core.warehouses.embedded import EmbeddedWarehouse

ENDLESS = "SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(10000000) b(i)"


def test_w30_the_first_ten_rows_come_with_their_types(warehouse: EmbeddedWarehouse) -> None:
    found = preview(warehouse, "SELECT i AS id, 'v' || i AS v FROM range(1000) r(i) ORDER BY i")
    assert found.rows.num_rows == 10
    assert [(column.name, column.kind) for column in found.columns] == [("id", "integer"), ("v", "text")]
    assert found.rows["id"].to_pylist() == list(range(10))


def test_a_query_without_rows_has_its_columns(warehouse: EmbeddedWarehouse) -> None:
    found = preview(warehouse, "SELECT * FROM people WHERE false")
    assert found.rows.num_rows == 0
    assert [column.name for column in found.columns] == ["id", "name", "n", "born"]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("DROP TABLE people", "writes"),
        ("WITH x AS (DELETE FROM people RETURNING *) SELECT * FROM x", "writes"),
        ("SELECT 1; SELECT 2", "two_statements"),
        ("SELECT * FROM read_text('/etc/passwd')", "file_access"),
        ("SELECT * FROM 'https://example.com/x.csv'", "file_access"),
        ("SELECT nothing FROM people", "unknown_column"),
        ("SELECT * FROM nobody", "unknown_table"),
        ("", "empty"),
    ],
)
def test_what_is_no_reading_query_is_refused_with_a_rule_and_a_hint(
    warehouse: EmbeddedWarehouse, sql: str, code: str
) -> None:
    with pytest.raises(CoreError) as caught:
        preview(warehouse, sql)
    assert caught.value.code == code
    assert caught.value.hint
    assert isinstance(caught.value, NotReadOnly) or code.startswith(("unknown", "empty"))


def test_a_query_that_never_ends_is_stopped_at_its_time(warehouse: EmbeddedWarehouse) -> None:
    with pytest.raises(QueryTimeout) as caught:
        preview(warehouse, ENDLESS, timeout_s=0.3)
    assert caught.value.hint


def test_a_query_that_never_ends_is_stopped_by_a_person(warehouse: EmbeddedWarehouse) -> None:
    token = CancelToken()
    threading.Timer(0.2, token.cancel).start()
    with pytest.raises(QueryCancelled):
        preview(warehouse, ENDLESS, cancel=token)


def test_more_columns_than_a_record_may_have_are_refused_and_as_many_are_not(warehouse: EmbeddedWarehouse) -> None:
    columns = [f"{number} AS c{number}" for number in range(600)]
    with pytest.raises(ResultTooLarge, match=f"600 columns; the limit is {MAX_COLUMNS}"):
        preview(warehouse, f"SELECT {', '.join(columns)}")
    assert len(preview(warehouse, f"SELECT {', '.join(columns[:MAX_COLUMNS])}").columns) == MAX_COLUMNS


@pytest.mark.parametrize("sql", ["SELECT 1 AS a, 2 AS a", "SELECT 1 AS a, 2 AS A"])
def test_two_columns_of_one_name_are_refused_in_any_letter_case(warehouse: EmbeddedWarehouse, sql: str) -> None:
    with pytest.raises(InvalidField, match="2 columns named 'a'"):
        preview(warehouse, sql)


def test_a_column_name_that_is_too_long_is_refused_and_the_longest_allowed_is_not(warehouse: EmbeddedWarehouse) -> None:
    longest = "x" * MAX_COLUMN_NAME_CHARS
    assert preview(warehouse, f"SELECT 1 AS {longest}").columns[0].name == longest
    with pytest.raises(ResultTooLarge, match="129 characters"):
        preview(warehouse, f"SELECT 1 AS {longest}x")


def test_a_value_of_200_kb_is_shown_with_a_warning_that_it_will_be_rejected(warehouse: EmbeddedWarehouse) -> None:
    found = preview(warehouse, "SELECT 1 AS id, repeat('x', 204800) AS note")
    assert found.warnings == ("Row 1: note takes 200 KiB; above 128 KiB it is rejected.",)


def test_a_row_that_is_too_large_by_many_values_is_warned_about_too(warehouse: EmbeddedWarehouse) -> None:
    columns = ", ".join(f"repeat('x', 120000) AS c{number}" for number in range(5))
    assert preview(warehouse, f"SELECT {columns}").warnings == ("Row 1 is larger than 512 KiB and would be rejected.",)


@pytest.mark.parametrize(
    "value",
    [
        "'infinity'::DATE",
        "'-infinity'::TIMESTAMP",
        "'infinity'::TIMESTAMPTZ",
        "DATE '20000-01-01'",
        "DATE '0044-03-15 (BC)'",
        "'nan'::DOUBLE",
        "'\\xFF\\x00'::BLOB",
        "chr(0)",
        "{'a': 'nan'::DOUBLE}",
    ],
)
def test_a_value_that_python_cannot_hold_stops_no_preview(warehouse: EmbeddedWarehouse, value: str) -> None:
    assert preview(warehouse, f"SELECT 1 AS id, {value} AS v").rows.num_rows == 1
