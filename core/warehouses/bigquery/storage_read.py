"""Reading a result through the Storage API: Arrow over gRPC, in one stream, so that the order of the rows holds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from typing import Any

import pyarrow as pa
from google.api_core import exceptions as api
from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient
from google.cloud.bigquery_storage_v1 import types

from core.warehouses.bigquery.http import PAGE_RETRY
from core.warehouses.cancel import CancelToken
from core.warehouses.sandbox_process import OutOfTime
from core.warehouses.stopping import Budget, cancelled

OPEN_TIMEOUT_S = 30.0
PIECE_S = 30.0
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

    def open(
        self, table: bigquery.TableReference, budget: Budget, token: CancelToken
    ) -> Generator[pa.RecordBatch, None, None] | None:
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
        return self._read(session, budget, token)

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.transport.close()  # type: ignore[no-untyped-call]
            self._client = None

    def _read(
        self, session: types.ReadSession, budget: Budget, token: CancelToken
    ) -> Generator[pa.RecordBatch, None, None]:
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        offset, is_done = 0, not session.streams
        while not is_done:
            # A call has one deadline for all its rows, the consumer's time included: so each reads a piece, and the
            # next begins where it ended
            asked_at, left_s = time.monotonic(), budget.left_s
            call: Any = self._get_client().read_rows(  # type: ignore[no-untyped-call]
                session.streams[0].name, offset, retry=PAGE_RETRY, timeout=max(0.001, min(PIECE_S, left_s))
            )
            take_back = token.on_cancel(call.cancel)
            try:
                for message in call:
                    offset += message.row_count
                    content = pa.py_buffer(message.arrow_record_batch.serialized_record_batch)
                    yield pa.ipc.read_record_batch(content, schema)
                    asked_at, left_s = time.monotonic(), budget.left_s
                is_done = True
            except api.Cancelled:
                raise cancelled(token) from None
            except api.DeadlineExceeded as error:
                if time.monotonic() - asked_at >= left_s:
                    raise OutOfTime from error
            finally:
                take_back()

    def _get_client(self) -> BigQueryReadClient:
        if self._client is None:
            self._client = self._open_client()
        return self._client


def _write_path(table: bigquery.TableReference) -> str:
    return f"projects/{table.project}/datasets/{table.dataset_id}/tables/{table.table_id}"
