"""The sample models of each engine on its server or emulator, through the product's driver, on the demo's tables."""

from __future__ import annotations

from collections.abc import Iterator

import phonenumbers
import pytest

from core.samples.demo_crm import Crm, make_crm
from core.samples.demo_tables import ACCOUNTS, CONTACTS, LEADS
from core.sql_models.guard import check_query
from core.sql_models.templates import list_templates
from core.storage.home import open_home
from core.warehouses.engines import get_engine
from core.warehouses.warehouse import Warehouse
from tests.engines import ENGINES, open_engine


@pytest.fixture(scope="module")
def crm() -> Crm:
    return make_crm(700, 7)


@pytest.fixture(scope="module", params=ENGINES)
def warehouse(
    request: pytest.FixtureRequest, crm: Crm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    with open_engine(request.param, request) as engine:
        engine.run("CREATE SCHEMA salesforce")
        for table, rows in ((ACCOUNTS, crm.accounts), (CONTACTS, crm.contacts), (LEADS, crm.leads)):
            columns = {column.name: column.type for column in table.columns}
            engine.load(f"salesforce.{table.name}", columns, rows)
        home = open_home(tmp_path_factory.mktemp("home"))
        with get_engine(request.param).open(home, engine.settings, engine.secrets) as opened:
            yield opened


@pytest.mark.parametrize("name", ["accounts", "contacts", "leads"])
def test_w100_w107_each_engine_gives_the_true_phone_of_every_complete_row(
    warehouse: Warehouse, crm: Crm, name: str
) -> None:
    records = {"accounts": crm.truth.accounts, "contacts": crm.truth.contacts, "leads": crm.truth.leads}[name]
    template = next(each for each in list_templates(warehouse.dialect) if each.name == name)
    for sql in (template.sql, check_query(template.sql, warehouse.dialect).sql):
        rows = warehouse.query(sql)
        assert template.key_column in rows.column_names
        by_name = dict(zip(map(str.lower, rows.column_names), rows.columns, strict=True))
        found = list(zip(by_name["id"].to_pylist(), by_name["phone"].to_pylist(), strict=True))
        assert dict(found) == {record.record_id: record.phone for record in records if record.is_complete}
        assert len(found) == len(dict(found))
        assert all(phone is None or phonenumbers.is_valid_number(phonenumbers.parse(phone, None)) for _, phone in found)


def test_w108_each_engine_gives_every_account(warehouse: Warehouse, crm: Crm) -> None:
    template = next(each for each in list_templates(warehouse.dialect) if each.name == "all_accounts")
    assert warehouse.count(check_query(template.sql, warehouse.dialect).sql) == len(crm.accounts)
