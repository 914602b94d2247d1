"""The BigQuery sample models on the emulator, with the demo's tables loaded into it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import phonenumbers
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from core.samples.demo_crm import Crm, Row, make_crm
from core.samples.demo_people import RecordTruth
from core.samples.demo_tables import ACCOUNTS, CONTACTS, LEADS, DemoTable
from core.sql_models.guard import check_query
from core.sql_models.templates import list_templates
from core.warehouses.bigquery.warehouse import BigQueryWarehouse
from tests.contract.harnesses.bigquery import open_client, open_emulated

_PROJECTS = itertools.count(1)
_TYPES = {pa.string(): "STRING", pa.int64(): "INT64", pa.bool_(): "BOOL", pa.date32(): "DATE"}


@pytest.fixture(scope="module")
def crm() -> Crm:
    return make_crm(2_000, 7)


@pytest.fixture(scope="module")
def warehouse(bigquery_port: int, crm: Crm) -> Iterator[BigQueryWarehouse]:
    project = f"models-{next(_PROJECTS):06}"
    client = open_client(bigquery_port, project)
    client.create_dataset("salesforce", retry=None)
    for table, rows in ((ACCOUNTS, crm.accounts), (CONTACTS, crm.contacts), (LEADS, crm.leads)):
        _load(client, table, rows)
    client.close()
    with open_emulated(bigquery_port, project) as opened:
        yield opened


def _load(client: bigquery.Client, table: DemoTable, rows: Sequence[Row]) -> None:
    names = [column.name.lower() for column in table.columns]
    columns: list[list[Any]] = [list(values) for values in zip(*rows, strict=True)]
    data = pa.table(dict(zip(names, columns, strict=True)))
    content = BytesIO()
    pq.write_table(data, content)
    schema = [SchemaField(field.name, _name_type(field.type)) for field in data.schema]
    target = client.create_table(bigquery.Table(f"{client.project}.salesforce.{table.name}", schema=schema), retry=None)
    config = bigquery.LoadJobConfig(source_format="PARQUET")
    client.load_table_from_file(content, target, rewind=True, job_config=config, num_retries=0).result(retry=None)


def _name_type(type_: pa.DataType) -> str:
    return "NUMERIC" if pa.types.is_decimal(type_) else _TYPES.get(type_, "TIMESTAMP")


@pytest.mark.parametrize("name", ["accounts", "contacts", "leads"])
def test_w102_w107_bigquery_gives_the_true_phone_of_every_complete_row(
    warehouse: BigQueryWarehouse, crm: Crm, name: str
) -> None:
    truth: dict[str, tuple[RecordTruth, ...]] = {
        "accounts": crm.truth.accounts,
        "contacts": crm.truth.contacts,
        "leads": crm.truth.leads,
    }
    template = next(each for each in list_templates("bigquery") if each.name == name)
    for sql in (template.sql, check_query(template.sql, "bigquery").sql):
        rows = warehouse.query(f"SELECT id, phone FROM ({sql}\n) AS q").to_pylist()
        found = {row["id"]: row["phone"] for row in rows}
        assert found == {record.record_id: record.phone for record in truth[name] if record.is_complete}
        assert len(rows) == len(found)
        assert all(phone is None or phonenumbers.is_valid_number(phonenumbers.parse(phone)) for phone in found.values())


def test_w108_bigquery_gives_every_account(warehouse: BigQueryWarehouse, crm: Crm) -> None:
    template = next(each for each in list_templates("bigquery") if each.name == "all_accounts")
    assert warehouse.count(check_query(template.sql, "bigquery").sql) == len(crm.accounts)
