"""Running jobs: a dry run that refuses whatever is not a query, a start, a wait that can be cut short, a cancel."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar, cast

from google.api_core import exceptions as api
from google.cloud import bigquery

from core.errors import CoreError, NotReadOnly
from core.warehouses.bigquery.errors import (
    CLIENT_ERRORS,
    Failure,
    not_bigquery,
    translate_error,
    translate_failure,
)
from core.warehouses.bigquery.grants import Login
from core.warehouses.bigquery.http import NO_RETRY, RETRY, BoundedSession
from core.warehouses.bigquery.statement import check_one_query
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import QueryTag
from core.warehouses.sandbox_process import OutOfTime
from core.warehouses.stopping import Budget, cancelled, timed_out

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 2.0
CANCEL_TIMEOUT_S = 5.0
_log = logging.getLogger(__name__)

Job = TypeVar("Job", bigquery.QueryJob, bigquery.LoadJob)


class Jobs:
    """The jobs of one warehouse. Threads share it: each job belongs to the thread that runs it."""

    def __init__(
        self, client: bigquery.Client, session: BoundedSession, login: Login, maximum_bytes_billed: int | None
    ) -> None:
        self._client = client
        self._session = session
        self._login = login
        self._cap = maximum_bytes_billed

    @contextmanager
    def asking(self, sql: str, budget: Budget) -> Generator[None, None, None]:
        """Take what the block's requests need off the budget; turn what they raise into our errors."""
        try:
            with self._session.within(budget):
                yield
        except OutOfTime as error:
            raise timed_out(budget.total_s) from error
        except CLIENT_ERRORS as error:
            raise translate_error(error, sql, self._login) from error
        except (KeyError, ValueError, TypeError) as error:  # what the client makes of a reply of another form
            raise not_bigquery(self._login) from error

    def plan(self, sql: str, budget: Budget, tag: QueryTag | None, *, use_cache: bool = True) -> bigquery.QueryJob:
        """Return BigQuery's dry run of one query: its columns and what it would read. Nothing runs.

        Raises:
            NotReadOnly: By its words, or by BigQuery's own reading, it is not one query.
        """
        check_one_query(sql)
        config = self._configure(budget, tag, is_dry=True)
        config.use_query_cache = use_cache
        with self.asking(sql, budget):
            job = self._client.query(
                sql, job_config=config, location=self._login.location, retry=RETRY, timeout=None, job_retry=None
            )
        if job.statement_type != "SELECT":
            raise NotReadOnly(
                f"BigQuery reads the text as {str(job.statement_type or 'no query').replace('_', ' ')}.",
                code="not_a_query",
                hint="Write one SELECT (or WITH … SELECT).",
            )
        return job

    @contextmanager
    def running(
        self, sql: str, budget: Budget, token: CancelToken, tag: QueryTag | None
    ) -> Generator[bigquery.QueryJob, None, None]:
        """Run a statement and give its finished job; whatever ends the block before that ends the job."""
        config = self._configure(budget, tag)

        def start(job_id: str) -> bigquery.QueryJob:
            return self._client.query(
                sql,
                job_config=config,
                job_id=job_id,
                location=self._login.location,
                retry=RETRY,
                timeout=None,
                job_retry=None,
            )

        with self.following(start, sql, budget, token) as job:
            yield job

    @contextmanager
    def following(
        self, start: Callable[[str], Job], sql: str, budget: Budget, token: CancelToken
    ) -> Generator[Job, None, None]:
        """Start a job under an id of ours, so that it can be cancelled before its first reply, and wait for it."""
        job_id = f"onramp_{uuid.uuid4().hex}"
        # The block may go on in the token's thread only after the job is done: then there is nothing left to cancel
        take_back = token.on_cancel(lambda: self._cancel(job_id))
        try:
            job = self._finish(start, job_id, sql, budget, token)
        except (CoreError, GeneratorExit, KeyboardInterrupt):
            if not token.cancelled:
                self._cancel(job_id)
            raise
        finally:
            take_back()
        if job.error_result:
            reason, message = str(job.error_result.get("reason", "")), str(job.error_result.get("message", ""))
            raise translate_failure(Failure(reason, message), sql, self._login)
        yield job

    def _finish(self, start: Callable[[str], Job], job_id: str, sql: str, budget: Budget, token: CancelToken) -> Job:
        if token.cancelled:
            raise cancelled(token)
        woken = threading.Event()
        take_back = token.on_cancel(woken.set)
        deadline = time.monotonic() + budget.left_s
        try:
            with self.asking(sql, budget):
                try:
                    job = start(job_id)
                except api.Conflict:  # the reply to the first try was lost; the id is ours alone
                    job = cast(Job, self._client.get_job(job_id, location=self._login.location, retry=RETRY))
                pause_s = FIRST_WAIT_S
                while job.state != "DONE" and not token.cancelled:
                    woken.wait(min(pause_s, max(0.0, deadline - time.monotonic())))
                    pause_s = min(pause_s * 1.5, LONGEST_WAIT_S)
                    if not token.cancelled:
                        job.reload(retry=RETRY, timeout=None)
        except CoreError:
            if token.cancelled:
                raise cancelled(token) from None
            raise
        finally:
            take_back()
        if token.cancelled:
            raise cancelled(token)
        if job.error_result and "timed out" in str(job.error_result.get("message")):
            raise timed_out(budget.total_s)
        return job

    def _cancel(self, job_id: str) -> None:
        with contextlib.suppress(OutOfTime):
            try:
                with self._session.within(Budget(CANCEL_TIMEOUT_S)):
                    self._client.cancel_job(job_id, location=self._login.location, retry=NO_RETRY, timeout=None)
            except api.NotFound:
                pass  # it never began
            except CLIENT_ERRORS as error:
                _log.warning("job %s could not be cancelled: %s", job_id, type(error).__name__)

    def _configure(self, budget: Budget, tag: QueryTag | None, *, is_dry: bool = False) -> bigquery.QueryJobConfig:
        config = bigquery.QueryJobConfig(use_legacy_sql=False, labels=write_labels(tag))
        if is_dry:
            config.dry_run = True
        config.job_timeout_ms = max(1, round(budget.left_s * 1000))
        if self._cap is not None:
            config.maximum_bytes_billed = self._cap
        return config


def write_labels(tag: QueryTag | None) -> dict[str, str]:
    """Return the labels of a job: values of up to 63 lower-case letters, digits, dashes and underscores."""
    labels = {"application": "onramp"}
    if tag is not None:
        labels |= {"onramp_sync": _write_label(tag.sync_id), "onramp_run": _write_label(tag.run_id)}
    return labels


def _write_label(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:63]
