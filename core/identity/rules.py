"""Identity rules: which identifiers tie messages to a person, and how far each is trusted.

A change applies to new messages only; loosening is safe, tightening leaves older profiles as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from core.errors import InvalidField, NotFound
from core.identity.caps import read_caps
from core.identity.edits import RuleEdit, add_rules, delete_rule, find_rule, make_custom, number, propose, with_checked
from core.identity.identifiers import DEFAULT_IDENTIFIERS, DEFAULT_TYPES, RECOMMENDED_CUSTOM
from core.identity.rule import (
    DEFAULT_VALUE_LIMIT,
    PERIODS,
    SUGGESTED_BLOCKED_EXACT,
    SUGGESTED_BLOCKED_PATTERNS,
    IdentifierRule,
    Period,
    default_rule,
)
from core.storage.bulk import read_document, select_equal
from core.storage.tables import identifier_rules, spaces
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

__all__ = [
    "DEFAULT_IDENTIFIERS",
    "DEFAULT_VALUE_LIMIT",
    "PERIODS",
    "RECOMMENDED_CUSTOM",
    "IdentifierRule",
    "Period",
    "add_custom_identifier",
    "add_external_types",
    "add_identifiers",
    "add_recommended_identifiers",
    "delete_identifier",
    "edit_identifier",
    "import_rules",
    "list_rules",
    "read_rules",
]


RECOMMENDED_TYPES = ("user_id", "email", "anonymous_id")
RULE_COLUMNS = tuple(
    identifier_rules.c[name]
    for name in (
        *("type", "priority", "value_limit", "period", "blocked"),
        *("custom", "external_only", "key", "in_properties"),
    )
)


def list_rules(workspace: Workspace, space_id: str) -> list[IdentifierRule]:
    """Return the space's rules, highest priority first; none until a person added identifiers."""
    with workspace.database.reading() as connection:
        return read_rules(connection, space_id)


def read_rules(connection: Connection, space_id: str) -> list[IdentifierRule]:
    """Return the space's rules as `connection` sees them, highest priority first."""
    return to_rules(select_equal(connection, RULE_COLUMNS, {"space_id": space_id}))


def to_rules(rows: Iterable[Sequence[Any]]) -> list[IdentifierRule]:
    """Return the rules in `RULE_COLUMNS`, highest priority first."""
    found = []
    for type_, priority, value_limit, period, stored, custom, external_only, key, in_properties in rows:
        blocked = read_document(stored)
        exact, patterns = tuple(blocked["exact"]), tuple(blocked["patterns"])
        limits = type_, priority, value_limit, Period(period)
        places = bool(custom), bool(external_only), key, bool(in_properties)
        found.append(IdentifierRule(*limits, exact, patterns, *places))
    return sorted(found, key=attrgetter("priority", "type"))


def add_identifiers(workspace: Workspace, space_id: str, types: Sequence[str]) -> list[IdentifierRule]:
    """Add default identifiers with their default settings, all or none, and return all rules (W62-W64).

    Raises:
        InvalidField: A type is unknown, named twice, or there already.
    """
    unknown = [type_ for type_ in types if type_ not in DEFAULT_TYPES]
    if unknown:
        raise InvalidField(
            f"There is no default identifier {unknown[0]!r}.",
            hint=f"Choose from {', '.join(DEFAULT_TYPES)}, or add a custom identifier.",
        )
    if len(set(types)) < len(types):
        raise InvalidField("The same identifier is named twice.", hint="Name each identifier once.")
    return _add(workspace, space_id, [default_rule(type_) for type_ in types])


def add_recommended_identifiers(workspace: Workspace, space_id: str) -> list[IdentifierRule]:
    """Add what most spaces start with, all or none: user id, e-mail, anonymous id and phone.

    Raises:
        InvalidField: One is there already.
    """
    new = [*map(default_rule, RECOMMENDED_TYPES), make_custom(RECOMMENDED_CUSTOM.type)]
    return _add(workspace, space_id, new)


def add_custom_identifier(
    workspace: Workspace,
    space_id: str,
    name: str,
    *,
    key: str | None = None,
    value_limit: int = DEFAULT_VALUE_LIMIT,
    period: str = Period.EVER,
    blocked_exact: Sequence[str] = SUGGESTED_BLOCKED_EXACT,
    blocked_patterns: Sequence[str] = SUGGESTED_BLOCKED_PATTERNS,
) -> IdentifierRule:
    """Add an identifier read from the trait or property `key`, by default its name, in camelCase or snake_case.

    In externalIds its name is its type.

    Raises:
        InvalidField: The name is not usable, is a default identifier, or there already; or a setting is not valid.
    """
    new = make_custom(name)
    edit = RuleEdit(new.type, value_limit, period, None, blocked_exact, blocked_patterns, key)
    return find_rule(_add(workspace, space_id, [with_checked(new, edit)]), new.type)


def edit_identifier(workspace: Workspace, space_id: str, edit: RuleEdit) -> IdentifierRule:
    """Change the settings of an identifier and return its rule; a priority moves it to that place.

    Raises:
        NotFound: The space has no such identifier.
        InvalidField: A setting is not valid; nothing was changed.
    """
    with workspace.database.transaction() as connection:
        rules = _read_locked(connection, space_id)
        proposed = propose(rules, [edit])
        before, after = find_rule(rules, edit.type), find_rule(proposed, edit.type)
        _write(connection, workspace, space_id, rules, proposed)
        if after != before:
            _record(connection, workspace, "updated", space_id, edit.type, before, after)
    return after


def delete_identifier(workspace: Workspace, space_id: str, type: str) -> None:
    """Remove an identifier; profiles keep the values they have, new messages are not matched by it.

    Raises:
        NotFound: The space has no such identifier.
        IllegalTransition: It is the last one.
    """
    with workspace.database.transaction() as connection:
        rules = _read_locked(connection, space_id)
        left = delete_rule(rules, type)
        _write(connection, workspace, space_id, rules, left)
        _record(connection, workspace, "deleted", space_id, type, find_rule(rules, type), None)


def import_rules(workspace: Workspace, space_id: str, from_space_id: str) -> list[IdentifierRule]:
    """Put the rules and caps of another space in the place of this one's, all or none, and return them.

    They apply to new data; a rebuild applies them to everything.

    Raises:
        NotFound: There is no such space.
        InvalidField: The other space has no rules, or is this one.
    """
    with workspace.database.transaction() as connection:
        before, wanted = _read_locked(connection, space_id), _read_locked(connection, from_space_id)
        if not wanted or space_id == from_space_id:
            raise InvalidField(
                "There are no identity rules to import from there.", hint="Choose another space that has identifiers."
            )
        written = _write(connection, workspace, space_id, before, wanted)
        caps = read_caps(connection, from_space_id)
        values = {"max_merges": caps.merges, "max_identifiers": caps.identifiers}
        connection.execute(update(spaces).where(spaces.c.id == space_id).values(values))
        record_change(
            connection,
            workspace,
            "imported",
            "space",
            space_id,
            before={"identifiers": [_to_document(rule) for rule in before]},
            after={"from": from_space_id, "identifiers": [_to_document(rule) for rule in written], **values},
        )
    return written


def add_external_types(connection: Connection, workspace: Workspace, space_id: str, types: Sequence[str]) -> None:
    """Add identifiers first seen in `externalIds` with their default settings, in the caller's transaction."""
    rules = _read_locked(connection, space_id)
    unknown = set(types) - {rule.type for rule in rules}
    new = [replace(default_rule(type_), custom=type_ not in DEFAULT_TYPES, external_only=True) for type_ in unknown]
    _write_added(connection, workspace, space_id, rules, new)


def _add(workspace: Workspace, space_id: str, new: Sequence[IdentifierRule]) -> list[IdentifierRule]:
    with workspace.database.transaction() as connection:
        return _write_added(connection, workspace, space_id, _read_locked(connection, space_id), new)


def _write_added(
    connection: Connection,
    workspace: Workspace,
    space_id: str,
    rules: Sequence[IdentifierRule],
    new: Sequence[IdentifierRule],
) -> list[IdentifierRule]:
    written = _write(connection, workspace, space_id, rules, add_rules(rules, new))
    names = {rule.type for rule in new}
    for rule in written:
        if rule.type in names:
            _record(connection, workspace, "created", space_id, rule.type, None, rule)
    return written


def _write(
    connection: Connection,
    workspace: Workspace,
    space_id: str,
    before: Sequence[IdentifierRule],
    ordered: Sequence[IdentifierRule],
) -> list[IdentifierRule]:
    old = {rule.type: rule for rule in before}
    after = number(ordered)
    for rule in after:
        values = _to_document(rule)
        if rule.type not in old:
            connection.execute(insert(identifier_rules).values(space_id=space_id, created_at=workspace.now(), **values))
        elif rule != old[rule.type]:
            connection.execute(update(identifier_rules).where(_is(space_id, rule.type)).values(**values))
    for type_ in old.keys() - {rule.type for rule in after}:
        connection.execute(delete(identifier_rules).where(_is(space_id, type_)))
    return after


def _read_locked(connection: Connection, space_id: str) -> list[IdentifierRule]:
    # The space's row is the lock: on Postgres two people must not number the same priorities at once.
    if connection.execute(select(spaces.c.id).where(spaces.c.id == space_id).with_for_update()).first() is None:
        raise NotFound(f"There is no profile space {space_id}.", hint="Choose one of the workspace's spaces.")
    return read_rules(connection, space_id)


def _is(space_id: str, type_: str) -> ColumnElement[bool]:
    return and_(identifier_rules.c.space_id == space_id, identifier_rules.c.type == type_)


def _to_document(rule: IdentifierRule) -> dict[str, object]:
    document: dict[str, object] = asdict(rule)
    exact, patterns = document.pop("blocked_exact"), document.pop("blocked_patterns")
    return {**document, "period": str(rule.period), "blocked": {"exact": exact, "patterns": patterns}}


def _record(
    connection: Connection,
    workspace: Workspace,
    action: str,
    space_id: str,
    type_: str,
    before: IdentifierRule | None,
    after: IdentifierRule | None,
) -> None:
    record_change(
        connection,
        workspace,
        action,
        "identifier",
        f"{space_id}:{type_}",
        before=None if before is None else _to_document(before),
        after=None if after is None else _to_document(after),
    )
