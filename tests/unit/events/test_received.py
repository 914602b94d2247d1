"""Accepted and refused events are one list, whose pages never change under their reader."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.events.event_log import EventLog, LogEntry, StoredEvent
from core.events.received import Admission, Page, Place, Received, Wanted, find_next_place, read_top, search_received
from core.events.refused import Refusal

START = datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "events.db")
    yield opened
    opened.close()


def accept(log: EventLog, minute: int, user: str = "u1", text: str = "x") -> None:
    at = START + timedelta(minutes=minute)
    log.append([LogEntry("src_a", f"m-{minute}", "track", f"E{minute}", user, at, f'{{"note":"{text}"}}'.encode())])


def refuse(log: EventLog, minute: int, code: str = "event_not_string", user: str = "u1") -> None:
    at = START + timedelta(minutes=minute)
    log.append([], [Refusal("src_a", code, "Why.", None, "track", f"E{minute}", user, at, b'{"note":"x"}')])


def name(events: list[Received]) -> list[str]:
    return [f"{event.name}{'' if isinstance(event, StoredEvent) else '!'}" for event in events]


def test_both_are_listed_by_when_they_came_newest_first(log: EventLog) -> None:
    accept(log, 1)
    refuse(log, 2)
    accept(log, 3)
    assert name(search_received(log, Wanted(), before=read_top(log)).events) == ["E3", "E2!", "E1"]
    assert name(search_received(log, Wanted(admission=Admission.REFUSED), before=read_top(log)).events) == ["E2!"]
    assert name(search_received(log, Wanted(admission=Admission.ACCEPTED), before=read_top(log)).events) == ["E3", "E1"]


def test_filters_hold_for_both_and_a_code_asks_for_refused_ones(log: EventLog) -> None:
    accept(log, 1, user="ada")
    refuse(log, 2, user="ada")
    refuse(log, 3, code="id_required")
    accept(log, 4, text="needle")
    top = read_top(log)
    assert name(search_received(log, Wanted(user_id="ada"), before=top).events) == ["E2!", "E1"]
    assert name(search_received(log, Wanted(code="id_required"), before=top).events) == ["E3!"]
    assert name(search_received(log, Wanted(text="needle"), before=top).events) == ["E4"]
    assert search_received(log, Wanted(source_id="src_b"), before=top) == Page([])


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_hold_each_event_once_to_the_very_first_while_new_ones_arrive(log: EventLog, size: int) -> None:
    for minute in range(20):
        (refuse if minute % 3 == 1 else accept)(log, minute)
    place, seen = read_top(log), list[str]()
    while page := search_received(log, Wanted(), before=place, limit=size).events:
        seen += name(page)
        place = find_next_place(page, place)
        accept(log, 100 + len(seen))
        refuse(log, 200 + len(seen))
    assert seen == [f"E{minute}{'!' if minute % 3 == 1 else ''}" for minute in reversed(range(20))]


def test_what_has_arrived_since_a_place_was_the_top_is_found_alone(log: EventLog) -> None:
    accept(log, 1)
    refuse(log, 2)
    known = read_top(log)
    assert known == Place(2, 2)
    accept(log, 3)
    refuse(log, 4)
    assert name(search_received(log, Wanted(), before=read_top(log), after=known).events) == ["E4!", "E3"]
    assert name(search_received(log, Wanted(text="x"), before=read_top(log), after=known).events) == ["E4!", "E3"]
    assert search_received(log, Wanted(), before=read_top(log), after=read_top(log)) == Page([])
