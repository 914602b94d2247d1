"""Where a message went: the profile it reached in each space and why, or the rule that kept it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from core.events.event_log import StoredEvent
from core.identity.rule import IdentifierRule
from core.identity.rules import list_rules
from core.profiles.apply import read_messages
from core.profiles.merge_history import find_survivor, list_merges
from core.profiles.profile import ProfileMerge
from core.profiles.progress import read_offset
from core.profiles.reading import read_reading
from core.profiles.violations import ViolationRecord, list_violations_of
from core.storage.tables import profile_messages, profiles
from core.workspaces.spaces import Space, list_spaces
from core.workspaces.workspace import Workspace


class Fate(StrEnum):
    """How a space treated a message."""

    REACHED = "reached"  # a profile
    DROPPED = "dropped"  # by a rule; `violations` says which
    FILTERED = "filtered"  # by the space's event filter `filter_name`
    WAITING = "waiting"  # to be read by the builder
    NOT_READ = "not_read"  # the space does not read the source, or did not when the message came
    NO_IDENTIFIERS_CHOSEN = "no_identifiers_chosen"  # the space cannot tell people apart yet
    PASSED = "passed"  # the builder went by without a trace: the source was connected at another time


@dataclass(frozen=True, slots=True)
class Placement:
    """What became of one message in one space.

    `profile_id` is what the profile is called now; `identifiers` are those the message carried, as `type value`;
    `is_first` says that the message made the profile, `merges` what it tied together.
    """

    space: Space
    fate: Fate
    profile_id: str | None = None
    is_first: bool = False
    identifiers: tuple[str, ...] = ()
    merges: tuple[ProfileMerge, ...] = ()
    violations: tuple[ViolationRecord, ...] = ()
    filter_name: str | None = None


def find_placements(workspace: Workspace, event: StoredEvent) -> Sequence[Placement]:
    """Return what became of the message in each space. O(what the message touches)."""
    return [_find_placement(workspace, space, event) for space in list_spaces(workspace)]


def _find_placement(workspace: Workspace, space: Space, event: StoredEvent) -> Placement:
    violations = tuple(list_violations_of(workspace, space.id, event.offset))
    rules = list_rules(workspace, space.id)
    if not rules:
        return Placement(space, Fate.NO_IDENTIFIERS_CHOSEN)
    with workspace.database.reading() as connection:
        query = select(profile_messages.c.profile_id).where(
            profile_messages.c.space_id == space.id, profile_messages.c.log_offset == event.offset
        )
        resolved_id = connection.execute(query).scalar()
        if resolved_id is not None:
            return _describe_reached(connection, space, event, resolved_id, violations, rules)
        built_to, reading = read_offset(connection, space.id), read_reading(connection, space.id)
    if violations:
        return Placement(space, Fate.DROPPED, violations=violations)
    if not reading.reads(event):
        return Placement(space, Fate.NOT_READ)
    dropped_by = reading.find_filter(event)
    if dropped_by is not None:
        return Placement(space, Fate.FILTERED, filter_name=dropped_by.name)
    return Placement(space, Fate.WAITING if event.offset > built_to else Fate.PASSED)


def _describe_reached(
    connection: Connection,
    space: Space,
    event: StoredEvent,
    resolved_id: str,
    violations: tuple[ViolationRecord, ...],
    rules: Sequence[IdentifierRule],
) -> Placement:
    profile_id = find_survivor(connection, space.id, resolved_id)
    query = select(profiles.c.created_offset).where(profiles.c.space_id == space.id, profiles.c.id == resolved_id)
    (read,) = read_messages([event], rules)
    return Placement(
        space,
        Fate.REACHED,
        profile_id,
        connection.execute(query).scalar() == event.offset,
        tuple(f"{identifier.type} {identifier.value}" for identifier in read.extracted.identifiers),
        tuple(each for each in list_merges(connection, space.id, profile_id) if each.log_offset == event.offset),
        violations,
    )
