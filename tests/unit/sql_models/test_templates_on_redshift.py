"""The Redshift sample models through Redshift's driver, on a Postgres whose functions do as Redshift's of that name."""

from __future__ import annotations

from collections.abc import Iterator

import phonenumbers
import psycopg
import pytest

from core.samples.demo_crm import Crm, make_crm
from core.sql_models.guard import check_query
from core.sql_models.templates import list_templates
from core.storage.home import open_home
from core.warehouses.redshift.warehouse import RedshiftWarehouse
from tests.emulators.postgres_front import PostgresFront
from tests.engines import RedshiftEngine, open_engine
from tests.unit.sql_models.demo_in_postgres import load_demo, read_truth


@pytest.fixture(scope="module")
def crm() -> Crm:
    return make_crm(2_000, 7)


@pytest.fixture(scope="module")
def warehouse(
    redshift_front: PostgresFront, crm: Crm, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedshiftWarehouse]:
    with open_engine("redshift", request) as engine:
        assert isinstance(engine, RedshiftEngine)
        with psycopg.connect(redshift_front.upstream.url(engine.settings["database"])) as owner:
            load_demo(owner, crm)
        home = open_home(tmp_path_factory.mktemp("home"))
        with RedshiftWarehouse.open(home, engine.settings, engine.secrets) as opened:
            yield opened


@pytest.mark.parametrize("name", ["accounts", "contacts", "leads"])
def test_w100_w107_redshift_gives_the_true_phone_of_every_complete_row(
    warehouse: RedshiftWarehouse, crm: Crm, name: str
) -> None:
    template = next(each for each in list_templates("redshift") if each.name == name)
    for sql in (template.sql, check_query(template.sql, "redshift").sql):
        rows = warehouse.query(sql)
        assert template.key_column in rows.column_names
        found = list(zip(rows["id"].to_pylist(), rows["phone"].to_pylist(), strict=True))
        assert dict(found) == {record.record_id: record.phone for record in read_truth(crm, name) if record.is_complete}
        assert len(found) == len(dict(found))
        assert all(phone is None or phonenumbers.is_valid_number(phonenumbers.parse(phone, None)) for _, phone in found)


def test_w108_redshift_gives_every_account(warehouse: RedshiftWarehouse, crm: Crm) -> None:
    template = next(each for each in list_templates("redshift") if each.name == "all_accounts")
    assert warehouse.count(template.sql) == len(crm.accounts)
