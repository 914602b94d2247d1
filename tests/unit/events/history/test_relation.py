"""DuckDB reads the whole log as one table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import StoreUnreadable
from core.events.entry import COLUMNS
from core.events.event_log import EventLog
from core.events.history import word_index
from core.events.history.close import delete_closed
from core.events.history.day_file import SCHEMA
from core.events.history.relation import open_events
from tests.closed_days import DAY, append_days, close_all


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    folder = tmp_path / "it's [100%25] a #folder? *"
    folder.mkdir()
    opened = EventLog(folder / "events.db")
    yield opened
    opened.close()


def test_closed_days_and_today_are_one_table_that_can_be_read_twice(log: EventLog) -> None:
    append_days(log, [5, 5, 5])
    close_all(log, DAY + timedelta(days=2, hours=1))
    for _ in range(2):
        with open_events(log) as database:
            found = database.execute("SELECT count(*), min(received_at)::VARCHAR, count(body) FROM events").fetchone()
            assert found == (15, "2026-11-01 00:00:00+00", 15)
            pairs = (
                "SELECT count(*) FROM events a JOIN events b USING (message_id) WHERE a.body->>'$.userId' = b.user_id"
            )
            assert database.execute(pairs).fetchone() == (15,)
        delete_closed(log, DAY + timedelta(days=9))


def test_only_the_columns_that_are_asked_for_are_there_and_dropped_messages_are_not(log: EventLog) -> None:
    append_days(log, [6, 6, 6])
    close_all(log, DAY + timedelta(days=2, hours=1))
    delete_closed(log, DAY + timedelta(days=9))
    log.truncate(3)
    with open_events(log, columns=("type", "source_id")) as database:
        table = database.sql("SELECT * FROM events")
        assert table.columns == ["type", "source_id"]
        assert len(table.fetchall()) == 16


def test_a_folder_of_any_name_can_be_searched(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_index, "PART_EVENTS", 6)
    append_days(log, [6, 6])
    assert word_index.build_next(log)
    close_all(log, DAY + timedelta(days=3))
    delete_closed(log, DAY + timedelta(days=9))
    (path,) = (log.path.parent / "history" / "words").iterdir()
    assert list(word_index.find_candidates(path, word_index.Match(("bought",), None), 2, 3, is_narrow=True)) == [3, 2]
    assert len(log.search(text="bought")) == 12


def test_an_empty_log_is_an_empty_table(log: EventLog) -> None:
    with open_events(log) as database:
        assert database.sql("SELECT * FROM events").fetchall() == []


def test_a_missing_file_is_said(log: EventLog) -> None:
    append_days(log, [6, 6])
    close_all(log, DAY + timedelta(days=3))
    delete_closed(log, DAY + timedelta(days=9))
    next((log.path.parent / "history").glob("*.parquet")).unlink()
    with pytest.raises(StoreUnreadable, match="closed day"), open_events(log) as database:
        database.sql("SELECT count(*) FROM events").fetchall()


def test_a_row_in_sqlite_and_in_a_file_has_the_same_columns() -> None:
    assert ", ".join(SCHEMA.names) == COLUMNS
