"""Sliding windows and sessions: their values go by themselves, and only those that are due are looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.building import build_space
from core.clock import FixedClock
from core.profiles.lookup import get_profile
from core.traits.expiry import expire_values
from core.traits.store import count_owners, create_trait, disable_trait, enable_trait
from core.workspaces.workspace import Workspace
from tests.feeding import START, Feed


def values(feed: Feed, user: str) -> dict[str, object]:
    return {trait.key: trait.value for trait in get_profile(feed.workspace, feed.space_id, f"user_id:{user}").traits}


def test_what_leaves_a_window_leaves_the_value_without_a_new_message(
    store_workspace: Workspace, clock: FixedClock
) -> None:
    feed = Feed(store_workspace)
    clock.advance(START + timedelta(days=2) - clock.now())
    for name, window in {
        "Orders of three days": {"type": "sliding", "days": 3},
        "Orders of the session": {"type": "session", "inactivity_minutes": 2880},
        "Orders": {"type": "lifetime"},
    }.items():
        create_trait(
            store_workspace,
            feed.space_id,
            name=name,
            kind="event_counter",
            definition={"event": "Bought", "window": window},
        )
    feed.track("u1", "Bought", minute=0)
    feed.track("u1", "Bought", minute=1440)
    feed.track("u2", "Bought", minute=1440)
    feed.build()
    both = {"orders_of_three_days": 2, "orders_of_the_session": 2, "orders": 2}
    assert values(feed, "u1") == both
    assert expire_values(store_workspace, feed.space_id) == 0
    clock.advance(timedelta(days=1, hours=2))
    assert expire_values(store_workspace, feed.space_id) == 3  # one window of u1, the sessions of both
    assert values(feed, "u1") == {"orders_of_three_days": 1, "orders": 2}
    assert values(feed, "u2") == {"orders_of_three_days": 1, "orders": 1}
    clock.advance(timedelta(days=2))
    build_space(store_workspace, feed.space_id)
    assert values(feed, "u1") == {"orders": 2}
    assert expire_values(store_workspace, feed.space_id) == 0


def test_a_session_s_value_follows_each_event_at_once_and_goes_with_the_session(
    workspace: Workspace, clock: FixedClock
) -> None:
    feed = Feed(workspace)
    definition = {"event": "Bought", "window": {"type": "session", "inactivity_minutes": 30}}
    create_trait(workspace, feed.space_id, name="Orders", kind="event_counter", definition=definition)
    feed.build()
    seen = []
    for minute in (0, 20, 40, 75):  # the break before the last one is longer than the inactivity period
        clock.advance(START + timedelta(minutes=minute) - clock.now())
        build_space(workspace, feed.space_id)
        before = values(feed, "u1") if seen else {}
        feed.track("u1", "Bought", minute=minute)
        feed.build()
        seen.append((before.get("orders"), values(feed, "u1")["orders"]))
    assert seen == [(None, 1), (1, 2), (2, 3), (None, 1)]
    clock.advance(timedelta(minutes=31))
    build_space(workspace, feed.space_id)
    assert values(feed, "u1") == {}


@pytest.mark.parametrize("is_late", [False, True])
def test_a_value_that_went_comes_back_with_the_next_event(
    workspace: Workspace, clock: FixedClock, is_late: bool
) -> None:
    feed = Feed(workspace)
    clock.advance(START + timedelta(days=10) - clock.now())
    definition = {"event": "Bought", "property": "item", "window": {"type": "sliding", "days": 2}}
    trait = create_trait(workspace, feed.space_id, name="Bought lately", kind="last", definition=definition)
    if is_late:
        disable_trait(workspace, trait.id)
    feed.track("u1", "Bought", {"item": "old"}, minute=0)
    feed.build()
    feed.track("u1", "Bought", {"item": "new"}, minute=9 * 1440)
    feed.track("u1", "Bought", {"item": "older"}, minute=1)
    feed.build()
    enable_trait(workspace, trait.id)
    feed.build()
    assert values(feed, "u1") == {"bought_lately": "new"}
    assert count_owners(workspace, trait) == 1
