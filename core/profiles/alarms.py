"""What in the identity of a space needs a person: values that many share, profiles that many are poured into, caps.

All of it is read from the violations, by whom they concern: a value that many people's messages carry is refused to all
of them but one, and a profile whose strongest identifier is shared is refused what belongs to its many people.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from core.identity.resolve import ViolationRule
from core.identity.rule import Identifier
from core.profiles.lookup import read_identifiers
from core.profiles.merge_history import find_survivors
from core.profiles.violations import MERGE_RULES
from core.storage.tables import violations
from core.workspaces.workspace import Workspace

MANY_PEOPLE = 20
"""A family shares a phone, a flat an address; more people than that are a shop or a placeholder."""
MAX_SHOWN = 20
IDENTIFIERS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SharedIdentifier:
    """A value that messages of many people carry; `people` is how many were refused it."""

    identifier: Identifier
    people: int
    refusals: int


@dataclass(frozen=True, slots=True)
class CrowdedProfile:
    """A profile that was refused many identifiers; `identifiers` are its strongest, of which one is shared by many."""

    profile_id: str
    identifiers: tuple[Identifier, ...]
    refused: int


@dataclass(frozen=True, slots=True)
class FullProfile:
    """A profile at a cap: of merges or of identifiers. `refusals` is how often the cap spoke."""

    profile_id: str
    rule: str
    refusals: int


@dataclass(frozen=True, slots=True)
class IdentityAlarms:
    """The alarms of a space, the largest first, at most `MAX_SHOWN` of each sort."""

    shared: tuple[SharedIdentifier, ...] = ()
    crowded: tuple[CrowdedProfile, ...] = ()
    full: tuple[FullProfile, ...] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.shared) + len(self.crowded) + len(self.full)


def read_alarms(workspace: Workspace, space_id: str, *, many_people: int = MANY_PEOPLE) -> IdentityAlarms:
    """Return the alarms of a space. O(violations of the space)."""
    with workspace.database.reading() as connection:
        return IdentityAlarms(
            _find_shared(connection, space_id, many_people),
            _find_crowded(connection, space_id, many_people),
            _find_full(connection, space_id),
        )


def describe_alarms(alarms: IdentityAlarms) -> list[str]:
    """Return a sentence for each alarm."""
    lines = [
        f"{each.identifier.type} {each.identifier.value} was refused to {each.people:,} people: very many share it."
        for each in alarms.shared
    ]
    lines += [
        f"{each.profile_id} ({', '.join(f'{type_} {value}' for type_, value in each.identifiers)}) was refused"
        f" {each.refused:,} identifiers: many people share one of its own."
        for each in alarms.crowded
    ]
    for each in alarms.full:
        what = "merges" if each.rule == ViolationRule.MERGE_LIMIT else "identifiers"
        lines.append(f"{each.profile_id} is at the cap of {what}; {each.refusals:,} were refused.")
    return lines


def _find_shared(connection: Connection, space_id: str, many_people: int) -> tuple[SharedIdentifier, ...]:
    table = violations.c
    people = func.count(func.distinct(table.profile_id))
    query = (
        select(table.identifier_type, table.identifier_value, people, func.count())
        .where(table.space_id == space_id, table.identifier_type.is_not(None), table.rule.in_(MERGE_RULES))
        .group_by(table.identifier_type, table.identifier_value)
        .having(func.count() >= many_people, people >= many_people)
        .order_by(people.desc(), table.identifier_type, table.identifier_value)
        .limit(MAX_SHOWN)
    )
    return tuple(SharedIdentifier(Identifier(row[0], row[1]), row[2], row[3]) for row in connection.execute(query))


def _find_crowded(connection: Connection, space_id: str, many_people: int) -> tuple[CrowdedProfile, ...]:
    table = violations.c
    refused = func.count(func.distinct(table.identifier_value))
    query = (
        select(table.profile_id, refused)
        .where(table.space_id == space_id, table.profile_id.is_not(None), table.rule.in_(MERGE_RULES))
        .group_by(table.profile_id)
        .having(func.count() >= many_people, refused >= many_people)
        .order_by(refused.desc(), table.profile_id)
        .limit(MAX_SHOWN)
    )
    counts = {row[0]: row[1] for row in connection.execute(query)}
    now = find_survivors(connection, space_id, set(counts))
    known = read_identifiers(connection, space_id, set(now.values()))
    strongest = {
        profile_id: tuple(Identifier(each.type, each.value) for each in its[:IDENTIFIERS_SHOWN])
        for profile_id, its in known.items()
    }
    largest: dict[str, int] = {}
    for profile_id, count in counts.items():
        largest[now[profile_id]] = largest.get(now[profile_id], 0) + count
    ranked = sorted(largest.items(), key=lambda item: (-item[1], item[0]))
    return tuple(CrowdedProfile(profile_id, strongest.get(profile_id, ()), count) for profile_id, count in ranked)


def _find_full(connection: Connection, space_id: str) -> tuple[FullProfile, ...]:
    table = violations.c
    caps = (ViolationRule.MERGE_LIMIT, ViolationRule.MAPPING_LIMIT)
    query = (
        select(table.profile_id, table.rule, func.count())
        .where(table.space_id == space_id, table.rule.in_(caps), table.profile_id.is_not(None))
        .group_by(table.profile_id, table.rule)
        .order_by(func.count().desc(), table.profile_id)
        .limit(MAX_SHOWN)
    )
    rows = connection.execute(query).all()
    now = find_survivors(connection, space_id, {row[0] for row in rows})
    refusals = Counter[tuple[str, str]]()
    for profile_id, rule, count in rows:
        refusals[now[profile_id], rule] += count
    ranked = sorted(refusals.items(), key=lambda item: (-item[1], item[0]))
    return tuple(FullProfile(profile_id, rule, count) for (profile_id, rule), count in ranked)
