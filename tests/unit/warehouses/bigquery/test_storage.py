"""Reading through the Storage API: over gRPC from the emulator, whose jobs have no result tables.

So the jobs come from the recording server, with a table of the emulator as their result.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.api_core import exceptions as api
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField
from google.cloud.bigquery_storage import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from core.errors import QueryCancelled
from core.storage.home import Home
from core.warehouses.bigquery.storage_read import StorageReader
from core.warehouses.bigquery.warehouse import BigQueryWarehouse
from core.warehouses.cancel import CancelToken
from tests.contract.harnesses.bigquery import open_client, open_emulated
from tests.emulators.bigquery.wire import QUERIES, Wire, open_wire
from tests.emulators.recording import Recorder

_PROJECTS = itertools.count(1)
SCHEMA = (
    SchemaField("id", "INT64"),
    SchemaField("name", "STRING"),
    SchemaField("born", "DATE"),
    SchemaField("seen", "DATETIME"),
    SchemaField("updated", "TIMESTAMP"),
    SchemaField("at", "TIME"),
    SchemaField("balance", "NUMERIC"),
    SchemaField("score", "FLOAT64"),
    SchemaField("active", "BOOL"),
    SchemaField("extra", "JSON"),
    SchemaField("photo", "BYTES"),
    SchemaField("tags", "STRING", mode="REPEATED"),
)
ROWS: list[dict[str, Any]] = [
    {
        "id": 2**53 + 1,
        "name": "Zoë",
        "born": "1931-07-04",
        "seen": "1969-12-31T23:59:59.999",
        "updated": "2024-03-31T00:30:00Z",
        "at": "10:00:00.5",
        "balance": "12345678901234.56",
        "score": 0.1,
        "active": True,
        "extra": '{"a": [1, null]}',
        "photo": "AP8=",
        "tags": ["x", "ü"],
    },
    {"id": 2, "name": "", "tags": []},
]


@pytest.fixture(scope="module")
def project(bigquery_port: int) -> str:
    """A project of the emulator with one small table and one of 50,000 rows."""
    name = f"storage-{next(_PROJECTS):06}"
    client = open_client(bigquery_port, name)
    client.create_dataset("crm", retry=None)
    people = client.create_table(bigquery.Table(f"{name}.crm.people", schema=SCHEMA), retry=None)
    assert client.insert_rows_json(people, ROWS, retry=None) == []
    many = "SELECT a * 1000 + b AS n FROM UNNEST(GENERATE_ARRAY(0, 49)) AS a, UNNEST(GENERATE_ARRAY(0, 999)) AS b"
    client.query(f"CREATE TABLE crm.many AS {many} ORDER BY 1", retry=None, job_retry=None).result(retry=None)
    client.close()
    return name


def open_read_client(port: int) -> BigQueryReadClient:
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))


def read_from(table: str, project: str) -> dict[str, str]:
    return {"projectId": project, "datasetId": "crm", "tableId": table}


@pytest.fixture
def opened(home: Home, bigquery_port: int, project: str) -> Iterator[tuple[BigQueryWarehouse, Recorder, Wire]]:
    wire = Wire(fields=[field.to_api_repr() for field in SCHEMA], destination=read_from("people", project))
    with open_wire(wire, home) as (warehouse, recorder):
        warehouse._reader = StorageReader(lambda: open_read_client(bigquery_port + 1), project)
        yield warehouse, recorder, wire


def test_both_read_apis_give_the_same_table(
    opened: tuple[BigQueryWarehouse, Recorder, Wire], bigquery_port: int, project: str
) -> None:
    warehouse, recorder, _ = opened
    stored = warehouse.query("SELECT * FROM crm.people")
    assert recorder.find(QUERIES) == []
    with open_emulated(bigquery_port, project) as plain:
        rest = plain.query("SELECT * FROM crm.people")
    assert stored.schema.equals(rest.schema, check_metadata=True)
    assert stored.to_pylist() == rest.to_pylist()
    assert stored["extra"].to_pylist() == ['{"a": [1, null]}', None]
    assert stored["tags"].to_pylist() == ['["x","ü"]', "[]"]


def test_a_stored_result_keeps_its_order_and_the_size_of_batches(
    opened: tuple[BigQueryWarehouse, Recorder, Wire], project: str
) -> None:
    warehouse, _, wire = opened
    wire.fields, wire.destination = ({"name": "n", "type": "INTEGER"},), read_from("many", project)
    batches = list(warehouse.stream("SELECT n FROM crm.many ORDER BY n", batch_rows=7_000))
    assert [batch.num_rows for batch in batches] == [7_000] * 7 + [1_000]
    assert pa.Table.from_batches(batches)["n"].to_pylist() == list(range(50_000))


class ShortOfTime:
    """The real client, but its first two calls come to their deadline after one message.

    The offset is kept here: the emulator begins at the first row whatever it is asked for.
    """

    def __init__(self, client: BigQueryReadClient) -> None:
        self._client = client
        self.offsets: list[int] = []
        self.create_read_session, self.transport = client.create_read_session, client.transport

    def read_rows(self, name: str, offset: int, **limits: Any) -> Any:
        self.offsets.append(offset)
        return Piece(self._client.read_rows(name, 0, **limits), offset, is_cut=len(self.offsets) <= 2)


class Piece:
    def __init__(self, call: Any, offset: int, *, is_cut: bool) -> None:
        self._call, self._offset, self._is_cut = call, offset, is_cut
        self.cancel = call.cancel

    def __iter__(self) -> Iterator[Any]:
        seen = 0
        for message in self._call:
            if seen >= self._offset:
                yield message
                if self._is_cut:
                    raise api.DeadlineExceeded("Deadline Exceeded")
            seen += message.row_count


def test_a_read_that_comes_to_its_deadline_is_taken_up_where_it_ended(
    opened: tuple[BigQueryWarehouse, Recorder, Wire], bigquery_port: int, project: str
) -> None:
    warehouse, _, wire = opened
    wire.fields, wire.destination = ({"name": "n", "type": "INTEGER"},), read_from("many", project)
    client: Any = ShortOfTime(open_read_client(bigquery_port + 1))
    warehouse._reader = StorageReader(lambda: client, project)
    assert warehouse.query("SELECT n FROM crm.many ORDER BY n")["n"].to_pylist() == list(range(50_000))
    assert client.offsets == sorted(set(client.offsets)) and len(client.offsets) >= 3


def test_a_stored_result_that_is_cancelled_ends(opened: tuple[BigQueryWarehouse, Recorder, Wire], project: str) -> None:
    warehouse, _, wire = opened
    wire.fields, wire.destination = ({"name": "n", "type": "INTEGER"},), read_from("many", project)
    token = CancelToken()
    stream = warehouse.stream("SELECT n FROM crm.many", batch_rows=10, cancel=token)
    next(stream)
    token.cancel("Enough.")
    with pytest.raises(QueryCancelled, match="Enough"):
        list(stream)


def test_a_preview_comes_over_rest_whatever_is_chosen(opened: tuple[BigQueryWarehouse, Recorder, Wire]) -> None:
    warehouse, recorder, wire = opened
    wire.fields, wire.pages = ({"name": "n", "type": "INTEGER"},), [[("1",)]]
    assert warehouse.query("SELECT n FROM crm.many", max_rows=10).num_rows == 1
    assert len(recorder.find(QUERIES)) == 1


def test_where_the_storage_api_has_no_such_result_it_comes_over_rest_and_the_log_says_so(
    opened: tuple[BigQueryWarehouse, Recorder, Wire], project: str, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse, _, wire = opened
    wire.fields, wire.pages = ({"name": "n", "type": "INTEGER"},), [[("1",), ("2",)]]
    wire.destination = read_from("no_such_table", project)
    with caplog.at_level(logging.WARNING):
        assert warehouse.query("SELECT n FROM crm.many")["n"].to_pylist() == [1, 2]
    assert "reading over REST" in caplog.text


def test_the_connection_test_says_which_read_api_serves(bigquery_port: int, project: str) -> None:
    for port, words in ((bigquery_port + 1, "through the Storage API"), (1, "refuses this login")):
        with open_emulated(bigquery_port, project) as warehouse:
            warehouse._reader = StorageReader(lambda port=port: open_read_client(port), project)
            assert words in warehouse.test_connection().detail
