"""The records of finished runs: one Parquet file a run, searchable; unchanged records are counted, not listed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from core.errors import NotFound, StoreUnreadable
from core.mappings.compile import REASONS
from core.profiles.account_traits import UNUSABLE_ID, UNUSABLE_ID_CODE
from core.workspaces.workspace import Workspace

MESSAGES = {
    **REASONS,
    "mode_excludes_added": "The sync's mode leaves out added records.",
    "mode_excludes_updated": "The sync's mode leaves out updated records.",
    "mode_excludes_deleted": "The sync's mode leaves out deleted records.",
    "empty_result_guard": "The SQL model returned no rows at all; deleting everything needs a confirmation.",
    UNUSABLE_ID_CODE: UNUSABLE_ID,
    "user_suppressed": "The person is suppressed: nothing of them is sent, and nothing of the row is kept.",
    "cancelled": "The run was cancelled before this record was sent. It comes up again in the next run.",
    "destination_unavailable": "The destination did not answer. The record comes up again in the next run.",
}
"""What each reason means, for people."""


def get_records_path(workspace: Workspace, run_id: str) -> Path:
    """Return the path of a run's records."""
    return workspace.home.runs / f"{run_id}.parquet"


_FROM = (
    "FROM read_parquet($path) r LEFT JOIN meanings m ON m.code = r.code "
    "WHERE ($pattern IS NULL OR r.key ILIKE $pattern ESCAPE '!' OR payload ILIKE $pattern ESCAPE '!' "
    "OR r.code ILIKE $pattern ESCAPE '!' OR coalesce(message, meaning) ILIKE $pattern ESCAPE '!') "
    "AND ($outcome IS NULL OR outcome = $outcome) AND ($code IS NULL OR r.code = $code) "
)


def search_records(
    workspace: Workspace,
    run_id: str,
    *,
    text: str | None = None,
    outcome: str | None = None,
    code: str | None = None,
    limit: int = 200,
    offset: int = 0,
) -> pa.Table:
    """Return records of a run: key, operation, outcome, reason, field, message_id, payload.

    Args:
        workspace: The opened workspace.
        run_id: A finished run.
        text: Part of the key, of the reason or of the payload; letter case does not matter.
        outcome: Only `delivered`, `rejected` or `held`.
        code: Only records with this reason.
        limit: At most this many; what was not delivered comes first.
        offset: How many to pass over: those of the pages before.

    Raises:
        NotFound: The run has no records: it is not over, or failed before it sent anything.
        StoreUnreadable: The file of the records is damaged.
    """
    with _open(workspace, run_id) as (engine, path):
        result = engine.sql(
            "SELECT r.key, operation, outcome, r.code, coalesce(message, meaning) AS reason, field, "
            f"message_id, payload {_FROM} ORDER BY outcome = 'delivered', r.code, r.key LIMIT $limit OFFSET $offset",
            params={**_filter(path, text, outcome, code), "limit": limit, "offset": offset},
        )
        return result.to_arrow_table()


def count_records(
    workspace: Workspace, run_id: str, *, text: str | None = None, outcome: str | None = None, code: str | None = None
) -> int:
    """Return how many records `search_records` finds over all pages; raises as it does."""
    with _open(workspace, run_id) as (engine, path):
        counted = engine.execute(f"SELECT count(*) {_FROM}", _filter(path, text, outcome, code))
        return int((counted.fetchone() or (0,))[0])


@contextmanager
def _open(workspace: Workspace, run_id: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    path = get_records_path(workspace, run_id)
    if not path.exists():
        raise NotFound("This run has no records.", hint="Records are listed once a run is over.")
    meanings = pa.table({"code": list(MESSAGES), "meaning": list(MESSAGES.values())})
    try:
        with duckdb.connect(":memory:") as engine:
            engine.register("meanings", meanings)
            yield engine, path
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise StoreUnreadable(
            "The records of this run cannot be read: their file is damaged.",
            hint="The balance sheet is kept apart and still counts. Restore the file from a backup, or sync again.",
        ) from error


def _filter(path: Path, text: str | None, outcome: str | None, code: str | None) -> dict[str, object]:
    pattern = f"%{_escape(text)}%" if text else None
    return {"path": str(path), "pattern": pattern, "outcome": outcome, "code": code}


def _escape(text: str) -> str:
    for character in "!%_":
        text = text.replace(character, f"!{character}")
    return text
