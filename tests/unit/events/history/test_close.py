"""A day that is over moves to a file, and nobody who reads the log can tell."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from core.errors import StoreUnreadable
from core.events.event_log import EventLog
from core.events.history import close, word_index
from core.events.history.close import close_next, delete_closed, find_closable, forget_missing, remove_strays
from core.events.history.layout import list_closed_files, read_start
from tests.closed_days import DAY, append_days, close_all, make_entry

LATER = DAY + timedelta(days=30)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "events.db")
    yield opened
    opened.close()


def names(log: EventLog) -> list[str]:
    with log.borrow() as connection:
        return [file.name for file in list_closed_files(connection)]


def count_live(log: EventLog) -> int:
    with log.borrow() as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def test_each_day_that_is_over_becomes_one_file_and_today_stays(log: EventLog) -> None:
    append_days(log, [3, 5, 0, 2])
    assert close_all(log, DAY + timedelta(days=3, hours=12)) == 2
    assert names(log) == [
        "2026-11-01_000000000001-000000000003.parquet",
        "2026-11-02_000000000004-000000000008.parquet",
    ]


def test_a_day_is_closed_ten_minutes_after_it_is_over(log: EventLog) -> None:
    append_days(log, [1])
    midnight = DAY + timedelta(days=1)
    assert find_closable(log, midnight + timedelta(minutes=9)) is None
    assert close_next(log, midnight + timedelta(minutes=10))


def test_reading_is_the_same_before_and_after_and_when_sqlite_has_let_go(log: EventLog) -> None:
    entries = append_days(log, [30, 41, 7])
    everything = log.read(0, 1_000)
    assert [event[1:] for event in everything] == [entry[:7] for entry in entries]
    close_all(log, LATER)
    for _ in range(2):
        assert log.read(0, 1_000) == everything
        assert [event.offset for event in log.read(25, 20)] == list(range(26, 46))
        assert log.read(70, 100) == everything[70:]
        assert [event.offset for event in log.get_many([78, 1, 31, 99, 30])] == [78, 1, 31, 30]
        assert log.last_offset() == 78
        assert log.count_by_source() == {"src_a": 40, "src_b": 38}
        delete_closed(log, LATER + timedelta(hours=25))
    assert count_live(log) == 0


def test_offsets_go_on_after_everything_was_closed(log: EventLog) -> None:
    append_days(log, [4])
    close_all(log, LATER)
    delete_closed(log, LATER + timedelta(hours=25))
    assert log.append([make_entry(100, LATER)]) == [5]
    assert [event.offset for event in log.read(0, 10)] == [1, 2, 3, 4, 5]


def test_a_duplicate_is_found_for_a_day_after_its_day_was_closed(log: EventLog) -> None:
    entries = append_days(log, [3])
    close_all(log, LATER)
    assert delete_closed(log, LATER + timedelta(hours=23, minutes=59)) == 0
    assert log.append(entries[1:2]) == [2]
    assert delete_closed(log, LATER + timedelta(hours=24)) == 3
    assert log.last_offset() == 3


def test_what_comes_late_for_a_day_goes_with_the_next_one(log: EventLog) -> None:
    append_days(log, [2])
    close_all(log, DAY + timedelta(days=1, hours=1))
    log.append([make_entry(10, DAY + timedelta(hours=23)), make_entry(11, DAY + timedelta(days=1, hours=2))])
    assert not close_next(log, DAY + timedelta(days=1, hours=3))
    assert close_all(log, DAY + timedelta(days=2, hours=1)) == 1
    assert names(log)[1] == "2026-11-02_000000000003-000000000004.parquet"


def test_a_clock_that_was_years_ahead_keeps_no_day_open(log: EventLog) -> None:
    log.append([make_entry(1, DAY + timedelta(days=4_000)), make_entry(2, DAY), make_entry(3, DAY + timedelta(days=1))])
    assert close_all(log, DAY + timedelta(days=2, hours=1)) == 2
    assert [event.message_id for event in log.read(0, 10)] == ["m1", "m2", "m3"]


def test_a_large_day_is_closed_in_parts(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close, "FILE_EVENTS", 10)
    append_days(log, [25, 10, 3])
    assert close_all(log, LATER) == 5
    assert [name[:10] for name in names(log)] == ["2026-11-01"] * 3 + ["2026-11-02", "2026-11-03"]
    assert [event.offset for event in log.read(0, 100)] == list(range(1, 39))


def test_dropping_takes_files_rows_and_counts(log: EventLog) -> None:
    append_days(log, [10, 10, 10])
    close_all(log, DAY + timedelta(days=2, hours=1))
    assert log.truncate(16) == 15
    assert names(log) == ["2026-11-02_000000000011-000000000020.parquet"]
    assert not list((log.path.parent / "history").glob("2026-11-01*"))
    assert [event.offset for event in log.read(0, 100)] == list(range(16, 31))
    assert log.get_many([15, 16]) == log.read(15, 1)
    assert log.count_by_source() == {"src_a": 7, "src_b": 8}
    assert [event.offset for event in log.search(limit=100)] == list(reversed(range(16, 31)))
    delete_closed(log, LATER)
    assert log.truncate(16) == 0
    assert log.truncate(18) == 2
    assert log.count_by_source() == {"src_a": 6, "src_b": 7}
    assert log.truncate(1_000) == 13
    assert (names(log), log.read(0, 10), log.last_offset()) == ([], [], 30)


def test_files_that_nobody_knows_are_removed_and_a_draft_in_hand_is_not(log: EventLog) -> None:
    append_days(log, [3])
    close_all(log, LATER)
    folder = log.path.parent / "history"
    stray, draft = folder / "2026-11-01_000000000001-000000000002.parquet", folder / ".2026-11-02.parquet.1.making"
    stray.write_bytes(b"half")
    draft.write_bytes(b"half")
    remove_strays(log)
    assert not stray.exists()
    assert draft.exists()
    assert len(log.read(0, 10)) == 3


def test_a_file_that_is_missing_is_made_again_while_sqlite_has_its_messages(log: EventLog) -> None:
    append_days(log, [3, 3])
    close_all(log, LATER)
    first, second = names(log)
    (log.path.parent / "history" / first).unlink()
    assert delete_closed(log, LATER + timedelta(days=3)) == 0, "what is in no file is not deleted"
    forget_missing(log)
    assert names(log) == []
    assert close_all(log, LATER) == 2
    assert names(log) == [first, second]
    assert len(log.read(0, 10)) == 6


def test_a_missing_or_damaged_file_is_said_by_name_and_the_rest_can_be_read(log: EventLog) -> None:
    append_days(log, [3, 3, 3])
    close_all(log, LATER)
    delete_closed(log, LATER + timedelta(days=3))
    folder = log.path.parent / "history"
    (folder / names(log)[0]).unlink()
    (folder / names(log)[1]).write_bytes(b"not a file of this kind" * 20)
    with pytest.raises(StoreUnreadable, match=r"2026-11-01_.* is missing"):
        log.read(0, 10)
    with pytest.raises(StoreUnreadable, match=r"2026-11-02_.* is damaged"):
        log.read(3, 10)
    with pytest.raises(StoreUnreadable, match=r"2026-11-02_.* is damaged"):
        log.search(text="nothing")
    assert [event.offset for event in log.read(6, 10)] == [7, 8, 9]


def test_a_body_keeps_every_byte_and_a_file_can_be_read_by_anyone(log: EventLog) -> None:
    entry = make_entry(1, DAY + timedelta(milliseconds=123), text='quoted " Zoë \u0000 東京 🎈')
    log.append([entry])
    close_all(log, LATER)
    delete_closed(log, LATER + timedelta(days=3))
    assert log.read(0, 1)[0][1:] == entry[:7]
    (path,) = (log.path.parent / "history").glob("*.parquet")
    columns = duckdb.sql(f"SELECT received_at::VARCHAR, body->>'$.userId' FROM '{path}'").fetchall()
    assert columns[0][1] == "u1"


def test_who_reads_while_days_are_closed_indexed_and_dropped_sees_every_kept_message_once(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(close, "FILE_EVENTS", 50)
    monkeypatch.setattr(close, "DELETED_AT_ONCE", 7)
    monkeypatch.setattr(word_index, "PART_EVENTS", 40)
    append_days(log, [60] * 10)
    done = threading.Event()
    failures = list[BaseException]()

    def keep() -> None:
        try:
            while close_next(log, LATER) or word_index.build_next(log):
                pass
            delete_closed(log, LATER + timedelta(days=2))
            for before in range(20, 501, 20):
                log.truncate(before)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)
        finally:
            done.set()

    keeper = threading.Thread(target=keep)
    keeper.start()
    rounds = 0
    while not done.is_set() or rounds < 3:
        first = _read_start(log)
        for offsets in (
            [event.offset for event in log.read(0, 1_000)],
            [event.offset for event in log.search(text="bought", limit=1_000)][::-1],
            [event.offset for event in log.get_many(range(1, 601))],
        ):
            # what is dropped while a reader is on its way may be missing; what was dropped before is never there
            assert offsets == sorted(set(offsets))
            assert set(range(_read_start(log), 601)) <= set(offsets) <= set(range(first, 601))
        rounds += 1
    keeper.join()
    assert not failures
    assert [event.offset for event in log.read(0, 1_000)] == list(range(500, 601))


def _read_start(log: EventLog) -> int:
    with log.borrow() as connection:
        return read_start(connection)
