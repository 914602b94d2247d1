"""What identity rules refused: messages without a profile, blocked values, limits that stopped a tie."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, Subquery, and_, func, select, union

from core.identity.resolve import VIOLATION_LABELS, ViolationRule
from core.profiles.merge_history import find_members
from core.storage.tables import identifiers, violations
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


MERGE_RULES = (
    ViolationRule.VALUE_LIMIT,
    ViolationRule.TIME_LIMIT,
    ViolationRule.MERGE_LIMIT,
    ViolationRule.MAPPING_LIMIT,
    ViolationRule.KEPT_APART,
)
"""Rules that keep identifiers, and with them profiles, from being tied."""


def list_violations(
    workspace: Workspace,
    space_id: str,
    *,
    profile_id: str | None = None,
    rule: str | None = None,
    type: str | None = None,
    value: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[ViolationRecord]:
    """Return violations that meet everything that is given, newest message first.

    The last message's violations are always complete, so a page may be a little longer than `limit`.

    Args:
        workspace: Where they are.
        space_id: Of which space.
        profile_id: Those that concern this profile as it is now: its messages, and messages that would have brought
            one of its identifiers to somebody else.
        rule: Of this rule.
        type: That left out an identifier of this type.
        value: That left out exactly this value, as it was compared.
        before: The last offset of the page before.
        limit: Page size; unit: violations.
    """
    with workspace.database.reading() as connection:
        found = _select(connection, space_id, profile_id, rule=rule, identifier_type=type, identifier_value=value)
        query = select(found)
        if before is not None:
            query = query.where(found.c.log_offset < before)
        rows = list(connection.execute(query.order_by(found.c.log_offset.desc(), found.c.seq).limit(limit)))
        if len(rows) == limit:
            rest = query.where(found.c.log_offset == rows[-1].log_offset, found.c.seq > rows[-1].seq)
            rows += connection.execute(rest.order_by(found.c.seq))
    return [_to_record(row.log_offset, row.rule, orjson.loads(row.detail), row.profile_id) for row in rows]


def list_violations_of(workspace: Workspace, space_id: str, log_offset: int) -> list[ViolationRecord]:
    """Return the violations of one message."""
    table = violations.c
    query = select(violations).where(table.space_id == space_id, table.log_offset == log_offset).order_by(table.seq)
    with workspace.database.reading() as connection:
        rows = list(connection.execute(query))
    return [_to_record(row.log_offset, row.rule, orjson.loads(row.detail), row.profile_id) for row in rows]


def count_violations(
    workspace: Workspace,
    space_id: str,
    *,
    profile_id: str | None = None,
    type: str | None = None,
    value: str | None = None,
) -> dict[str, int]:
    """Return how many violations of each rule there are; arguments as `list_violations`."""
    with workspace.database.reading() as connection:
        found = _select(connection, space_id, profile_id, identifier_type=type, identifier_value=value)
        return {row[0]: row[1] for row in connection.execute(select(found.c.rule, func.count()).group_by(found.c.rule))}


def count_types(workspace: Workspace, space_id: str) -> dict[str, int]:
    """Return how many violations left out an identifier of each type."""
    table = violations.c
    query = select(table.identifier_type, func.count()).where(
        table.space_id == space_id, table.identifier_type.is_not(None)
    )
    with workspace.database.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query.group_by(table.identifier_type))}


def _select(connection: Connection, space_id: str, profile_id: str | None, **equal: str | None) -> Subquery:
    table = violations.c
    query = select(violations).where(
        table.space_id == space_id, *(table[name] == value for name, value in equal.items() if value is not None)
    )
    if profile_id is None:
        return query.subquery()
    ids = find_members(connection, space_id, [profile_id])
    owned = identifiers.c
    theirs = and_(
        owned.space_id == space_id, owned.type == table.identifier_type, owned.value == table.identifier_value
    )
    # two questions that an index answers each; one with OR would read every violation of the space
    return union(
        query.where(table.profile_id.in_(ids)),
        query.join(identifiers, theirs).where(owned.profile_id == profile_id),
    ).subquery()


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
