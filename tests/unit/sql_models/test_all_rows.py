"""What is said about all rows of a model: each column, the key, and the rows that will cause trouble."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.errors import QueryError
from core.sql_models.ask import ask
from core.sql_models.column_profile import ColumnProfile, profile_columns
from core.sql_models.key_check import check_key, propose_key
from core.sql_models.worst_rows import find_worst_rows
from core.warehouses.definition import Kind
from core.warehouses.embedded import EmbeddedWarehouse

ODD_NAMES = ("a{b}", 'a"b', "a'b", "two\nlines", "ünï", "select", "a.b", "{0}")


def test_every_column_is_counted_over_all_rows(warehouse: EmbeddedWarehouse) -> None:
    by_name = {profile.name: profile for profile in profile_columns(warehouse, "SELECT * FROM people")}
    name = by_name["name"]
    assert (name.rows, name.nulls, name.null_share, name.distinct) == (5, 1, 0.2, 4)
    assert (name.longest, name.longest_chars, name.minimum) == ("Đặng", 4, "")
    assert set(name.sample) == {"Ann", "Bob", "Đặng", ""}
    assert (by_name["n"].minimum, by_name["n"].maximum, by_name["n"].is_unique) == ("1", "9007199254740993", True)
    assert not by_name["id"].is_unique


def test_columns_of_any_name_are_counted(warehouse: EmbeddedWarehouse) -> None:
    columns = ", ".join(f'{number} AS "{name.replace(chr(34), chr(34) * 2)}"' for number, name in enumerate(ODD_NAMES))
    found = profile_columns(warehouse, f"SELECT {columns}")
    assert [(profile.name, profile.minimum) for profile in found] == [(n, str(i)) for i, n in enumerate(ODD_NAMES)]


def test_as_many_columns_as_a_model_may_have_are_counted_in_bounded_memory(
    make_warehouse: Callable[[str], EmbeddedWarehouse],
) -> None:
    columns = ", ".join(f"'v' || i || '-{number}' AS c{number}" for number in range(512))
    found = profile_columns(make_warehouse(f"CREATE TABLE wide AS SELECT {columns} FROM range(4000) r(i)"), "FROM wide")
    assert [(profile.name, profile.distinct) for profile in found] == [(f"c{number}", 4000) for number in range(512)]


def test_a_query_without_rows_has_columns_of_nothing(warehouse: EmbeddedWarehouse) -> None:
    found = profile_columns(warehouse, "SELECT * FROM people WHERE false")
    assert {(profile.rows, profile.nulls, profile.null_share, profile.sample) for profile in found} == {(0, 0, 0.0, ())}


def test_the_key_is_checked_on_all_rows_and_duplicates_are_shown(warehouse: EmbeddedWarehouse) -> None:
    found = check_key(warehouse, "SELECT * FROM people", "id")
    assert (found.rows, found.distinct, found.nulls) == (5, 2, 2)  # a blank names nobody either
    assert (found.duplicate_keys, found.duplicate_rows, found.ok) == (1, 2, False)
    assert sorted(found.duplicates["name"].to_pylist()) == ["Bob", "Đặng"]
    assert check_key(warehouse, "SELECT * FROM people", "n").ok


def make_profile(name: str, kind: Kind = Kind.TEXT, *, distinct: int = 10, nulls: int = 0) -> ColumnProfile:
    return ColumnProfile(name, "VARCHAR", kind, 10, nulls, nulls / 10, distinct, 1, "x", "x", "x", ("x",))


@pytest.mark.parametrize(
    ("profiles", "column"),
    [
        ([make_profile("note"), make_profile("customer_id")], "customer_id"),
        ([make_profile("note"), make_profile("code")], "note"),
        ([make_profile("id", distinct=9), make_profile("email")], "email"),
        ([make_profile("id", nulls=1, distinct=9), make_profile("name", distinct=3)], None),
        ([make_profile("photo_id", Kind.BYTES)], None),
        ([make_profile("at_id", Kind.TIMESTAMP), make_profile("n", Kind.INTEGER)], "n"),
        ([], None),
    ],
)
def test_the_key_proposed_is_unique_filled_and_named_like_one(
    profiles: list[ColumnProfile], column: str | None
) -> None:
    found = propose_key(profiles)
    assert found.column == column
    assert found.reason


def test_where_no_column_is_unique_the_closest_is_named() -> None:
    reason = propose_key([make_profile("id", nulls=1, distinct=9), make_profile("name", distinct=3)]).reason
    assert "id comes closest: 9 different values in 10 rows, 1 empty" in reason


def worst(warehouse: EmbeddedWarehouse, sql: str, key: str | None = "id") -> dict[str, list[dict[str, object]]]:
    groups = find_worst_rows(warehouse, sql, key, profile_columns(warehouse, sql))
    assert all(group.title and group.explanation for group in groups)
    return {group.kind: group.rows.select(["n"]).to_pylist() for group in groups}


def test_the_rows_most_likely_to_cause_trouble_are_found(warehouse: EmbeddedWarehouse) -> None:
    found = worst(warehouse, "SELECT * FROM people")
    assert {kind: sorted(row["n"] for row in rows) for kind, rows in found.items()} == {  # type: ignore[type-var]
        "duplicate_key": [2, 3],
        "null_key": [5, 9007199254740993],
        "non_ascii": [2],
        "out_of_range": [2, 9007199254740993],
    }
    assert "longest" in worst(warehouse, "SELECT *, repeat('x', 2000) AS note FROM people")
    assert worst(warehouse, "SELECT n FROM people WHERE n = 1", None) == {}


@pytest.mark.parametrize("value", ["uuid()", "'a'::ENUM('a', 'b')", "NULL", "[1]", "'\\xFF'::BLOB", "TIME '10:00'"])
def test_columns_of_every_type_can_be_searched_for_the_worst_rows(warehouse: EmbeddedWarehouse, value: str) -> None:
    assert worst(warehouse, f"SELECT 'k' AS id, 1 AS n, {value} AS v") == {}


def test_a_failure_names_its_place_in_the_persons_own_text(warehouse: EmbeddedWarehouse) -> None:
    sql = "SELECT id,\n  CAST(name AS INTEGER) AS name\nFROM people"
    with pytest.raises(QueryError, match=r"^Line 2, column 3: ") as caught:
        check_key(warehouse, sql, "id")
    assert (caught.value.context["line"], caught.value.context["column"]) == (2, 3)


def test_a_failure_outside_the_persons_text_names_no_place(warehouse: EmbeddedWarehouse) -> None:
    with pytest.raises(QueryError, match=r"^There is no column") as caught:
        ask(warehouse, "SELECT nothing FROM (SELECT 1 AS a)", "SELECT 1 AS a", timeout_s=10)
    assert "line" not in caught.value.context
