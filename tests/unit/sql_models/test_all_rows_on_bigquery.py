"""What is said about all rows of a model, in BigQuery's words, on the emulator."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from core.sql_models.column_profile import profile_columns
from core.sql_models.key_check import check_key, propose_key
from core.sql_models.preview import preview
from core.sql_models.worst_rows import find_worst_rows
from core.warehouses.bigquery.warehouse import BigQueryWarehouse
from tests.contract.harnesses.bigquery import open_client, open_emulated

SQL = "SELECT * FROM crm.people"
ODD_NAMES = ("a'b", "ünï", "select", "a-b", "rows")
_PROJECTS = itertools.count(1)
_COLUMNS = (
    SchemaField("id", "STRING"),
    SchemaField("name", "STRING"),
    SchemaField("n", "INT64"),
    SchemaField("born", "DATE"),
    SchemaField("photo", "BYTES"),
    SchemaField("extra", "JSON"),
    SchemaField("score", "FLOAT64"),
)
_ROWS = (
    {"id": "a", "name": "Ann", "n": 1, "born": "1980-01-01", "photo": "AP8=", "extra": '{"a": 1}', "score": 0.5},
    {"id": "b", "name": "Đặng", "n": 2, "born": "1880-01-01", "score": "NaN"},
    {"id": "b", "name": "Bob", "n": 3},
    {"n": 9007199254740993, "born": "1990-01-01"},
    {"id": " ", "name": "", "n": 5, "born": "1990-01-01"},
)


@pytest.fixture(scope="module")
def warehouse(bigquery_port: int) -> Iterator[BigQueryWarehouse]:
    project = f"all-rows-{next(_PROJECTS):06}"
    client = open_client(bigquery_port, project)
    client.create_dataset("crm", retry=None)
    table = client.create_table(bigquery.Table(f"{project}.crm.people", schema=_COLUMNS), retry=None)
    assert client.insert_rows_json(table, _ROWS, retry=None) == []
    client.close()
    with open_emulated(bigquery_port, project) as opened:
        yield opened


def test_every_column_is_counted_over_all_rows(warehouse: BigQueryWarehouse) -> None:
    by_name = {profile.name: profile for profile in profile_columns(warehouse, SQL)}
    name = by_name["name"]
    assert (name.rows, name.nulls, name.null_share, name.distinct) == (5, 1, 0.2, 4)
    assert (name.longest, name.longest_chars, name.minimum) == ("Đặng", 4, "")
    assert set(name.sample) <= {"Ann", "Bob", "Đặng", ""} and len(name.sample) == len(set(name.sample)) >= 2
    number = by_name["n"]
    assert (number.minimum, number.maximum, number.is_unique) == ("1", "9007199254740993", True)
    assert by_name["photo"].longest == "AP8=" and by_name["extra"].minimum is None
    assert (by_name["extra"].distinct, by_name["extra"].nulls, len(by_name["extra"].sample)) == (1, 4, 1)
    assert not by_name["id"].is_unique


def test_columns_of_any_name_are_counted(warehouse: BigQueryWarehouse) -> None:
    found = profile_columns(warehouse, "SELECT " + ", ".join(f"{i} AS `{name}`" for i, name in enumerate(ODD_NAMES)))
    assert [(profile.name, profile.minimum) for profile in found] == [(n, str(i)) for i, n in enumerate(ODD_NAMES)]


def test_a_query_without_rows_has_columns_of_nothing(warehouse: BigQueryWarehouse) -> None:
    found = profile_columns(warehouse, f"{SQL} WHERE FALSE")
    assert {(profile.rows, profile.nulls, profile.null_share, profile.sample) for profile in found} == {(0, 0, 0.0, ())}


def test_the_key_is_proposed_and_checked_on_all_rows(warehouse: BigQueryWarehouse) -> None:
    assert propose_key(profile_columns(warehouse, SQL)).column == "n"
    found = check_key(warehouse, SQL, "id")
    assert (found.rows, found.distinct, found.nulls) == (5, 2, 2)  # a blank names nobody either
    assert (found.duplicate_keys, found.duplicate_rows, found.ok) == (1, 2, False)
    assert sorted(found.duplicates["name"].to_pylist()) == ["Bob", "Đặng"]
    assert check_key(warehouse, SQL, "n").ok


def test_the_worst_rows_are_found(warehouse: BigQueryWarehouse) -> None:
    profiles = profile_columns(warehouse, SQL)
    groups = find_worst_rows(warehouse, SQL, "id", profiles)
    assert {group.kind: sorted(group.rows["n"].to_pylist()) for group in groups} == {
        "duplicate_key": [2, 3],
        "null_key": [5, 9007199254740993],
        "non_ascii": [2],
        "out_of_range": [2, 9007199254740993],
    }


def test_a_preview_has_true_types(warehouse: BigQueryWarehouse) -> None:
    found = preview(warehouse, f"{SQL} ORDER BY n", limit=2)
    assert (found.rows.num_rows, found.rows["name"].to_pylist()) == (2, ["Ann", "Đặng"])
    assert [column.type for column in found.columns][:4] == ["STRING", "STRING", "INT64", "DATE"]
