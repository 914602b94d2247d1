"""Appends, closings, deletions, indexing and dropping in any order: the log answers like a plain list."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.events.blocks import draft_block, list_blocks
from core.events.entry import MessageBatch
from core.events.event_log import EventLog, LogEntry, StoredEvent
from core.events.history import close, day_file, word_index
from core.events.history.close import close_next, delete_closed, forget_missing, remove_strays
from core.events.history.relation import open_events
from core.events.history.word_index import build_next
from tests.sizes import examples

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
WORDS = ("ada", "Adam", "Canada", "Zoë", "x-1", "100%", "東京", "new\nline")
SOURCES, TYPES = ("src_a", "src_b"), ("track", "page")

message = st.tuples(
    st.integers(0, 40),  # the id: some come twice
    st.sampled_from(SOURCES),
    st.sampled_from(TYPES),
    st.lists(st.sampled_from(WORDS), max_size=3),
    st.sampled_from([0, 0, 0, 0, -30, 20, 24 * 3_000]),  # hours by which a clock was wrong
)
step = st.one_of(
    st.tuples(st.just("append"), st.lists(message, min_size=1, max_size=12)),
    st.tuples(st.just("append"), st.lists(message, min_size=1, max_size=12)),
    st.tuples(st.just("deliver"), st.lists(message, min_size=1, max_size=12)),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("close"), st.none()),
    st.tuples(st.just("settle"), st.integers(30, 60)),  # days are closed, and SQLite lets go of them
    st.tuples(st.just("settle"), st.integers(30, 60)),
    st.tuples(st.just("index"), st.none()),
    st.tuples(st.just("drop"), st.integers(0, 30)),
    st.tuples(st.just("look"), st.tuples(st.integers(0, 60), st.integers(1, 9))),
)
MANY = [(number, SOURCES[number % 2], "track", [WORDS[number % 8]], 0) for number in range(24)]


@dataclass
class Plain:
    """The log as a list, with what a search means said in another way."""

    events: list[StoredEvent] = field(default_factory=list)
    last: int = 0
    ids: dict[tuple[str, str], int] = field(default_factory=dict)

    def search(self, words: list[str], before: int, limit: int, **filters: str | None) -> list[StoredEvent]:
        found = []
        for event in reversed(self.events):
            if event.offset >= before or any(value and getattr(event, key) != value for key, value in filters.items()):
                continue
            texts = [text.lower() for text in orjson.loads(event.body)["texts"]]
            whole = [part for text in texts for part in text.split()]
            if all(word in whole for word in words[:-1]) and all(
                any(part.startswith(word) for part in whole) for word in words[-1:]
            ):
                found.append(event)
        return found[:limit]


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(step, min_size=6, max_size=14))
@example(steps=[("append", MANY), ("settle", 30), ("drop", 5), ("look", (7, 9)), ("append", MANY), ("settle", 40)])
@example(steps=[("deliver", MANY), ("append", MANY), ("settle", 30), ("drop", 5), ("look", (7, 9)), ("deliver", MANY)])
@example(steps=[("append", MANY), ("index", None), ("settle", 30), ("append", MANY), ("drop", 16), ("look", (0, 9))])
def test_the_log_answers_like_a_plain_list(monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, Any]]) -> None:
    monkeypatch.setattr(close, "FILE_EVENTS", 9)
    monkeypatch.setattr(close, "DELETED_AT_ONCE", 4)
    monkeypatch.setattr(close, "ROW_GROUP_EVENTS", 4)
    monkeypatch.setattr(day_file, "ROW_GROUP_EVENTS", 4)
    monkeypatch.setattr(word_index, "PART_EVENTS", 7)
    now, plain = START, Plain()
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "events.db")
        try:
            for action, argument in steps:
                if action == "append":
                    _append(log, plain, now, argument)
                elif action == "deliver":
                    _deliver(log, plain, now, argument)
                elif action == "wait":
                    now += timedelta(hours=argument)
                elif action == "close":
                    _keep(log, now)
                elif action == "settle":
                    _keep(log, now + timedelta(hours=argument))
                    now += timedelta(hours=argument + 25)
                    _keep(log, now)
                elif action == "index":
                    while build_next(log):
                        pass
                elif action == "drop":
                    kept = [event for event in plain.events if event.offset >= argument]
                    assert log.truncate(argument) == len(plain.events) - len(kept)
                    plain.events = kept
                _compare(log, plain, argument if action == "look" else (0, 5))
        finally:
            log.close()


def _keep(log: EventLog, now: datetime) -> None:
    while close_next(log, now):
        pass
    delete_closed(log, now)
    forget_missing(log)
    remove_strays(log)


def _append(log: EventLog, plain: Plain, now: datetime, messages: list[Any]) -> None:
    known = _read_known(log)
    entries, expected = [], []
    for number, source, type_, texts, hours in messages:
        at = now + timedelta(hours=hours)
        body = orjson.dumps({"type": type_, "texts": texts, "n": len(plain.events)})
        entry = LogEntry(source, f"m{number}", type_, None, f"u{number % 3}", at, body)
        entries.append(entry)
        offset = known.get((source, entry.message_id))
        if offset is None:
            plain.last += 1
            offset = known[source, entry.message_id] = plain.last
            plain.events.append(StoredEvent(offset, *entry[:7]))
        expected.append(offset)
    assert log.append(entries) == expected


def _deliver(log: EventLog, plain: Plain, now: datetime, messages: list[Any]) -> None:
    """Append a batch: of the first message's source, type and time."""
    _number, source, type_, _texts, hours = messages[0]
    at = now + timedelta(hours=hours)
    known, rows, new = _read_known(log), list[dict[str, str]](), 0
    for number in dict.fromkeys(number for number, *_ in messages):
        texts = next(texts for each, _source, _type, texts, _hours in messages if each == number)
        body = orjson.dumps({"type": type_, "texts": texts, "n": len(plain.events)})
        rows.append({"message_id": f"m{number}", "user_id": f"u{number % 3}", "body": body.decode()})
        if (source, f"m{number}") not in known:
            plain.last, new = plain.last + 1, new + 1
            event = StoredEvent(plain.last, source, f"m{number}", type_, None, f"u{number % 3}", at, body)
            plain.events.append(event)
    assert log.append_batch(draft_block(MessageBatch(source, type_, at, pa.Table.from_pylist(rows)))) == new


def _read_known(log: EventLog) -> dict[tuple[str, str], int]:
    """Return what the log still knows by its id, which is its own business: a day, or longer."""
    with log.borrow() as connection:
        found = connection.execute("SELECT source_id, message_id, offset FROM events").fetchall()
        for block in list_blocks(connection, 0, 1 << 62):
            events = block.read_events(connection, block.first, block.last)
            found += [(event.source_id, event.message_id, event.offset) for event in events]
    return {(source, message_id): offset for source, message_id, offset in found}


def _compare(log: EventLog, plain: Plain, look: tuple[int, int]) -> None:
    after, limit = look
    assert log.read(0, 10_000) == plain.events
    assert log.read(after, limit) == [event for event in plain.events if event.offset > after][:limit]
    assert log.last_offset() == plain.last
    wanted = [after + 3, *range(80, 0, -1)]
    by_offset = {event.offset: event for event in plain.events}
    assert log.get_many(wanted) == [by_offset[offset] for offset in wanted if offset in by_offset]
    counts = {source: sum(event.source_id == source for event in plain.events) for source in SOURCES}
    assert log.count_by_source() == {source: count for source, count in counts.items() if count}
    for number, text in enumerate(("ada", "zoë", "x-1 ad", "nada"), start=len(plain.events)):
        source, type_ = ((None, None), ("src_b", None), ("src_a", "page"))[number % 3]
        before = after + 30
        found = log.search(text=text, source_id=source, type=type_, before=before, limit=limit)
        assert found == plain.search(text.split(), before, limit, source_id=source, type=type_), text
    assert log.search(user_id="u1", limit=limit) == plain.search([], 1 << 40, limit, user_id="u1")
    with open_events(log, columns=("offset", "type")) as database:
        rows = database.sql('SELECT "offset", type FROM events ORDER BY 1').fetchall()
    assert rows == [(event.offset, event.type) for event in plain.events]
