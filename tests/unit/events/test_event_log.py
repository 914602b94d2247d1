from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import StorageFull, StoreUnreadable
from core.events.event_log import ENTRIES_A_PIECE, EventLog, LogEntry, open_event_log
from core.workspaces.workspace import Workspace

AT = datetime(2026, 11, 24, 9, 5, 0, 123_000, tzinfo=UTC)


def entry(message_id: str, source_id: str = "src_a", body: bytes = b'{"a": 1}', type_: str = "identify") -> LogEntry:
    return LogEntry(source_id, message_id, type_, None, "u1", AT, body)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "events.db")
    yield opened
    opened.close()


def test_offsets_grow_by_one_and_reading_gives_back_what_was_written(log: EventLog) -> None:
    assert log.append([entry("1"), entry("2")]) == [1, 2]
    assert log.append([entry("3")]) == [3]
    events = log.read(1, 10)
    assert [event.offset for event in events] == [2, 3]
    assert events[0][1:] == entry("2")[:7]
    assert log.read(3, 10) == []
    assert log.last_offset() == 3


def test_an_empty_log_has_the_last_offset_zero_and_an_empty_batch_writes_nothing(log: EventLog) -> None:
    assert log.append([]) == []
    assert log.last_offset() == 0
    assert log.count_by_source() == {}


def test_a_duplicate_returns_the_first_offset_and_is_not_written_again(log: EventLog) -> None:
    assert log.append([entry("1"), entry("2")]) == [1, 2]
    assert log.append([entry("2", body=b'{"other": 1}'), entry("3"), entry("3"), entry("1")]) == [2, 3, 3, 1]
    assert [event.body for event in log.read(1, 1)] == [b'{"a": 1}']
    assert log.count_by_source() == {"src_a": 3}


def test_entries_beyond_one_piece_are_one_batch_with_offsets_in_order_and_duplicates_found(log: EventLog) -> None:
    count = 2 * ENTRIES_A_PIECE + 10
    entries = [entry(str(number)) for number in range(count)]
    assert log.append(iter([*entries, entry("0"), entry("new")])) == [*range(1, count + 1), 1, count + 1]
    assert log.append(entries) == list(range(1, count + 1))
    assert log.count_by_source() == {"src_a": count + 1}


def test_entries_that_cannot_all_be_made_leave_none_behind(log: EventLog) -> None:
    def make() -> Iterator[LogEntry]:
        yield from (entry(str(number)) for number in range(ENTRIES_A_PIECE + 1))
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        log.append(make())
    assert (log.last_offset(), log.read(0, 10), log.count_by_source()) == (0, [], {})
    assert log.append([entry("1")]) == [1]


def test_the_same_message_id_of_another_source_is_another_message(log: EventLog) -> None:
    assert log.append([entry("1", "src_a"), entry("1", "src_b"), entry("1", "src_b")]) == [1, 2, 2]
    assert log.count_by_source() == {"src_a": 1, "src_b": 1}


def test_many_events_are_read_by_offset_in_the_order_asked_for(log: EventLog) -> None:
    log.append([entry(str(number)) for number in range(5)])
    assert [event.offset for event in log.get_many([5, 1, 99, 3])] == [5, 1, 3]
    assert log.get_many([]) == []


def test_search_finds_text_in_the_body_newest_first_and_pages(log: EventLog) -> None:
    bodies = [b'{"name": "Ada"}', '{"name": "Jürgen 100%"}'.encode(), b'{"name": "ada_2"}', b'{"q": "say \\"hi\\""}']
    log.append([entry(str(number), body=body) for number, body in enumerate(bodies)])
    assert [event.offset for event in log.search(text="ADA")] == [3, 1]
    assert [event.offset for event in log.search(text="ada", limit=1)] == [3]
    assert [event.offset for event in log.search(text="ada", limit=1, before=3)] == [1]
    assert [event.offset for event in log.search(text="Jürgen 100%")] == [2]
    assert [event.offset for event in log.search(text="100_")] == []
    assert [event.offset for event in log.search(text='"hi"')] == [4]


def test_search_filters_by_source_and_type(log: EventLog) -> None:
    log.append([entry("1", "src_a"), entry("2", "src_b"), entry("3", "src_b", type_="track")])
    assert [event.offset for event in log.search(source_id="src_b")] == [3, 2]
    assert [event.offset for event in log.search(source_id="src_b", type="track")] == [3]


def test_truncating_drops_old_messages_and_never_gives_an_offset_twice(log: EventLog) -> None:
    log.append([entry(str(number)) for number in range(4)])
    assert log.truncate(3) == 2
    assert [event.offset for event in log.read(0, 10)] == [3, 4]
    assert log.count_by_source() == {"src_a": 2}
    assert log.truncate(99) == 2
    assert log.last_offset() == 4
    assert log.append([entry("new")]) == [5]


def test_what_was_written_is_there_after_closing_and_opening_again(tmp_path: Path) -> None:
    first = EventLog(tmp_path / "events.db")
    first.append([entry("1")])
    first.close()
    second = EventLog(tmp_path / "events.db")
    assert second.append([entry("1"), entry("2")]) == [1, 2]
    second.close()


def test_a_closed_log_opens_again_by_itself(log: EventLog) -> None:
    log.append([entry("1")])
    log.close()
    assert log.last_offset() == 1


def test_it_is_durable_on_return(log: EventLog) -> None:
    log.append([entry("1")])
    with log.borrow() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_a_full_disk_refuses_the_whole_batch_and_keeps_what_was_there(log: EventLog) -> None:
    log.append([entry("1")])
    with log.borrow() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(StorageFull, match="no event was written"):
        log.append([entry(str(number), body=b"x" * 3_000) for number in range(2, 50)])
    assert log.last_offset() == 1
    assert [event.message_id for event in log.read(0, 100)] == ["1"]
    assert log.append([entry("small")]) == [2]


def test_a_file_that_is_no_log_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(StoreUnreadable):
        EventLog(tmp_path / "events.db")


def test_threads_that_come_and_go_share_one_log(log: EventLog) -> None:
    def write(name: int) -> None:
        for number in range(5):
            log.append([entry(f"{name}-{number}-{item}") for item in range(4)])

    threads = [threading.Thread(target=write, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    offsets = [event.offset for event in log.read(0, 1_000)]
    assert offsets == list(range(1, 121))


def _write_in_process(path: str, name: int) -> None:
    log = EventLog(path)
    for number in range(10):
        log.append([entry(f"{name}-{number}-{item}") for item in range(5)])
    log.append([entry("shared")])
    log.close()


def test_several_processes_append_at_once_without_gaps_or_losses(tmp_path: Path) -> None:
    path = str(tmp_path / "events.db")
    script = f"import sys; from tests.unit.events.test_event_log import {_write_in_process.__name__} as write; "
    script += "write(sys.argv[1], int(sys.argv[2]))"
    root = str(Path(__file__).resolve().parents[3])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, path, str(name)], cwd=root, env={**os.environ, "PYTHONPATH": root}
        )
        for name in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    log = EventLog(path)
    events = log.read(0, 1_000)
    assert [event.offset for event in events] == list(range(1, 152))
    assert len({event.message_id for event in events}) == 151
    log.close()


def test_a_reader_is_not_stopped_by_an_open_write(log: EventLog) -> None:
    log.append([entry("1")])
    with log.borrow() as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert log.last_offset() == 1
        writer.execute("ROLLBACK")


def test_one_process_has_one_log_for_a_workspace(workspace: Workspace) -> None:
    assert open_event_log(workspace) is open_event_log(workspace)
    assert open_event_log(workspace).path == workspace.home.events_db


def test_a_failure_in_the_middle_leaves_the_connection_usable(log: EventLog) -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        log.append([entry("1"), entry("2", body=object())])  # type: ignore[arg-type]
    assert log.last_offset() == 0
    assert log.append([entry("1")]) == [1]
