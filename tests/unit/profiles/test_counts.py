"""What the builder did with each source's messages is counted with the batch that did it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from core.clock import FixedClock
from core.events.counts import end_span, to_minute
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.profiles.build import rebuild
from core.profiles.counts import Built, count_built, roll_up
from core.storage.tables import profile_counts
from core.workspaces.workspace import Workspace
from tests.feeding import SOURCE, START, Feed

RECEIVED = START + timedelta(days=30)


def test_what_reached_a_profile_and_what_a_rule_kept_out_is_counted_by_source(
    workspace: Workspace, clock: FixedClock
) -> None:
    clock.advance(RECEIVED - clock.now())
    feed = Feed(workspace)
    for number in range(5):
        feed.track(f"u{number}", "Paid")
    feed.send("track", event="Lost", anonymousId="x")
    feed.send("track", event="Elsewhere", userId="u1", source="src_other")
    feed.build(batch_messages=2)
    hour = end_span(clock.now(), timedelta(hours=1))
    assert count_built(workspace, feed.space_id, hour) == {SOURCE: Built(5, 1)}
    assert count_built(workspace, feed.space_id, hour.before) == {}
    rebuild(workspace, feed.space_id)
    feed.build()
    assert count_built(workspace, feed.space_id, hour) == {SOURCE: Built(5, 1)}


def test_old_minutes_become_hours_and_very_old_messages_are_not_counted(
    workspace: Workspace, clock: FixedClock
) -> None:
    clock.advance(RECEIVED + timedelta(minutes=30) - clock.now())
    feed = Feed(workspace)
    for minute in (7, 9, 70):
        message = {"type": "track", "event": "Paid", "messageId": f"at {minute}", "userId": "ada"}
        entry = to_log_entry(SOURCE, message, RECEIVED + timedelta(minutes=minute))
        open_event_log(workspace).append([entry])
    feed.build()

    def list_counts() -> list[tuple[int, int]]:
        table = profile_counts.c
        with workspace.database.reading() as connection:
            rows = connection.execute(select(table.minute, table.reached).order_by(table.minute)).all()
        return [(minute - to_minute(RECEIVED), reached) for minute, reached in rows]

    roll_up(workspace, feed.space_id)
    assert list_counts() == [(7, 1), (9, 1), (70, 1)]
    clock.advance(timedelta(days=2, hours=3))
    roll_up(workspace, feed.space_id)
    assert list_counts() == [(0, 2), (60, 1)]
    week = end_span(clock.now(), timedelta(days=7))
    assert count_built(workspace, feed.space_id, week) == {SOURCE: Built(3, 0)}
    clock.advance(timedelta(days=40))
    roll_up(workspace, feed.space_id)
    assert list_counts() == []
    rebuild(workspace, feed.space_id)
    assert feed.build().applied == 3
    assert list_counts() == []
