"""Reading a result through the Storage API: Arrow over gRPC, in one stream, so that the order of the rows holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator

import pyarrow as pa
from google.api_core import exceptions as api
from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient
from google.cloud.bigquery_storage_v1 import types

from core.warehouses.bigquery.http import PAGE_RETRY
from core.warehouses.stopping import Budget

OPEN_TIMEOUT_S = 30.0
_REFUSALS = (
    api.NotFound,
    api.PermissionDenied,
    api.FailedPrecondition,
    api.InvalidArgument,
    api.MethodNotImplemented,
    api.ServiceUnavailable,
)
_log = logging.getLogger(__name__)

OpenReader = Callable[[], BigQueryReadClient]


class StorageReader:
    """Opens read sessions. It opens none where BigQuery refuses: those results come over REST."""

    def __init__(self, open_client: OpenReader, project: str) -> None:
        self._open_client = open_client
        self._project = project
        self._client: BigQueryReadClient | None = None

    def open(self, table: bigquery.TableReference, budget: Budget) -> Generator[pa.RecordBatch, None, None] | None:
        """Return the rows of `table`, or None where the Storage API does not give them."""
        timeout_s = min(OPEN_TIMEOUT_S, max(0.001, budget.left_s))
        try:
            session = self._get_client().create_read_session(
                parent=f"projects/{self._project}",
                read_session=types.ReadSession(table=_write_path(table), data_format=types.DataFormat.ARROW),
                max_stream_count=1,
                retry=None,
                timeout=timeout_s,
            )
        except (*_REFUSALS, api.DeadlineExceeded) as error:
            _log.warning("the Storage API refused a read session (%s): reading over REST", type(error).__name__)
            return None
        return self._read(session)

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.transport.close()  # type: ignore[no-untyped-call]
            self._client = None

    def _read(self, session: types.ReadSession) -> Generator[pa.RecordBatch, None, None]:
        if not session.streams:
            return
        reader = self._get_client().read_rows(session.streams[0].name, retry=PAGE_RETRY)  # type: ignore[no-untyped-call]
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        for message in reader:
            content = pa.py_buffer(message.arrow_record_batch.serialized_record_batch)
            yield pa.ipc.read_record_batch(content, schema)

    def _get_client(self) -> BigQueryReadClient:
        if self._client is None:
            self._client = self._open_client()
        return self._client


def _write_path(table: bigquery.TableReference) -> str:
    return f"projects/{table.project}/datasets/{table.dataset_id}/tables/{table.table_id}"
