"""What a person can choose from when they set up a prediction, and how long the training will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import select

from core.events.event_log import open_event_log
from core.events.message import MessageType, to_number
from core.predictions.prediction import Prediction
from core.storage.tables import profile_messages
from core.workspaces.workspace import Workspace

START_S = 1.0
EVENTS_PER_S = 20_000
"""Measured on 2 processors, docs/benchmarks.md; replaced by what the slowest training here took."""
_SAMPLE = 30


@dataclass(frozen=True, slots=True)
class EventProperty:
    """A property seen on an event; `is_number` says that its values are numbers, or texts that spell one."""

    name: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """How long a training will take, reading so many messages; `is_learned` from earlier ones of this workspace."""

    messages: int
    seconds: float
    is_learned: bool


def has_events(workspace: Workspace, space_id: str) -> bool:
    """Say whether any event of a person has reached a profile; until then nothing can be predicted (W70)."""
    table = profile_messages.c
    query = select(table.log_offset).where(
        table.space_id == space_id, table.type.in_((MessageType.TRACK, MessageType.PAGE, MessageType.SCREEN))
    )
    with workspace.database.reading() as connection:
        return connection.execute(query.limit(1)).first() is not None


def list_event_properties(workspace: Workspace, event: str) -> list[EventProperty]:
    """Return the properties of the event's newest messages, those that are numbers first."""
    values: dict[str, list[object]] = {}
    for found in open_event_log(workspace).search(type=MessageType.TRACK, name=event, limit=_SAMPLE):
        properties = orjson.loads(found.body).get("properties")
        for name, value in properties.items() if isinstance(properties, dict) else ():
            values.setdefault(name, []).append(value)
    seen = [EventProperty(name, all(to_number(each) is not None for each in its)) for name, its in values.items()]
    return sorted(seen, key=lambda each: (not each.is_number, each.name))


def count_messages(workspace: Workspace) -> int:
    """Return how many messages the event log holds: a training reads all of them. O(sources)."""
    return sum(open_event_log(workspace).count_by_source().values())


def estimate_training(workspace: Workspace, others: Sequence[Prediction]) -> TrainingEstimate:
    """Return how long a training over the event log, as it is now, will take.

    Goes by the slowest training among the `others`, which took so long for so many messages, else by what was measured.
    """
    messages = count_messages(workspace)
    took_s = [
        each.report["took_s"] * max(1.0, messages / max(1, each.report.get("read", messages)))
        for each in others
        if each.report.get("took_s")
    ]
    return TrainingEstimate(messages, max(took_s) if took_s else START_S + messages / EVENTS_PER_S, bool(took_s))
