"""BigQuery behind the contract: each query is a job, planned by a dry run, read page by page."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import ClassVar, Self
from urllib.parse import urlsplit

import pyarrow as pa
from google.auth.credentials import Credentials
from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient

from core.storage.home import Home
from core.warehouses.bigquery import catalog
from core.warehouses.bigquery.definition import DEFINITION, read_connection
from core.warehouses.bigquery.grants import Login
from core.warehouses.bigquery.http import PAGE_RETRY, BoundedSession
from core.warehouses.bigquery.jobs import Jobs
from core.warehouses.bigquery.rows import read_batch, read_page, rebatch
from core.warehouses.bigquery.session import BigQueryStateSession, check_writing
from core.warehouses.bigquery.storage_read import OpenReader, StorageReader
from core.warehouses.bigquery.types import to_columns, to_schema
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import ColumnType, CostEstimate, TableInfo, WarehouseDefinition
from core.warehouses.state_session import StateSession
from core.warehouses.stopping import Budget, cancelled
from core.warehouses.warehouse import BATCH_ROWS, QUERY_TIMEOUT_S, STREAM_TIMEOUT_S, Warehouse

DEFAULT_ENDPOINT = "https://bigquery.googleapis.com"


class BigQueryWarehouse(Warehouse):
    """One project at one location."""

    definition: ClassVar[WarehouseDefinition] = DEFINITION

    def __init__(
        self,
        project: str,
        location: str,
        credentials: Credentials,
        *,
        account: str = "",
        api_endpoint: str | None = None,
        maximum_bytes_billed: int | None = None,
        open_reader: OpenReader | None = None,
        zone: str = "UTC",
    ) -> None:
        host = urlsplit(api_endpoint or DEFAULT_ENDPOINT).netloc
        self._login = Login(project, location, account, host)
        self._session = BoundedSession(credentials)
        # The session is the one parameter that the client calls private: no public one bounds a request that hangs
        self._client = bigquery.Client(
            project=project,
            credentials=credentials,
            location=location,
            client_options={"api_endpoint": api_endpoint or DEFAULT_ENDPOINT},
            _http=self._session,
        )
        self._jobs = Jobs(self._client, self._session, self._login, maximum_bytes_billed)
        self._uncapped_jobs = Jobs(self._client, self._session, self._login, None)
        self._cap = maximum_bytes_billed
        self._reader = StorageReader(open_reader, project) if open_reader else None
        self._zone = zone

    @classmethod
    def open(cls, home: Home, settings: Mapping[str, object], secrets: Mapping[str, str]) -> Self:
        """Return the warehouse for a form, without asking Google for anything yet."""
        given = read_connection(settings, secrets)
        credentials = given.key_file.credentials
        return cls(
            given.project,
            given.location,
            credentials,
            account=given.key_file.account,
            api_endpoint=given.api_endpoint,
            maximum_bytes_billed=given.maximum_bytes_billed,
            open_reader=_reader_of(credentials) if given.uses_storage else None,
            zone=given.zone,
        )

    def describe(self, sql: str) -> tuple[ColumnType, ...]:
        """Return the columns of a dry run."""
        job = self._jobs.plan(sql, Budget(QUERY_TIMEOUT_S), self.query_tag)
        return to_columns(job.schema or (), self._zone)

    def list_schemas(self) -> list[str]:
        """Return the datasets at the warehouse's location."""
        with self._jobs.asking("", Budget(QUERY_TIMEOUT_S)):
            return catalog.list_datasets(self._client, self._login.location)[0]

    def list_tables(self, schema: str | None = None) -> list[TableInfo]:
        """Return the tables and views with their columns; of tables for each day the newest."""
        with self._jobs.asking("", Budget(QUERY_TIMEOUT_S)):
            datasets = [schema] if schema is not None else self.list_schemas()
            return catalog.read_tables(self._client, catalog.list_names(self._client, datasets))

    def list_names(self, schema: str) -> list[str]:
        """Return the names of the tables and views of a dataset, from one list."""
        with self._jobs.asking("", Budget(QUERY_TIMEOUT_S)):
            return [table.table_id for table in catalog.list_names(self._client, [schema])]

    def read_table(self, schema: str, name: str) -> TableInfo | None:
        """Return one table or view with its columns."""
        reference = bigquery.DatasetReference(self._login.project, schema).table(name)
        with self._jobs.asking("", Budget(QUERY_TIMEOUT_S)):
            return next(iter(catalog.read_tables(self._client, [reference])), None)

    def stream(
        self,
        sql: str,
        *,
        batch_rows: int = BATCH_ROWS,
        timeout_s: float = STREAM_TIMEOUT_S,
        max_rows: int | None = None,
        cancel: CancelToken | None = None,
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows in batches; see `Warehouse.stream`."""
        token, budget = cancel or CancelToken(), Budget(timeout_s)
        if token.cancelled:
            raise cancelled(token)
        planned = self._jobs.plan(sql, budget, self.query_tag)
        if max_rows == 0:
            yield from rebatch((), to_schema(planned.schema or (), self._zone), 1)
            return
        with self._jobs.running(sql, budget, token, self.query_tag) as job:
            fields = list(job.schema or planned.schema or ())
            schema = to_schema(fields, self._zone)
            rows = self._read(job, sql, schema, max_rows, max(1, batch_rows), budget, token)
            yield from rebatch(rows, schema, max(1, batch_rows))

    def estimate(
        self, sql: str, *, timeout_s: float = QUERY_TIMEOUT_S, cancel: CancelToken | None = None
    ) -> CostEstimate:
        """Return what BigQuery would read, from a dry run; nothing is read, and the cache does not hide it."""
        token = cancel or CancelToken()
        if token.cancelled:
            raise cancelled(token)
        job = self._uncapped_jobs.plan(sql, Budget(timeout_s), self.query_tag, use_cache=False)
        size = int(job.total_bytes_processed or 0)
        if size == 0:
            return CostEstimate("BigQuery does not tell how much it would read for this query.")
        detail = "BigQuery bills what it reads, whatever the query returns."
        if self._cap is not None and size > self._cap:
            detail += f" That is more than the {_write_size(self._cap)} that a query of this warehouse may bill."
        return CostEstimate(detail, scanned_bytes=size)

    def open_state_session(self) -> StateSession:
        """Return a session for our tables; the dataset is made where it is missing."""
        session = BigQueryStateSession(self._client, self._jobs, self._login, self.query_tag)
        session.prepare()
        return session

    def check_write(self) -> None:
        """Write a row into a table of our dataset and take it back; see `Warehouse.check_write`."""
        check_writing(BigQueryStateSession(self._client, self._jobs, self._login, self.query_tag))

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()  # type: ignore[no-untyped-call]
        if self._reader is not None:
            self._reader.close()

    def check_reachable(self) -> None:
        """Have a query looked at and not run: that costs nothing."""
        self.describe("SELECT 1 AS n")

    def _probe(self) -> str:
        self.check_reachable()
        budget = Budget(QUERY_TIMEOUT_S)
        with self._jobs.asking("", budget):
            here, elsewhere = catalog.list_datasets(self._client, self._login.location)
            names = catalog.list_names(self._client, here)
        told = f"{len(names)} table{'' if len(names) == 1 else 's'} can be read in {self._login.location}."
        if elsewhere:
            told += f" Elsewhere, and so out of reach: {', '.join(elsewhere[:5])}{' …' if len(elsewhere) > 5 else ''}."
        if self._reader is not None and names:
            is_open = self._reader.open(names[0], budget, CancelToken()) is not None
            told += (
                " Results come through the Storage API."
                if is_open
                else (" The Storage API refuses this login, so results come over REST.")
            )
        return told

    def _read(
        self,
        job: bigquery.QueryJob,
        sql: str,
        schema: pa.Schema,
        max_rows: int | None,
        batch_rows: int,
        budget: Budget,
        token: CancelToken,
    ) -> Generator[pa.RecordBatch, None, None]:
        fields = list(job.schema or ())
        stored = None
        if self._reader is not None and max_rows is None and job.destination is not None:
            with self._jobs.asking(sql, budget):
                stored = self._reader.open(job.destination, budget, token)
        if stored is not None:
            source = (read_batch(batch, fields, schema) for batch in stored)
        else:
            with self._jobs.asking(sql, budget):
                source = self._read_pages(job, schema, max_rows, max(batch_rows, BATCH_ROWS))
        while True:
            if token.cancelled:
                raise cancelled(token)
            with self._jobs.asking(sql, budget):
                batch = next(source, None)
            if batch is None:
                return
            yield batch

    def _read_pages(
        self, job: bigquery.QueryJob, schema: pa.Schema, max_rows: int | None, page_rows: int
    ) -> Generator[pa.RecordBatch, None, None]:
        size = page_rows if max_rows is None else min(page_rows, max_rows)
        result = job.result(page_size=size, max_results=max_rows, retry=PAGE_RETRY, timeout=None, job_retry=None)
        fields = list(result.schema)
        for page in result.pages:
            rows = page.raw_page.get("rows", ())
            if rows:
                yield read_page(rows, fields, schema)


def _reader_of(credentials: Credentials) -> OpenReader:
    return lambda: BigQueryReadClient(credentials=credentials)  # type: ignore[no-untyped-call]


def _write_size(size: int) -> str:
    amount = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"
