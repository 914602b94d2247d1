"""What is said about all rows of a model, in Snowflake's words, on the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.sql_models.column_profile import profile_columns
from core.sql_models.key_check import check_key, propose_key
from core.sql_models.preview import preview
from core.sql_models.worst_rows import find_worst_rows
from core.storage.home import open_home
from core.warehouses.snowflake.warehouse import SnowflakeWarehouse
from tests.emulators.snowflake.emulator import SECRETS, new_settings, run_all

ODD_NAMES = ('a"b', "a'b", "two\nlines", "ünï", "select", "a.b")
SQL = "SELECT * FROM people"
_STATEMENTS = (
    "CREATE TABLE people (id VARCHAR, name VARCHAR, n NUMBER(38,0), born DATE, photo BINARY, extra VARIANT, "
    "score FLOAT)",
    """INSERT INTO people SELECT * FROM (VALUES
        ('a', 'Ann', 1, '1980-01-01'::DATE, TO_BINARY('00FF', 'HEX'), PARSE_JSON('{"a": 1}'), 0.5::FLOAT),
        ('b', 'Đặng', 2, '1880-01-01'::DATE, NULL, NULL, 'NaN'::FLOAT),
        ('b', 'Bob', 3, NULL, NULL, NULL, NULL),
        (NULL, NULL, 9007199254740993, '1990-01-01'::DATE, NULL, NULL, NULL),
        (' ', '', 5, '1990-01-01'::DATE, NULL, NULL, NULL)) AS t""",
)


@pytest.fixture(scope="module")
def warehouse(snowflake_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnowflakeWarehouse]:
    settings = new_settings(snowflake_port)
    run_all(snowflake_port, settings, _STATEMENTS)
    with SnowflakeWarehouse.open(open_home(tmp_path_factory.mktemp("home")), settings, SECRETS) as opened:
        yield opened


def test_every_column_is_counted_over_all_rows(warehouse: SnowflakeWarehouse) -> None:
    by_name = {profile.name: profile for profile in profile_columns(warehouse, SQL)}
    name = by_name["NAME"]
    assert (name.rows, name.nulls, name.null_share, name.distinct) == (5, 1, 0.2, 4)
    assert (name.longest, name.longest_chars, name.minimum) == ("Đặng", 4, "")
    assert set(name.sample) <= {"Ann", "Bob", "Đặng", ""} and len(name.sample) == len(set(name.sample)) >= 2
    number = by_name["N"]
    assert (number.minimum, number.maximum, number.is_unique) == ("1", "9007199254740993", True)
    assert by_name["PHOTO"].longest == "AP8=" and by_name["EXTRA"].minimum is None
    assert not by_name["ID"].is_unique


def test_columns_of_any_name_are_counted(warehouse: SnowflakeWarehouse) -> None:
    columns = ", ".join(f'{number} AS "{name.replace(chr(34), chr(34) * 2)}"' for number, name in enumerate(ODD_NAMES))
    found = profile_columns(warehouse, f"SELECT {columns}")
    assert [(profile.name, profile.minimum) for profile in found] == [(n, str(i)) for i, n in enumerate(ODD_NAMES)]


def test_a_query_without_rows_has_columns_of_nothing(warehouse: SnowflakeWarehouse) -> None:
    found = profile_columns(warehouse, f"{SQL} WHERE FALSE")
    assert {(profile.rows, profile.nulls, profile.null_share, profile.sample) for profile in found} == {(0, 0, 0.0, ())}


def test_the_key_is_proposed_and_checked_on_all_rows(warehouse: SnowflakeWarehouse) -> None:
    assert propose_key(profile_columns(warehouse, SQL)).column == "N"
    found = check_key(warehouse, SQL, "ID")
    assert (found.rows, found.distinct, found.nulls) == (5, 2, 2)  # a blank names nobody either
    assert (found.duplicate_keys, found.duplicate_rows, found.ok) == (1, 2, False)
    assert sorted(found.duplicates["NAME"].to_pylist()) == ["Bob", "Đặng"]
    assert check_key(warehouse, SQL, "N").ok


def test_the_worst_rows_are_found(warehouse: SnowflakeWarehouse) -> None:
    profiles = profile_columns(warehouse, SQL)
    found = {
        group.kind: sorted(map(str, group.rows["N"].to_pylist()))
        for group in find_worst_rows(warehouse, SQL, "ID", profiles)
    }
    assert found == {
        "duplicate_key": ["2", "3"],
        "null_key": ["5", "9007199254740993"],
        "non_ascii": ["2"],
        "out_of_range": ["2", "9007199254740993"],
    }


def test_a_preview_has_true_types(warehouse: SnowflakeWarehouse) -> None:
    found = preview(warehouse, f"{SQL} ORDER BY n", limit=2)
    assert (found.rows.num_rows, found.rows["NAME"].to_pylist()) == (2, ["Ann", "Đặng"])
    assert [column.type for column in found.columns][:4] == ["VARCHAR", "VARCHAR", "NUMBER(38,0)", "DATE"]
