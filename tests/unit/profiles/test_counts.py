"""What the builder did with each source's messages is counted with the batch that did it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from core.clock import FixedClock
from core.events.counts import end_span
from core.profiles.build import rebuild
from core.profiles.counts import Built, count_built
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
    assert count_built(workspace, feed.space_id, hour) == {}
    feed.build()
    assert count_built(workspace, feed.space_id, hour) == {SOURCE: Built(5, 1)}


def test_old_minutes_become_hours_and_very_old_messages_are_not_counted(
    workspace: Workspace, clock: FixedClock
) -> None:
    clock.advance(RECEIVED + timedelta(minutes=30) - clock.now())
    feed = Feed(workspace)
    feed.track("ada", "Paid")
    feed.build()
    clock.advance(timedelta(days=2, hours=2))
    feed.track("ada", "Paid again")
    feed.build()
    week = end_span(clock.now(), timedelta(days=7))
    assert count_built(workspace, feed.space_id, week) == {SOURCE: Built(2, 0)}
    with workspace.database.reading() as connection:
        minutes = connection.execute(select(profile_counts.c.minute)).scalars().all()
    assert [minute % 60 for minute in minutes] == [0]
    clock.advance(timedelta(days=40))
    rebuild(workspace, feed.space_id)
    assert feed.build().applied == 2
    with workspace.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(profile_counts)).scalar() == 0
