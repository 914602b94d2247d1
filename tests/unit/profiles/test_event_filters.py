"""Event filters and disconnected sources: what a space does not read, where that is told, and until when it holds."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.clock import FixedClock
from core.errors import InvalidField, LimitExceeded, NotFound
from core.events.counts import end_span
from core.events.event_log import open_event_log
from core.profiles.build import BuildReport, ProfileBuilder
from core.profiles.connections import connect_from_now, disconnect_source, list_disconnected_sources
from core.profiles.delivery import Delivery, sum_up
from core.profiles.event_filters import add_filter, list_filters, remove_filter, restore_filter, try_filter
from core.profiles.lookup import count_profiles
from core.profiles.placement import Fate, Placement, find_placements
from core.traits.engine import ComputedTraitEngine
from core.workspaces.audit import list_changes
from core.workspaces.spaces import connect_source, list_connected_sources
from core.workspaces.workspace import Workspace
from tests.feeding import SOURCE, START, Feed


def find_placement(feed: Feed, offset: int) -> Placement:
    (event,) = open_event_log(feed.workspace).get_many([offset])
    (placement,) = find_placements(feed.workspace, event)
    return placement


def test_what_a_filter_drops_reaches_no_profile_adds_no_identifier_and_is_told(
    workspace: Workspace, clock: FixedClock
) -> None:
    clock.advance(START + timedelta(days=30) - clock.now())
    feed = Feed(workspace)
    before = feed.track("ada", "Heartbeat")
    made = add_filter(workspace, feed.space_id, 'event = "Heartbeat"', name="Telemetry")
    external = {"externalIds": [{"id": "x", "type": "crm_id", "collection": "users", "encoding": "none"}]}
    dropped = feed.track("bob", "Heartbeat", context=external)
    feed.track("cy", "Paid")
    assert feed.build().applied == 2
    assert {type_ for type_, _ in feed.owners()} == {"user_id"}  # crm_id was not added
    assert set(feed.owners()) == {("user_id", "ada"), ("user_id", "cy")}
    (state,) = list_filters(workspace, feed.space_id)
    assert (state.filter, state.dropped, state.last_offset) == (made, 1, dropped)
    assert find_placement(feed, before).fate is Fate.REACHED
    placement = find_placement(feed, dropped)
    assert (placement.fate, placement.filter_name) == (Fate.FILTERED, "Telemetry")
    delivery = sum_up(workspace, feed.space_id, end_span(clock.now() + timedelta(minutes=1), timedelta(hours=1)))
    assert delivery[SOURCE] == Delivery(accepted=3, reached=2, dropped=1)
    feed.rebuild()
    feed.build()
    assert [each.dropped for each in list_filters(workspace, feed.space_id)] == [1]


def test_a_filter_is_tried_on_the_newest_messages_removed_and_put_back(store_workspace: Workspace) -> None:
    workspace, feed = store_workspace, Feed(store_workspace)
    offsets = [feed.track(f"u{number}", "Heartbeat" if number % 2 else "Paid") for number in range(6)]
    feed.track("u9", "Heartbeat", source="src_other")
    trial = try_filter(workspace, feed.space_id, "event = 'Heartbeat'")
    assert (trial.tried, [event.offset for event in trial.matches]) == (6, [offsets[5], offsets[3], offsets[1]])
    assert try_filter(workspace, feed.space_id, "event = 'Heartbeat'", newest=3).tried == 2
    made = add_filter(workspace, feed.space_id, " event = 'Heartbeat' ")
    assert made.name == "event = 'Heartbeat'"
    feed.track("a", "Heartbeat")
    remove_filter(workspace, feed.space_id, made.name)
    assert list_filters(workspace, feed.space_id) == []
    feed.track("b", "Heartbeat")
    restore_filter(workspace, feed.space_id, made.id)
    feed.track("c", "Heartbeat")
    feed.build()
    assert {value for _, value in feed.owners()} == {*(f"u{number}" for number in range(6)), "b"}
    assert [each.dropped for each in list_filters(workspace, feed.space_id)] == [2]
    changes = [each for each in list_changes(workspace) if each.object_id == made.id]
    assert [change.action for change in changes] == ["restored", "deleted", "created"]
    with pytest.raises(NotFound):
        restore_filter(workspace, feed.space_id, made.id)


def test_ten_filters_fit_and_names_and_conditions_are_checked(workspace: Workspace) -> None:
    feed = Feed(workspace)
    filters = [add_filter(workspace, feed.space_id, f"properties.n = {number}") for number in range(10)]
    with pytest.raises(LimitExceeded, match="10 event filters"):
        add_filter(workspace, feed.space_id, "type = 'page'")
    remove_filter(workspace, feed.space_id, filters[0].id)
    with pytest.raises(InvalidField, match="already a filter named"):
        add_filter(workspace, feed.space_id, "type = 'page'", name=filters[1].name)
    with pytest.raises(InvalidField, match="Column 7"):
        add_filter(workspace, feed.space_id, "type = ")
    with pytest.raises(InvalidField, match="name"):
        add_filter(workspace, feed.space_id, "type = 'page'", name="x" * 500)
    add_filter(workspace, feed.space_id, "type = 'page'")
    with pytest.raises(LimitExceeded):
        restore_filter(workspace, feed.space_id, filters[0].id)
    with pytest.raises(NotFound):
        add_filter(workspace, "spa_none", "type = 'page'")


class Pausing(FixedClock):
    """A clock that stops whoever asks for the second time: in `add_filter`, after its place in the log is taken."""

    def __init__(self) -> None:
        super().__init__(START)
        self.asked, self.paused, self.goes_on = 0, threading.Event(), threading.Event()

    def now(self) -> datetime:
        self.asked += 1
        if self.asked == 2:
            self.paused.set()
            assert self.goes_on.wait(30)
        return super().now()


class Resuming(ComputedTraitEngine):
    """Traits that let the other person go on once a builder has read messages, and by what it chooses them."""

    def __init__(self, clock: Pausing, other: threading.Thread) -> None:
        self._clock, self._other = clock, other

    def open_batch(self, *args: Any, **kwargs: Any) -> Any:
        if self._clock.paused.is_set():
            self._clock.goes_on.set()
            self._other.join()
        return super().open_batch(*args, **kwargs)


def test_a_batch_that_was_chosen_before_a_filter_was_saved_is_chosen_again(store_workspace: Workspace) -> None:
    """Bob's message comes after the filter's place in the log, and is read before the filter is there."""
    feed, clock = Feed(store_workspace), Pausing()
    theirs = replace(store_workspace, clock=clock)
    other = threading.Thread(target=add_filter, args=(theirs, feed.space_id, "event = 'Paid'"))
    for _ in range(3):
        feed.track("ada", "Paid")

    def go_on(report: BuildReport) -> None:
        if report.read == 2 and not clock.paused.is_set():
            other.start()
            assert clock.paused.wait(30)
            feed.track("bob", "Paid")

    builder = ProfileBuilder(store_workspace, feed.space_id, Resuming(clock, other), batch_messages=2)
    builder.build(progress=go_on)
    assert {value for _, value in feed.owners()} == {"ada"}
    live = feed.dump()
    feed.rebuild()
    feed.build()
    assert feed.dump() == live


def test_a_disconnected_source_brings_nothing_more_and_takes_nothing_away(
    workspace: Workspace, clock: FixedClock
) -> None:
    clock.advance(START + timedelta(days=30) - clock.now())
    feed = Feed(workspace)
    feed.track("ada", "Paid")
    feed.build()
    disconnect_source(workspace, feed.space_id, SOURCE)
    assert list_connected_sources(workspace, feed.space_id) == set()
    assert list_disconnected_sources(workspace, feed.space_id) == {SOURCE}
    with pytest.raises(NotFound, match="does not read this source"):
        disconnect_source(workspace, feed.space_id, SOURCE)
    missed = feed.track("bob", "Paid")
    feed.build()
    assert find_placement(feed, missed).fate is Fate.NOT_READ
    connect_from_now(workspace, feed.space_id, SOURCE)
    feed.track("cy", "Paid")
    assert feed.build().applied == 1
    assert {value for _, value in feed.owners()} == {"ada", "cy"}
    assert find_placement(feed, missed).fate is Fate.NOT_READ
    span = end_span(clock.now() + timedelta(minutes=1), timedelta(hours=1))
    assert sum_up(workspace, feed.space_id, span)[SOURCE] == Delivery(accepted=3, reached=2, unread=1)
    disconnect_source(workspace, feed.space_id, SOURCE)
    connect_source(workspace, feed.space_id, SOURCE)  # with what came meanwhile: everything is built again
    assert feed.build().applied == 3
    assert count_profiles(workspace, feed.space_id) == 3
    assert find_placement(feed, missed).fate is Fate.REACHED
    actions = [change.action for change in list_changes(workspace) if change.object_type == "space"]
    assert actions[:5] == ["connected", "disconnected", "connected", "disconnected", "connected"]
