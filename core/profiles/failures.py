"""Why profiles do not get on: kept beside how far they are, and gone as soon as they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, update

from core.clock import from_millis, to_millis
from core.errors import CoreError, RunInProgress
from core.incidents import report_incident
from core.storage.bulk import select_equal, upsert_rows
from core.storage.tables import reader_offsets
from core.workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class BuildFailure:
    """What stops a reader of the log, and since when; `error` is plain JSON, as `CoreError.to_dict` gives it."""

    since: datetime
    error: Mapping[str, Any]


@contextmanager
def keeping_failure(workspace: Workspace, reader: str) -> Iterator[None]:
    """Keep what fails inside as the failure of a reader, such as `profiles:` and a space; it is raised all the same.

    Raises:
        Incident: What nobody foresaw, once it is in the log.
    """
    try:
        yield
    except RunInProgress:
        raise
    except CoreError as error:
        _keep(workspace, reader, error)
        raise
    except Exception as error:
        problem = report_incident(error, workspace.now(), "building profiles")
        _keep(workspace, reader, problem)
        raise problem from error


def read_failure(connection: Connection, reader: str) -> BuildFailure | None:
    """Return why a reader does not get on; None where it does."""
    for (stored,) in select_equal(connection, (reader_offsets.c.failure,), {"reader": reader}):
        if stored is not None:
            kept = orjson.loads(stored)
            return BuildFailure(from_millis(kept["since"]), kept["error"])
    return None


def forget_failure(connection: Connection, reader: str) -> None:
    """Note, in the caller's transaction, that a reader gets on again though it has read nothing."""
    connection.execute(update(reader_offsets).where(reader_offsets.c.reader == reader).values(failure=None))


def _keep(workspace: Workspace, reader: str, error: CoreError) -> None:
    now = workspace.now()
    with suppress(CoreError), workspace.database.transaction() as connection:  # a full disk takes no note of it
        before = read_failure(connection, reader)
        kept = {"since": to_millis(now if before is None else before.since), "error": error.to_dict()}
        row = (reader, 0, to_millis(now), orjson.dumps(kept, default=str).decode())
        upsert_rows(connection, reader_offsets, [row], columns=("failure",))
