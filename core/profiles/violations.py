"""What identity rules refused: messages without a profile, blocked values, limits that stopped a tie."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import func, select

from core.identity.resolve import VIOLATION_LABELS
from core.storage.tables import violations
from core.workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ViolationRecord:
    """One refusal. `rule` is a stable code, `label` its words, `detail` what was counted and dropped."""

    log_offset: int
    rule: str
    label: str
    sentence: str
    detail: dict[str, object]
    profile_id: str | None


def list_violations(
    workspace: Workspace,
    space_id: str,
    *,
    profile_id: str | None = None,
    rule: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[ViolationRecord]:
    """Return violations, newest message first; `before` is the last offset of the page before.

    The last message's violations are always complete, so a page may be a little longer than `limit`.
    """
    table = violations.c
    query = select(violations).where(table.space_id == space_id)
    for column, value in ((table.profile_id, profile_id), (table.rule, rule)):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(table.log_offset < before)
    with workspace.database.reading() as connection:
        rows = list(connection.execute(query.order_by(table.log_offset.desc(), table.seq).limit(limit)))
        if len(rows) == limit:
            rest = query.where(table.log_offset == rows[-1].log_offset, table.seq > rows[-1].seq)
            rows += connection.execute(rest.order_by(table.seq))
    return [_to_record(row.log_offset, row.rule, orjson.loads(row.detail), row.profile_id) for row in rows]


def list_violations_of(workspace: Workspace, space_id: str, log_offset: int) -> list[ViolationRecord]:
    """Return the violations of one message."""
    table = violations.c
    query = select(violations).where(table.space_id == space_id, table.log_offset == log_offset).order_by(table.seq)
    with workspace.database.reading() as connection:
        rows = list(connection.execute(query))
    return [_to_record(row.log_offset, row.rule, orjson.loads(row.detail), row.profile_id) for row in rows]


def count_violations(workspace: Workspace, space_id: str, *, profile_id: str | None = None) -> dict[str, int]:
    """Return how many violations of each rule there are, in the space or on one profile."""
    table = violations.c
    query = select(table.rule, func.count()).where(table.space_id == space_id).group_by(table.rule)
    if profile_id is not None:
        query = query.where(table.profile_id == profile_id)
    with workspace.database.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def _to_record(log_offset: int, rule: str, detail: dict[str, object], profile_id: str | None) -> ViolationRecord:
    label = VIOLATION_LABELS.get(rule, rule)
    return ViolationRecord(log_offset, rule, label, _describe(log_offset, label, detail), detail, profile_id)


def _describe(log_offset: int, label: str, detail: dict[str, object]) -> str:
    sentence = f"{label}: message #{log_offset}"
    if "limit" in detail and "type" in detail:
        sentence += f" would give one profile {detail['count']} values of {detail['type']}"
        sentence += f" (limit: {detail['limit']} {detail['period']})"
    elif "pair" in detail:
        sentence += " would make one of profiles that a person keeps apart"
    elif "limit" in detail:
        sentence += f" would exceed {detail['limit']}"
    elif "type" in detail:
        sentence += f", {detail['type']} {detail['value']}"
    dropped = detail.get("dropped")
    if isinstance(dropped, dict):
        sentence += f"; matched without {dropped['type']} {dropped['value']}"
    return f"{sentence}."
