"""Events are counted in the commit that writes them, each once, whatever they are called."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.events import counts
from core.events.counts import (
    Key,
    Span,
    count_by_code,
    count_by_key,
    count_by_time,
    count_codes_by_source,
    end_span,
    is_roll_due,
    read_uncounted,
    roll_up,
)
from core.events.event_log import EventLog, LogEntry
from core.events.intake import take
from core.events.refused import Refusal

NOW = datetime(2026, 11, 25, 9, 30, 20, tzinfo=UTC)
HOUR = end_span(NOW, timedelta(hours=1))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "events.db")
    yield opened
    opened.close()


def entry(number: int, name: str | None = "Paid", at: datetime = NOW, source_id: str = "src_a") -> LogEntry:
    return LogEntry(source_id, f"m-{number}", "track", name, "u1", at, b"{}", "1.0")


def refusal(code: str = "id_required", at: datetime = NOW, source_id: str = "src_a", name: str | None = "x") -> Refusal:
    return Refusal(source_id, code, "Why.", None, "track", name, None, at, b"{}")


def test_each_event_is_counted_once_by_source_name_version_and_code(log: EventLog) -> None:
    log.append([entry(1), entry(2), entry(1), entry(3, "Seen"), entry(1, source_id="src_b")], [refusal(), refusal("x")])
    log.append([entry(1), entry(4)], [refusal()])
    assert count_codes_by_source(log, HOUR) == {"src_a": {"": 4, "id_required": 2, "x": 1}, "src_b": {"": 1}}
    assert count_by_key(log, HOUR, "src_a") == {Key("track", "Paid", "1.0"): 3, Key("track", "Seen", "1.0"): 1}
    assert count_by_code(log, HOUR) == {"id_required": 2, "x": 1}
    assert count_by_code(log, HOUR, "src_b") == {}


def test_what_is_not_written_is_not_counted(log: EventLog) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        log.append([entry(1), entry(2)._replace(body=None)], [refusal()])  # type: ignore[arg-type]
    assert count_codes_by_source(log, HOUR) == {}


def test_the_app_version_of_a_mobile_event_is_counted(log: EventLog) -> None:
    message = {"type": "screen", "name": "Home", "userId": "u", "context": {"app": {"version": "2.1"}}}
    odd = [{**message, "context": {"app": app}} for app in ("x", {"version": 7}, None)]
    log.append(take("src_a", [message, *odd], received_at=NOW).entries)
    assert count_by_key(log, HOUR) == {Key("screen", "Home", "2.1"): 1, Key("screen", "Home", ""): 3}


@pytest.mark.parametrize("name", ['"', "\x00", "a\x00b", "\\", "naïve 🎉", "'", "x" * 50_000, "[1]", None, ""])
def test_a_name_of_any_kind_is_counted(log: EventLog, name: str | None) -> None:
    log.append([entry(1, name)], [refusal(name=name)])
    ((key, number),) = count_by_key(log, HOUR).items()
    assert (number, key.name) == (1, (name or "").replace("\x00", "")[:200])
    assert sum(count_by_code(log, HOUR).values()) == 1


def test_senders_without_a_source_cannot_fill_the_counts(log: EventLog) -> None:
    log.append([], [refusal("unknown_source", source_id="", name=f"n{number}") for number in range(50)])
    assert count_by_code(log, HOUR) == {"unknown_source": 50}
    with log.borrow() as connection:
        assert connection.execute("SELECT count(*), sum(events) FROM event_counts").fetchone() == (1, 50)


def test_a_commit_of_very_many_names_counts_the_rest_together(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MAX_KEYS_A_COMMIT", 3)
    log.append([entry(number, f"n{number % 7}") for number in range(70)], [])
    found = count_by_key(log, HOUR)
    assert sum(found.values()) == 70
    assert found[Key("track", "(other names)", "")] == 40


def test_a_span_ends_with_the_minute_or_hour_at_hand_and_has_one_of_equal_length_before() -> None:
    assert end_span(NOW, timedelta(minutes=10)) == Span(
        datetime(2026, 11, 25, 9, 21, tzinfo=UTC), datetime(2026, 11, 25, 9, 31, tzinfo=UTC)
    )
    week = end_span(NOW, timedelta(days=7))
    assert (week.end, week.before.end) == (datetime(2026, 11, 25, 10, tzinfo=UTC), week.start)
    assert week.before.end - week.before.start == timedelta(days=7)


def test_counts_over_time_have_a_step_for_each_time_also_where_nothing_came(log: EventLog) -> None:
    log.append([entry(1), entry(2, at=NOW - timedelta(minutes=3))], [refusal(at=NOW - timedelta(minutes=3))])
    found = count_by_time(log, end_span(NOW, timedelta(minutes=5)), timedelta(minutes=1))
    assert [(at.minute, accepted, refused) for at, accepted, refused in found] == [
        (26, 0, 0),
        (27, 1, 1),
        (28, 0, 0),
        (29, 0, 0),
        (30, 1, 0),
    ]
    log.append([entry(3, at=NOW - timedelta(minutes=45))])
    assert [row[1] for row in count_by_time(log, HOUR, timedelta(minutes=30))] == [1, 2]


def test_minutes_become_hours_and_the_oldest_counts_go_while_every_sum_stays(log: EventLog) -> None:
    for day in range(40):
        at = NOW - timedelta(days=day)
        log.append([entry(1000 * day + number, at=at - timedelta(minutes=number % 50)) for number in range(60)])
    fortnight = end_span(NOW, timedelta(days=14))

    def count() -> tuple[object, ...]:
        spans = (fortnight, fortnight.before)
        return [count_codes_by_source(log, span) for span in spans], count_by_key(log, fortnight)

    before = count()
    assert is_roll_due(log, NOW)
    roll_up(log, NOW)
    assert not is_roll_due(log, NOW)
    assert count() == before
    with log.borrow() as connection:
        rows = connection.execute("SELECT minute % 60 != 0, min(minute) FROM event_counts GROUP BY 1").fetchall()
    oldest = {is_minute: datetime.fromtimestamp(60 * minute, UTC) for is_minute, minute in rows}
    assert oldest[0] >= NOW - timedelta(days=36)
    assert oldest[1] >= NOW - timedelta(hours=50)
    roll_up(log, NOW + timedelta(days=3))
    later = count_codes_by_source(log, end_span(NOW, timedelta(days=7)))
    assert later == {"src_a": {"": 7 * 60}}


def test_counts_of_many_commits_are_put_together_in_steps_and_by_two_at_once(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "COMMITS_AT_ONCE", 3)
    for number in range(20):
        log.append([entry(number, f"n{number % 2}")])
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: count_codes_by_source(log, HOUR), range(6)))[-1] == {"src_a": {"": 20}}
    assert set(count_by_key(log, HOUR).values()) == {10}
    with log.borrow() as connection:
        assert connection.execute("SELECT count(*) FROM new_counts").fetchone() == (0,)


def test_a_log_of_an_earlier_version_says_up_to_where_nothing_was_counted(log: EventLog) -> None:
    assert read_uncounted(log) == 0
    log.append([entry(1), entry(2)])
    with log.writing() as connection:  # as an earlier version left it
        connection.execute("DROP TABLE event_counts")
        connection.execute("DROP TABLE new_counts")
        connection.execute("DROP TABLE count_state")
    again = EventLog(log.path)
    again.append([entry(3)])
    assert (read_uncounted(again), count_codes_by_source(again, HOUR)) == (2, {"src_a": {"": 1}})
    again.close()
