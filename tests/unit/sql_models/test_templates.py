from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb
import phonenumbers
import pytest
import sqlglot
from sqlglot import exp

from core.errors import InvalidField
from core.samples.demo_people import DemoTruth
from core.samples.demo_warehouse import build_demo_warehouse
from core.sql_models.guard import check_query
from core.sql_models.templates import DIALECTS, list_templates

OBJECTS = ("accounts", "contacts", "leads")
COUNTRY_COLUMNS = {"accounts": "billing_country", "contacts": "mailing_country", "leads": "country"}
PHONES = [
    ("(212) 555-0123", "US", "+12125550123"),
    ("(212) 555-0123", " us ", "+12125550123"),
    ("212.555.0123", "USA", "+12125550123"),
    ("1-212-555-0123", "United States", "+12125550123"),
    ("+1 (212) 555-0123", "DE", "+12125550123"),
    ("(212) 555-0123 x204", "US", "+12125550123"),
    ("(212) 555-0123 Ext. 9", "US", "+12125550123"),
    ("(212) 555-0123", "DE", None),
    ("(212) 555-0123", "Atlantis", None),
    ("555-0123", "US", None),
    ("(000) 000-0000", "US", None),
    ("(000) 000-0000", "DE", None),
    ("(555) 555-5555", "US", None),
    ("+1 999 999 9999", "US", None),
    ("+1 555 555 5555", "US", None),
    ("+45 12 34 56 78", "US", "+4512345678"),
    ("+49 (0)30 23125 123", "DE", "+493023125123"),
    ("0049 30 23125123", "DE", "+493023125123"),
    ("030 23125-123", "Deutschland", "+493023125123"),
    ("030 23125-123", "Atlantis", None),
    ("020 7946 0123", "uk", "+442079460123"),
    ("01 99 00 12 34", "FR", "+33199001234"),
    ("03-5550-1234", "日本", "+81355501234"),
    ("０３－５５５０－１２３４", "JP", None),
    ("n/a", "US", None),
    ("", "US", None),
    ("+", "US", None),
    ("12345", "FR", None),
    ("+123456789012345678", "US", None),
]


@dataclass(frozen=True)
class Demo:
    path: Path
    truth: DemoTruth


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    path = tmp_path_factory.mktemp("demo") / "demo.duckdb"
    return Demo(path, build_demo_warehouse(path, customers=2_000))


@pytest.fixture(scope="module")
def connection(demo: Demo) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(demo.path), read_only=True) as connection:
        yield connection


def _sql(dialect: str, name: str) -> str:
    return next(template.sql for template in list_templates(dialect) if template.name == name)


def _wanted(demo: Demo, name: str) -> dict[str, str | None]:
    truth = {"accounts": demo.truth.accounts, "contacts": demo.truth.contacts, "leads": demo.truth.leads}[name]
    return {record.record_id: record.phone for record in truth if record.is_complete}


def test_w100_there_are_accounts_contacts_and_leads_in_each_of_five_dialects() -> None:
    assert len(DIALECTS) == 5
    for dialect in DIALECTS:
        assert [template.name for template in list_templates(dialect)] == [*OBJECTS, "all_accounts"]


def test_an_unknown_dialect_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidField, match="duckdb"):
        list_templates("mysql")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", [*OBJECTS, "all_accounts"])
def test_w107_a_template_is_one_query_in_its_dialect_without_mysql_regexp(dialect: str, name: str) -> None:
    statements = sqlglot.parse(_sql(dialect, name), dialect=dialect)
    assert len(statements) == 1
    assert isinstance(statements[0], exp.Query)
    assert "REGEXP '" not in _sql(dialect, name)
    assert not list(statements[0].find_all(exp.Anonymous))
    assert "," not in {line.split("--")[0].strip()[-1:] for line in _before_from(_sql(dialect, name))}


def _before_from(sql: str) -> list[str]:
    lines = sql.splitlines()
    return [before for before, line in pairwise(lines) if line.strip().startswith("FROM ")]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", OBJECTS)
def test_w101_w103_phone_is_named_once_and_read_with_the_objects_country(dialect: str, name: str) -> None:
    query = sqlglot.parse_one(_sql(dialect, name), dialect=dialect)
    names = [each.alias_or_name.lower() for each in query.expressions]
    assert names.count("phone") == 1
    assert f"UPPER(TRIM({COUNTRY_COLUMNS[name]}))" in _sql(dialect, name).replace(
        COUNTRY_COLUMNS[name].upper(), COUNTRY_COLUMNS[name]
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_texts_say_where_they_differ_from_the_published_sample(dialect: str) -> None:
    assert all("Differs from the published sample" in _sql(dialect, name) for name in OBJECTS)


def test_w108_the_simple_template_gives_every_account(connection: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    rows = connection.execute(f"SELECT count(*) FROM ({_sql('duckdb', 'all_accounts')})").fetchall()
    assert rows == [(len(demo.truth.accounts),)]


@pytest.mark.parametrize("name", OBJECTS)
def test_w102_duckdb_gives_the_true_phone_of_every_complete_row(
    connection: duckdb.DuckDBPyConnection, demo: Demo, name: str
) -> None:
    rows = connection.execute(f"SELECT ID, PHONE FROM ({_sql('duckdb', name)})").fetchall()
    assert len(rows) == len(dict(rows))
    assert dict(rows) == _wanted(demo, name)
    for _, phone in rows:
        assert phone is None or phonenumbers.is_valid_number(phonenumbers.parse(phone, None))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_guard_accepts_every_template_and_finds_its_table(dialect: str) -> None:
    for template in list_templates(dialect):
        table = template.name.removeprefix("all_")
        assert check_query(template.sql, dialect).tables == (f"salesforce.{table}",)


@pytest.mark.parametrize("name", OBJECTS)
def test_the_guards_own_writing_of_a_template_gives_the_same_phones(
    connection: duckdb.DuckDBPyConnection, demo: Demo, name: str
) -> None:
    sent = check_query(_sql("duckdb", name), "duckdb").sql
    assert dict(connection.execute(f"SELECT ID, PHONE FROM ({sent})").fetchall()) == _wanted(demo, name)


@pytest.mark.parametrize("name", OBJECTS)
def test_w101_duckdb_keeps_all_columns(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    table = {column[0] for column in connection.execute(f"DESCRIBE salesforce.{name}").fetchall()}
    found = [column[0] for column in connection.execute(f"DESCRIBE {_sql('duckdb', name)}").fetchall()]
    assert set(found) == table
    assert len(found) == len(table)


@pytest.mark.parametrize("name", OBJECTS)
def test_w106_duckdb_reads_each_way_of_writing_a_phone(name: str) -> None:
    with duckdb.connect() as memory:
        memory.execute("CREATE SCHEMA salesforce")
        country = COUNTRY_COLUMNS[name]
        memory.execute(f"CREATE TABLE salesforce.{name} (ID INTEGER, PHONE VARCHAR, {country} VARCHAR)")
        rows = [(number, phone, country) for number, (phone, country, _) in enumerate(PHONES)]
        memory.executemany(
            f"INSERT INTO salesforce.{name} VALUES (?, ?, ?)", [*rows, (98, None, "US"), (99, "1", None)]
        )
        found = memory.execute(f"SELECT ID, PHONE FROM ({_sql('duckdb', name)}) ORDER BY ID").fetchall()
    assert found == [(number, phone) for number, (_, _, phone) in enumerate(PHONES)]
