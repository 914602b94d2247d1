"""Refused events are kept, found, and marked when they are replayed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import NotFound
from core.events import refused
from core.events.event_log import EventLog, LogEntry
from core.events.refused import Refusal, get_refused, mark_replayed, search_refused

AT = datetime(2026, 11, 25, 9, 5, 0, 123_000, tzinfo=UTC)


def refusal(code: str = "event_not_string", source_id: str = "src_a", body: bytes = b'{"event": 1}') -> Refusal:
    return Refusal(source_id, code, "The event's name is no text.", "m-1", "track", None, "u1", AT, body)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "events.db")
    yield opened
    opened.close()


def test_a_refused_event_comes_back_as_it_was_received(log: EventLog) -> None:
    assert log.append([], [refusal(body=b"\xff not even JSON")]) == []
    (event,) = search_refused(log)
    assert event[1:-1] == refusal(body=b"\xff not even JSON")
    assert event.replayed_as is None
    assert get_refused(log, event.number) == event
    assert log.last_offset() == 0, "a refused event is no part of the log"


def test_refused_events_are_searched_by_text_source_code_and_type_newest_first_in_pages(log: EventLog) -> None:
    log.append([], [refusal(), refusal("id_required", "src_b", b'{"name": "Zo\xc3\xab"}'), refusal("id_required")])
    assert [event.number for event in search_refused(log)] == [3, 2, 1]
    assert [event.number for event in search_refused(log, code="id_required")] == [3, 2]
    assert [event.number for event in search_refused(log, source_id="src_a", before=3)] == [1]
    assert [event.number for event in search_refused(log, text="zoë")] == [2]
    assert search_refused(log, type="page") == []
    assert [event.number for event in search_refused(log, limit=1)] == [3]


def test_accepted_and_refused_events_of_one_request_are_written_together_or_not_at_all(log: EventLog) -> None:
    broken = refusal()._replace(code=None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        log.append([LogEntry("src_a", "m-2", "track", "Bought", "u1", AT, b"{}")], [refusal(), broken])
    assert log.last_offset() == 0
    assert search_refused(log) == []


def test_of_events_without_a_known_source_only_the_newest_are_kept(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "MAX_OF_UNKNOWN_SOURCES", 3)
    log.append([], [refusal(), *(refusal("unknown_source", "", str(number).encode()) for number in range(5))])
    assert [event.body for event in search_refused(log, source_id="")] == [b"4", b"3", b"2"]
    assert len(search_refused(log, source_id="src_a")) == 1


def test_a_replayed_event_names_the_event_that_it_became(log: EventLog) -> None:
    log.append([], [refusal()])
    mark_replayed(log, {1: 17})
    assert get_refused(log, 1).replayed_as == 17
    with pytest.raises(NotFound, match="no refused event 2"):
        get_refused(log, 2)


def test_the_time_of_a_refusal_keeps_its_milliseconds(log: EventLog) -> None:
    log.append([], [refusal()._replace(received_at=AT + timedelta(milliseconds=1))])
    assert search_refused(log)[0].received_at == AT + timedelta(milliseconds=1)
