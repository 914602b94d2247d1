"""What is said about all rows of a model, in the words of each engine, on its server or emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from core.sql_models.column_profile import profile_columns
from core.sql_models.dialects.registry import get_dialect
from core.sql_models.key_check import check_key, propose_key
from core.sql_models.preview import preview
from core.sql_models.worst_rows import find_worst_rows
from core.storage.home import open_home
from core.warehouses.engines import get_engine
from core.warehouses.warehouse import Warehouse
from tests.engines import ENGINES, open_engine


class Words(NamedTuple):
    """How an engine writes the rows: its types of id, name, n, born, photo, extra, score, ok, and three values."""

    types: tuple[str, ...]
    photo: str
    extra: str
    not_a_number: str
    odd_names: tuple[str, ...] = ('a"b', "a'b", "two\nlines", "ünï", "select", "a.b")


NAMES = ("id", "name", "n", "born", "photo", "extra", "score", "ok")
WORDS = {
    "bigquery": Words(
        ("STRING", "STRING", "INT64", "DATE", "BYTES", "JSON", "FLOAT64", "BOOL"),
        *("FROM_HEX('00ff')", """JSON '{"a": 1}'""", "CAST('NaN' AS FLOAT64)"),
        ("a'b", "ünï", "select", "a-b", "rows"),
    ),
    "postgres": Words(
        ("text", "text", "bigint", "date", "bytea", "jsonb", "double precision", "boolean"),
        *("decode('00ff', 'hex')", """'{"a": 1}'""", "'NaN'"),
    ),
    "redshift": Words(
        ("varchar(10)", "varchar(10)", "bigint", "date", "varbyte", "super", "double precision", "boolean"),
        *("decode('00ff', 'hex')", """'{"a": 1}'""", "'NaN'"),
    ),
    "snowflake": Words(
        ("VARCHAR", "VARCHAR", "NUMBER(38,0)", "DATE", "BINARY", "VARIANT", "FLOAT", "BOOLEAN"),
        *("TO_BINARY('00FF', 'HEX')", """PARSE_JSON('{"a": 1}')""", "'NaN'::FLOAT"),
    ),
}
ROWS = (
    "'a', 'Ann', 1, DATE '1980-01-01', {photo}, {extra}, 0.5, TRUE",
    "'b', 'Đặng', 2, DATE '1880-01-01', NULL, NULL, {not_a_number}, FALSE",
    "'b', 'Bob', 3, NULL, NULL, NULL, NULL, NULL",
    "NULL, NULL, 9007199254740993, DATE '1990-01-01', NULL, NULL, NULL, NULL",
    "' ', '', 5, DATE '1990-01-01', NULL, NULL, NULL, NULL",
)


@pytest.fixture(scope="module", params=ENGINES)
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    words = WORDS[request.param]
    columns = ", ".join(map(" ".join, zip(NAMES, words.types, strict=True)))
    with open_engine(request.param, request) as engine:
        inserts = [f"INSERT INTO crm.people SELECT {row.format(**words._asdict())}" for row in ROWS]
        engine.run(f"CREATE TABLE crm.people ({columns})", *inserts)
        home = open_home(tmp_path_factory.mktemp("home"))
        with get_engine(request.param).open(home, engine.settings, engine.secrets) as opened:
            yield opened


@pytest.fixture(scope="module")
def sql(warehouse: Warehouse) -> str:
    """All columns, by names in lower case on every engine."""
    quote = get_dialect(warehouse.dialect).quote
    return f"SELECT {', '.join(f'{name} AS {quote(name)}' for name in NAMES)} FROM crm.people"


def test_every_column_is_counted_over_all_rows(warehouse: Warehouse, sql: str) -> None:
    by_name = {profile.name: profile for profile in profile_columns(warehouse, sql)}
    name = by_name["name"]
    assert (name.rows, name.nulls, name.null_share, name.distinct) == (5, 1, 0.2, 4)
    assert (name.longest, name.longest_chars, name.minimum) == ("Đặng", 4, "")
    assert set(name.sample) <= {"Ann", "Bob", "Đặng", ""} and len(name.sample) == len(set(name.sample)) >= 2
    number = by_name["n"]
    assert (number.minimum, number.maximum, number.is_unique) == ("1", "9007199254740993", True)
    assert (by_name["ok"].minimum, by_name["ok"].maximum) == ("false", "true")
    extra = by_name["extra"]
    assert by_name["photo"].longest in ("AP8=", "00ff")
    assert (extra.minimum, extra.distinct, extra.nulls, len(extra.sample)) == (None, 1, 4, 1)
    assert not by_name["id"].is_unique


def test_a_sample_of_any_text_comes_back_as_it_is(warehouse: Warehouse) -> None:
    texts = ['q"uote', "it's", "back" + chr(92) + "slash", "two\nlines", "日本"]
    rows = " UNION ALL ".join("SELECT " + " || ".join(f"CHR({ord(char)})" for char in text) + " AS t" for text in texts)
    (found,) = profile_columns(warehouse, f"SELECT t FROM ({rows}) AS texts")
    assert set(found.sample) <= set(texts) and len(found.sample) == len(set(found.sample)) >= 3


def test_columns_of_any_name_are_counted(warehouse: Warehouse) -> None:
    names, quote = WORDS[warehouse.definition.name].odd_names, get_dialect(warehouse.dialect).quote
    found = profile_columns(warehouse, "SELECT " + ", ".join(f"{i} AS {quote(name)}" for i, name in enumerate(names)))
    assert [(profile.name, profile.minimum) for profile in found] == [(n, str(i)) for i, n in enumerate(names)]


def test_a_query_without_rows_has_columns_of_nothing(warehouse: Warehouse, sql: str) -> None:
    found = profile_columns(warehouse, f"{sql} WHERE FALSE")
    assert {(profile.rows, profile.nulls, profile.null_share, profile.sample) for profile in found} == {(0, 0, 0.0, ())}


def test_the_key_is_proposed_and_checked_on_all_rows(warehouse: Warehouse, sql: str) -> None:
    assert propose_key(profile_columns(warehouse, sql)).column == "n"
    found = check_key(warehouse, sql, "id")
    assert (found.rows, found.distinct, found.nulls) == (5, 2, 2)  # a blank names nobody either
    assert (found.duplicate_keys, found.duplicate_rows, found.ok) == (1, 2, False)
    assert sorted(found.duplicates["name"].to_pylist()) == ["Bob", "Đặng"]
    assert check_key(warehouse, sql, "n").ok


def test_the_worst_rows_are_found(warehouse: Warehouse, sql: str) -> None:
    groups = find_worst_rows(warehouse, sql, "id", profile_columns(warehouse, sql))
    assert {group.kind: sorted(map(int, group.rows["n"].to_pylist())) for group in groups} == {
        "duplicate_key": [2, 3],
        "null_key": [5, 9007199254740993],
        "non_ascii": [2],
        "out_of_range": [2, 9007199254740993],
    }


def test_a_preview_has_the_first_rows_in_their_order_with_true_types(warehouse: Warehouse, sql: str) -> None:
    found = preview(warehouse, f"{sql} ORDER BY n", limit=2)
    assert (found.rows.num_rows, found.rows["name"].to_pylist()) == (2, ["Ann", "Đặng"])
    types = [column.type.lower().replace("character varying", "varchar") for column in found.columns]
    wanted = WORDS[warehouse.definition.name].types
    assert types[2:4] == [wanted[2].lower(), "date"]
