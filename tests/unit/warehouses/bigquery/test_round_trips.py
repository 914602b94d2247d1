"""Our own tables in BigQuery, on the emulator."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest

from core.warehouses.bigquery import session as session_module
from core.warehouses.bigquery.warehouse import BigQueryWarehouse
from tests.contract.harnesses.bigquery import open_client, open_emulated

MakeWarehouse = Callable[..., BigQueryWarehouse]
_PROJECTS = itertools.count(1)


@pytest.fixture
def make_warehouse(bigquery_port: int) -> Iterator[MakeWarehouse]:
    opened: list[BigQueryWarehouse] = []

    def make(*statements: str) -> BigQueryWarehouse:
        project = f"round-trips-{next(_PROJECTS):06}"
        client = open_client(bigquery_port, project)
        for sql in ("CREATE SCHEMA crm", *statements):
            client.query(sql, retry=None, job_retry=None).result(retry=None)
        client.close()
        opened.append(open_emulated(bigquery_port, project))
        return opened[-1]

    yield make
    for warehouse in opened:
        warehouse.close()


def test_rows_of_ours_are_loaded_in_several_jobs_and_none_is_lost(
    make_warehouse: MakeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "LOAD_BYTES", 1_000_000)
    warehouse = make_warehouse()
    keys = [f"key {number}" for number in range(5_000)]
    batch = pa.RecordBatch.from_pydict({"record_id": keys, "print": ["x" * 1_000] * len(keys)})
    with warehouse.open_state_session() as session:
        session.execute("CREATE TABLE `__onramp`.`t` (record_id STRING, print STRING)")
        parts = [batch.slice(start, 500) for start in range(0, 5_000, 500)]
        assert session.load("`__onramp`.`t`", parts) == 5_000
    assert warehouse.count("SELECT DISTINCT record_id FROM `__onramp`.`t`") == 5_000


def test_the_jobs_of_onramp_are_known_by_their_ids(make_warehouse: MakeWarehouse, bigquery_port: int) -> None:
    warehouse = make_warehouse()
    assert warehouse.query("SELECT 1 AS n").to_pylist() == [{"n": 1}]
    client = open_client(bigquery_port, warehouse._login.project)
    ids = [job.job_id for job in client.list_jobs(retry=None)]
    client.close()
    assert any(each.startswith("onramp_") for each in ids)
