"""The records of finished runs: one Parquet file a run, searchable; unchanged records are counted, not listed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from core.errors import NotFound
from core.mappings.compile import REASONS
from core.workspaces.workspace import Workspace

MESSAGES = {
    **REASONS,
    "mode_excludes_added": "The sync's mode leaves out added records.",
    "mode_excludes_updated": "The sync's mode leaves out updated records.",
    "mode_excludes_deleted": "The sync's mode leaves out deleted records.",
    "empty_result_guard": "The SQL model returned no rows at all; deleting everything needs a confirmation.",
    "cancelled": "The run was cancelled before this record was sent. It comes up again in the next run.",
    "destination_unavailable": "The destination did not answer. The record comes up again in the next run.",
}
"""What each reason means, for people."""


def get_records_path(workspace: Workspace, run_id: str) -> Path:
    """Return the path of a run's records."""
    return workspace.home.runs / f"{run_id}.parquet"


def search_records(
    workspace: Workspace,
    run_id: str,
    *,
    text: str | None = None,
    outcome: str | None = None,
    code: str | None = None,
    limit: int = 200,
) -> pa.Table:
    """Return records of a run: key, operation, outcome, reason, field, message_id, payload.

    Args:
        workspace: The opened workspace.
        run_id: A finished run.
        text: Part of the key, of the reason or of the payload; letter case does not matter.
        outcome: Only `delivered`, `rejected` or `held`.
        code: Only records with this reason.
        limit: At most this many; what was not delivered comes first.

    Raises:
        NotFound: The run has no records: it is not over, or failed before it sent anything.
    """
    path = get_records_path(workspace, run_id)
    if not path.exists():
        raise NotFound("This run has no records.", hint="Records are listed once a run is over.")
    meanings = pa.table({"code": list(MESSAGES), "meaning": list(MESSAGES.values())})
    pattern = None if not text else f"%{_escape(text)}%"
    with duckdb.connect(":memory:") as engine:
        engine.register("meanings", meanings)
        result = engine.sql(
            "SELECT r.key, operation, outcome, r.code, coalesce(message, meaning) AS reason, field, "
            "message_id, payload "
            "FROM read_parquet($path) r LEFT JOIN meanings m ON m.code = r.code "
            "WHERE ($pattern IS NULL OR r.key ILIKE $pattern ESCAPE '!' OR payload ILIKE $pattern ESCAPE '!' "
            "OR r.code ILIKE $pattern ESCAPE '!' OR coalesce(message, meaning) ILIKE $pattern ESCAPE '!') "
            "AND ($outcome IS NULL OR outcome = $outcome) AND ($code IS NULL OR r.code = $code) "
            "ORDER BY outcome = 'delivered', r.code, r.key LIMIT $limit",
            params={"path": str(path), "pattern": pattern, "outcome": outcome, "code": code, "limit": limit},
        )
        return result.to_arrow_table()


def _escape(text: str) -> str:
    for character in "!%_":
        text = text.replace(character, f"!{character}")
    return text
