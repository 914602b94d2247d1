"""The session that writes our own tables in the dataset `__onramp`.

BigQuery has no connections and no read-only sessions: what keeps a person's SQL from writing is the guard, the check of
each query's kind before it runs (`jobs`), and the roles of the service account.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core import exceptions as api
from google.cloud import bigquery

from core.errors import SqlSyntaxError
from core.warehouses.bigquery import grants
from core.warehouses.bigquery.grants import Login
from core.warehouses.bigquery.http import RETRY
from core.warehouses.bigquery.jobs import Jobs, write_labels
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import QueryTag
from core.warehouses.state_session import STATE_SCHEMA, STATEMENT_TIMEOUT_S, StateSession
from core.warehouses.stopping import Budget

_CREATE_SCHEMA = "CREATE SCHEMA IF NOT EXISTS "
LOAD_BYTES = 32 * 1024**2


class BigQueryStateSession(StateSession):
    """Statements are jobs; rows come in by load jobs, which BigQuery runs for nothing."""

    def __init__(self, client: bigquery.Client, jobs: Jobs, login: Login, tag: QueryTag | None) -> None:
        self._client = client
        self._jobs = jobs
        self._login = login
        self._tag = tag

    def prepare(self, dataset_name: str = STATE_SCHEMA) -> None:
        """Make the dataset where there is none; its location is fixed then, so it is said.

        Raises:
            PermissionMissing: There is none, and the service account may not make it.
        """
        name = bigquery.DatasetReference(self._login.project, dataset_name)
        with self._jobs.asking("", Budget(STATEMENT_TIMEOUT_S)):
            try:
                self._client.get_dataset(name, retry=RETRY, timeout=None)
            except api.NotFound:
                dataset = bigquery.Dataset(name)
                dataset.location = self._login.location
                self._client.create_dataset(dataset, exists_ok=True, retry=RETRY, timeout=None)

    def execute(self, sql: str, *, cancel: CancelToken | None = None) -> int:
        """Run one statement; see `StateSession.execute`."""
        if sql.startswith(_CREATE_SCHEMA):
            # the statement would need a permission that limited access lacks, even if there is one
            self.prepare(sql.removeprefix(_CREATE_SCHEMA).strip("`"))
            return -1
        budget = Budget(STATEMENT_TIMEOUT_S)
        try:
            with self._jobs.running(sql, budget, cancel or CancelToken(), self._tag) as job:
                rows = job.num_dml_affected_rows
        except SqlSyntaxError as error:
            if STATE_SCHEMA in error.message and error.code == "unknown_table" and "dataset" in error.message:
                raise grants.missing_dataset(self._login) from error
            raise
        return -1 if rows is None else int(rows)

    def load(self, table: str, batches: Iterable[pa.RecordBatch], *, cancel: CancelToken | None = None) -> int:
        """Append rows by load jobs of Parquet; see `StateSession.load`."""
        dataset, name = table.replace("`", "").split(".")
        target = bigquery.TableReference(bigquery.DatasetReference(self._login.project, dataset), name)
        token = cancel or CancelToken()
        return sum(self._load(target, part, token) for part in _cut(batches))

    def close(self) -> None:
        """Nothing to end: there is no connection."""

    def _load(self, target: bigquery.TableReference, part: pa.Table, token: CancelToken) -> int:
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            labels=write_labels(self._tag),
        )
        content = io.BytesIO()
        pq.write_table(part, content)

        def start(job_id: str) -> bigquery.LoadJob:
            return self._client.load_table_from_file(
                content,
                target,
                rewind=True,
                job_id=job_id,
                job_config=config,
                location=self._login.location,
                num_retries=0,
                timeout=None,
            )

        with self._jobs.following(start, "", Budget(STATEMENT_TIMEOUT_S), token):
            return int(part.num_rows)


def check_writing(session: BigQueryStateSession) -> None:
    """Make a table in our dataset, write a row in it, and take both back.

    Raises:
        PermissionMissing: A permission is missing; `context["grant"]` holds the statement that grants it.
    """
    table = f"`{STATE_SCHEMA}`.`connection_test`"
    session.prepare()
    session.execute(f"CREATE TABLE IF NOT EXISTS {table} (n INT64)")
    try:
        session.execute(f"INSERT INTO {table} VALUES (1)")  # noqa: S608 - a name of ours
    finally:
        session.execute(f"DROP TABLE IF EXISTS {table}")


def _cut(batches: Iterable[pa.RecordBatch]) -> Generator[pa.Table, None, None]:
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        if batch.num_rows:
            held.append(batch)
            size += batch.nbytes
        if size >= LOAD_BYTES:
            yield pa.Table.from_batches(held)
            held, size = [], 0
    if held:
        yield pa.Table.from_batches(held)
