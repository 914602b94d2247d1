"""What is said about all rows of a model, in Postgres's words and in Redshift's, each through its own driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.sql_models.column_profile import profile_columns
from core.sql_models.key_check import check_key, propose_key
from core.sql_models.preview import preview
from core.sql_models.worst_rows import find_worst_rows
from core.storage.home import open_home
from core.warehouses.engines import get_engine
from core.warehouses.warehouse import Warehouse
from tests.engines import open_engine

ODD_NAMES = ('a"b', "a'b", "two\nlines", "ünï", "select", "a.b")
SQL = "SELECT * FROM crm.people"
TYPES = {
    "postgres": "id text, name text, n bigint, born date, photo bytea, extra jsonb, score double precision, ok boolean",
    "redshift": "id varchar(10), name varchar(10), n bigint, born date, photo varbyte, extra super, "
    "score double precision, ok boolean",
}
ROWS = """INSERT INTO crm.people VALUES
    ('a', 'Ann', 1, '1980-01-01', decode('00ff', 'hex'), '{"a": 1}', 0.5, true),
    ('b', 'Đặng', 2, '1880-01-01', NULL, NULL, 'NaN', false),
    ('b', 'Bob', 3, NULL, NULL, NULL, NULL, NULL),
    (NULL, NULL, 9007199254740993, '1990-01-01', NULL, NULL, NULL, NULL),
    (' ', '', 5, '1990-01-01', NULL, NULL, NULL, NULL)"""


@pytest.fixture(scope="module", params=TYPES)
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with open_engine(request.param, request) as engine:
        engine.run(f"CREATE TABLE crm.people ({TYPES[request.param]})", ROWS)
        home = open_home(tmp_path_factory.mktemp("home"))
        with get_engine(request.param).open(home, engine.settings, engine.secrets) as opened:
            yield opened


def test_every_column_is_counted_over_all_rows(warehouse: Warehouse) -> None:
    by_name = {profile.name: profile for profile in profile_columns(warehouse, SQL)}
    name = by_name["name"]
    assert (name.rows, name.nulls, name.null_share, name.distinct) == (5, 1, 0.2, 4)
    assert (name.longest, name.longest_chars, name.minimum) == ("Đặng", 4, "")
    assert set(name.sample) <= {"Ann", "Bob", "Đặng", ""} and len(name.sample) == len(set(name.sample)) >= 2
    number = by_name["n"]
    assert (number.minimum, number.maximum, number.is_unique) == ("1", "9007199254740993", True)
    assert (by_name["ok"].minimum, by_name["ok"].maximum) == ("false", "true")
    assert by_name["photo"].longest in ("AP8=", "00ff") and by_name["extra"].minimum is None
    assert not by_name["id"].is_unique


def test_a_sample_of_any_text_comes_back_as_it_is(warehouse: Warehouse) -> None:
    texts = ['q"uote', "it's", "back" + chr(92) + "slash", "two\nlines", "日本"]
    rows = " UNION ALL ".join("SELECT " + " || ".join(f"chr({ord(char)})" for char in text) + " AS t" for text in texts)
    (found,) = profile_columns(warehouse, rows)
    assert sorted(found.sample) == sorted(texts)


def test_columns_of_any_name_are_counted(warehouse: Warehouse) -> None:
    columns = ", ".join(f'{number} AS "{name.replace(chr(34), chr(34) * 2)}"' for number, name in enumerate(ODD_NAMES))
    found = profile_columns(warehouse, f"SELECT {columns}")
    assert [(profile.name, profile.minimum) for profile in found] == [(n, str(i)) for i, n in enumerate(ODD_NAMES)]


def test_a_query_without_rows_has_columns_of_nothing(warehouse: Warehouse) -> None:
    found = profile_columns(warehouse, f"{SQL} WHERE FALSE")
    assert {(profile.rows, profile.nulls, profile.null_share, profile.sample) for profile in found} == {(0, 0, 0.0, ())}


def test_the_key_is_proposed_and_checked_on_all_rows(warehouse: Warehouse) -> None:
    assert propose_key(profile_columns(warehouse, SQL)).column == "n"
    found = check_key(warehouse, SQL, "id")
    assert (found.rows, found.distinct, found.nulls) == (5, 2, 2)  # a blank names nobody either
    assert (found.duplicate_keys, found.duplicate_rows, found.ok) == (1, 2, False)
    assert sorted(found.duplicates["name"].to_pylist()) == ["Bob", "Đặng"]
    assert check_key(warehouse, SQL, "n").ok


def test_the_worst_rows_are_found(warehouse: Warehouse) -> None:
    profiles = profile_columns(warehouse, SQL)
    found = {
        group.kind: sorted(map(str, group.rows["n"].to_pylist()))
        for group in find_worst_rows(warehouse, SQL, "id", profiles)
    }
    assert found == {
        "duplicate_key": ["2", "3"],
        "null_key": ["5", "9007199254740993"],
        "non_ascii": ["2"],
        "out_of_range": ["2", "9007199254740993"],
    }


def test_a_preview_has_the_first_rows_in_their_order(warehouse: Warehouse) -> None:
    found = preview(warehouse, f"{SQL} ORDER BY n", limit=2)
    assert (found.rows.num_rows, found.rows["name"].to_pylist()) == (2, ["Ann", "Đặng"])
    assert [column.type for column in found.columns][2:4] == ["bigint", "date"]
