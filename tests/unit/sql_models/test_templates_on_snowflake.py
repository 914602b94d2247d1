"""The Snowflake sample models on the emulator, with the demo's tables loaded into it, through the product's driver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import phonenumbers
import pytest
from snowflake.connector.cursor import SnowflakeCursor

from core.records import to_json_value
from core.samples.demo_crm import Crm, Row, make_crm
from core.samples.demo_people import RecordTruth
from core.samples.demo_tables import ACCOUNTS, CONTACTS, LEADS, DemoTable
from core.sql_models.guard import check_query
from core.sql_models.templates import list_templates
from core.storage.home import open_home
from core.warehouses.snowflake.warehouse import SnowflakeWarehouse
from tests.emulators.snowflake.emulator import SECRETS, new_settings, open_session

CASES = ("accounts", "contacts", "leads")


@pytest.fixture(scope="module")
def crm() -> Crm:
    return make_crm(2_000, 7)


@pytest.fixture(scope="module")
def warehouse(snowflake_port: int, crm: Crm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnowflakeWarehouse]:
    settings = new_settings(snowflake_port)
    with open_session(snowflake_port, settings) as session, session.cursor() as cursor:
        cursor.execute("CREATE SCHEMA salesforce")
        for table, rows in ((ACCOUNTS, crm.accounts), (CONTACTS, crm.contacts), (LEADS, crm.leads)):
            _load_table(cursor, table, rows)
    home: Path = tmp_path_factory.mktemp("home")
    with SnowflakeWarehouse.open(open_home(home), settings, SECRETS) as opened:
        yield opened


def _load_table(cursor: SnowflakeCursor, table: DemoTable, rows: Sequence[Row]) -> None:
    place = f"salesforce.{table.name}"
    columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    cursor.execute(f"CREATE TABLE {place} ({columns})")
    values = ", ".join(f"value[{number}]::VARCHAR::{column.type}" for number, column in enumerate(table.columns))
    text = orjson.dumps([[to_json_value(value) for value in row] for row in rows]).decode()
    cursor.execute(f"INSERT INTO {place} SELECT {values} FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?)))", [text])


@pytest.mark.parametrize("name", CASES)
def test_w100_w107_snowflake_gives_the_true_phone_of_every_complete_row(
    warehouse: SnowflakeWarehouse, crm: Crm, name: str
) -> None:
    truth: dict[str, tuple[RecordTruth, ...]] = {
        "accounts": crm.truth.accounts,
        "contacts": crm.truth.contacts,
        "leads": crm.truth.leads,
    }
    template = next(each for each in list_templates("snowflake") if each.name == name)
    for sql in (template.sql, check_query(template.sql, "snowflake").sql):
        rows = warehouse.query(sql)
        assert template.key_column in rows.column_names
        found = list(zip(rows["ID"].to_pylist(), rows["PHONE"].to_pylist(), strict=True))
        assert dict(found) == {record.record_id: record.phone for record in truth[name] if record.is_complete}
        assert len(found) == len(dict(found))
        assert all(phone is None or phonenumbers.is_valid_number(phonenumbers.parse(phone, None)) for _, phone in found)


def test_w108_snowflake_gives_every_account(warehouse: SnowflakeWarehouse, crm: Crm) -> None:
    template = next(each for each in list_templates("snowflake") if each.name == "all_accounts")
    assert warehouse.count(template.sql) == len(crm.accounts)
