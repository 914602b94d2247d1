"""Blocks: what a sync writes at once is read, searched, counted, closed and compared like single messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from core.errors import StoreUnreadable
from core.events.blocks import draft_block, list_blocks
from core.events.counts import Span, count_codes_by_source
from core.events.entry import MessageBatch
from core.events.event_log import EventLog, LogEntry, StoredEvent
from core.events.history.close import close_next, delete_closed

AT = datetime(2026, 11, 24, 9, 5, 0, 123_000, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "events.db")
    yield opened
    opened.close()


def batch(ids: Sequence[str], source_id: str = "src_w", producer: str | None = "run_1") -> MessageBatch:
    rows = [{"message_id": each, "user_id": f"u-{each}", "body": f'{{"name": "Ada {each}"}}'} for each in ids]
    return MessageBatch(source_id, "identify", AT, pa.Table.from_pylist(rows), producer)


def deliver(log: EventLog, ids: Sequence[str], source_id: str = "src_w", producer: str | None = "run_1") -> int:
    return log.append_batch(draft_block(batch(ids, source_id, producer)))


def entry(message_id: str, source_id: str = "src_w") -> LogEntry:
    return LogEntry(source_id, message_id, "track", "Seen", "u1", AT, b'{"one": "row"}')


def read_ids(log: EventLog) -> list[str]:
    return [event.message_id for event in log.read(0, 1_000)]


def test_a_block_and_rows_beside_it_are_one_run_of_offsets(log: EventLog) -> None:
    assert log.append([entry("1")]) == [1]
    assert deliver(log, ["a", "b", "c"]) == 3
    assert log.append([entry("2")]) == [5]
    assert log.last_offset() == 5
    assert log.read(1, 2) == [
        StoredEvent(2, "src_w", "a", "identify", None, "u-a", AT, b'{"name": "Ada a"}'),
        StoredEvent(3, "src_w", "b", "identify", None, "u-b", AT, b'{"name": "Ada b"}'),
    ]
    assert [event.offset for event in log.read(3, 10)] == [4, 5]
    assert [event.message_id for event in log.get_many([5, 4, 9, 2, 1])] == ["2", "c", "a", "1"]
    assert [event.message_id for event in log.search(text="ada")] == ["c", "b", "a"]
    assert [event.message_id for event in log.search(text="ada", type="track")] == []
    assert [event.message_id for event in log.search(user_id="u-b")] == ["b"]
    assert [event.message_id for event in log.search(before=5, limit=2)] == ["c", "b"]


def test_messages_of_a_block_are_counted_by_source_and_minute(log: EventLog) -> None:
    deliver(log, ["a", "b"])
    log.append([entry("1")])
    assert log.count_by_source() == {"src_w": 3}
    assert count_codes_by_source(log, Span(AT - timedelta(hours=1), AT + timedelta(hours=1))) == {"src_w": {"": 3}}


def test_an_empty_batch_writes_nothing(log: EventLog) -> None:
    assert log.append_batch(draft_block(batch(["a"])).leave_out(pa.array(["a"]))) == 0
    assert log.last_offset() == 0


def test_what_a_producer_repeats_after_an_interruption_is_not_written_again(log: EventLog) -> None:
    """The last messages come again, in batches of another size."""
    for ids in ("abc", "de", "fg"):
        deliver(log, list(ids))
    assert deliver(log, list("defgh")) == 1
    assert deliver(log, list("h")) == 0
    assert read_ids(log) == list("abcdefgh")


@pytest.mark.parametrize("producer", ["run_2", None])
def test_what_another_producer_repeats_is_found_in_any_block_of_the_source(log: EventLog, producer: str | None) -> None:
    for ids in ("abc", "de", "fg"):
        deliver(log, list(ids))
    assert deliver(log, list("xbyfz"), producer=producer) == 3
    assert read_ids(log) == list("abcdefgxyz")
    assert deliver(log, list("abc"), source_id="src_other", producer=producer) == 3


def test_a_test_record_that_is_sent_twice_is_one_message(log: EventLog) -> None:
    assert [deliver(log, ["t"], producer=None) for _ in range(3)] == [1, 0, 0]


def test_a_row_and_a_block_never_hold_the_same_message(log: EventLog) -> None:
    log.append([entry("1"), entry("2"), entry("3", "src_other")])
    assert deliver(log, ["a", "2", "3"]) == 2
    assert log.append([entry("3"), entry("a"), entry("b"), entry("a", "src_other")]) == [5, 4, 6, 7]
    assert read_ids(log) == ["1", "2", "3", "a", "3", "b", "a"]
    assert log.count_by_source() == {"src_w": 5, "src_other": 2}


def test_ids_with_the_same_hash_are_two_messages(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.events.blocks.crc32", lambda _text: 7)
    deliver(log, ["a", "b"])
    assert deliver(log, ["c", "b"], producer="run_2") == 1
    assert log.append([entry("d"), entry("a")]) == [4, 1]
    assert read_ids(log) == ["a", "b", "c", "d"]


def test_a_damaged_block_is_named_and_the_others_are_read(log: EventLog) -> None:
    deliver(log, ["a", "b"])
    deliver(log, ["c"])
    with log.writing() as connection:
        connection.execute("UPDATE blocks SET messages = substr(messages, 1, 40) WHERE last = 2")
    with pytest.raises(StoreUnreadable, match="The messages 1 to 2 of the event log"):
        log.read(0, 10)
    assert [event.message_id for event in log.read(2, 10)] == ["c"]


def test_a_block_leaves_sqlite_with_its_last_message(log: EventLog) -> None:
    log.append([entry("1")])
    deliver(log, list("abcde"))
    log.append([entry("2")])
    later = AT + timedelta(days=1, hours=1)
    assert close_next(log, later)
    assert delete_closed(log, later) == 0
    assert delete_closed(log, later + timedelta(hours=25)) == 7
    with log.borrow() as connection:
        assert list_blocks(connection, 0, 100) == []
    assert read_ids(log) == ["1", *"abcde", "2"]
    assert log.truncate(4) == 3
    assert read_ids(log) == [*"cde", "2"]


def test_messages_are_dropped_from_the_middle_of_a_block(log: EventLog) -> None:
    deliver(log, list("abcde"))
    assert log.truncate(3) == 2
    assert read_ids(log) == list("cde")
    assert log.count_by_source() == {"src_w": 3}
    assert log.get_many([1, 2, 3]) == log.read(0, 1)
    assert log.truncate(6) == 3
    assert read_ids(log) == []
    assert deliver(log, ["x"]) == 1
    assert log.last_offset() == 6
