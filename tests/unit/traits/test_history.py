"""Computed traits in the profiles: live, from the history, after merges, edits, disabling; for accounts."""

from __future__ import annotations

import pytest

from core.errors import InvalidField, NotFound
from core.profiles.build import rebuild
from core.profiles.lookup import get_profile
from core.traits.computed_trait import ComputedTrait, TraitStatus
from core.traits.store import (
    add_recipes,
    count_owners,
    create_trait,
    delete_trait,
    disable_trait,
    edit_trait,
    enable_trait,
    get_trait,
    list_traits,
)
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace
from tests.feeding import Feed

BOUGHT = {"event": "Bought", "property": "total"}


@pytest.fixture
def feed(store_workspace: Workspace) -> Feed:
    return Feed(store_workspace)


def value(feed: Feed, user: str, key: str) -> object:
    traits = {trait.key: trait.value for trait in get_profile(feed.workspace, feed.space_id, f"user_id:{user}").traits}
    return traits.get(key)


def make(feed: Feed, name: str, kind: str = "unique_list", **definition: object) -> ComputedTrait:
    return create_trait(feed.workspace, feed.space_id, name=name, kind=kind, definition={**BOUGHT, **definition})


def test_a_trait_made_before_the_events_and_one_made_after_them_say_the_same(feed: Feed) -> None:
    make(feed, "Live")
    for number in range(12):
        feed.track(f"u{number % 3}", "Bought", {"Total" if number % 2 else "total": f"t{number % 4}"})
    feed.identify("u1", traits={"email": "a@x.example"})
    feed.send("track", event="Bought", properties={"total": "by mail"}, context={"traits": {"email": "a@x.example"}})
    feed.send("track", event="Bought", properties={"total": "early"}, userId="u9", minute=-5)
    feed.build(batch_messages=4)
    late = make(feed, "Late")
    assert late.status is TraitStatus.PREPARING
    feed.build()
    assert get_trait(feed.workspace, late.id).status is TraitStatus.LIVE
    for user in ("u0", "u1", "u2", "u9"):
        assert value(feed, user, "late") == value(feed, user, "live") is not None
    feed.track("u0", "Bought", {"total": "new"})
    feed.build()
    assert value(feed, "u0", "late") == value(feed, "u0", "live")
    assert "new" in str(value(feed, "u0", "late"))
    assert count_owners(feed.workspace, late) == 4


def test_profiles_that_merge_before_or_after_the_history_is_computed_give_one_value(feed: Feed) -> None:
    counts = [make(feed, "Before", "event_counter")]
    feed.track("u1", "Bought")
    feed.send("track", event="Bought", properties={}, context={"traits": {"email": "a@x.example"}})
    feed.build()
    counts.append(make(feed, "Between", "event_counter"))
    feed.build()
    feed.identify("u1", traits={"email": "a@x.example"})
    feed.build()
    make(feed, "After", "event_counter")
    feed.build()
    states = feed.dump()["trait_states"]
    assert [value(feed, "u1", key) for key in ("before", "between", "after")] == [2, 2, 2]
    assert [count_owners(feed.workspace, trait) for trait in counts] == [1, 1]
    rebuild(feed.workspace, feed.space_id)
    feed.build(batch_messages=1)
    assert feed.dump()["trait_states"] == states


def test_an_edited_trait_is_computed_anew_and_takes_back_what_it_said_of_others(feed: Feed) -> None:
    trait = make(feed, "Orders", "event_counter")
    feed.track("u1", "Bought", {"total": 5})
    feed.track("u2", "Bought", {"total": 50})
    feed.build()
    assert (value(feed, "u1", "orders"), value(feed, "u2", "orders")) == (1, 1)
    large = [{"property": "total", "operator": "greater_than", "value": 10}]
    edited = edit_trait(feed.workspace, trait.id, name="Large orders", definition={**BOUGHT, "conditions": large})
    assert (edited.key, edited.status) == ("orders", TraitStatus.PREPARING)
    feed.build()
    assert (value(feed, "u1", "orders"), value(feed, "u2", "orders")) == (None, 1)
    assert count_owners(feed.workspace, edited) == 1
    edit_trait(feed.workspace, trait.id, name="Large")
    assert get_trait(feed.workspace, trait.id).status is TraitStatus.LIVE
    with pytest.raises(InvalidField):
        edit_trait(feed.workspace, trait.id, definition={"event": ""})
    actions = [change.action for change in list_changes(feed.workspace, object_type="computed_trait")]
    assert sorted(actions) == ["created", "updated", "updated"]


def test_a_disabled_trait_keeps_its_values_and_catches_up_when_it_is_enabled(feed: Feed) -> None:
    trait = make(feed, "Orders", "event_counter")
    feed.track("u1", "Bought")
    feed.build()
    assert disable_trait(feed.workspace, trait.id).status is TraitStatus.DISABLED
    feed.track("u1", "Bought")
    feed.identify("u1", traits={"orders": 99})
    feed.build()
    assert value(feed, "u1", "orders") == 1
    enable_trait(feed.workspace, trait.id)
    feed.build()
    assert value(feed, "u1", "orders") == 2


def test_a_deleted_trait_leaves_its_value_as_a_custom_trait(feed: Feed) -> None:
    (trait,) = add_recipes(feed.workspace, feed.space_id, ["last_interaction_duration"])
    feed.track("u1", "Flex - Engagement Initiated", {"duration": 95.0})
    feed.build()
    delete_trait(feed.workspace, trait.id)
    assert list_traits(feed.workspace, feed.space_id) == []
    assert value(feed, "u1", "last_interaction_duration") == 95
    feed.identify("u1", traits={"last_interaction_duration": "none"})
    feed.build()
    assert value(feed, "u1", "last_interaction_duration") == "none"
    with pytest.raises(NotFound):
        delete_trait(feed.workspace, trait.id)


def test_a_trait_whose_name_or_key_cannot_be_used_is_not_made(feed: Feed) -> None:
    make(feed, "Orders")
    for name in ("", "!?", "x" * 81, "orders", "ORDERS "):
        with pytest.raises(InvalidField):
            make(feed, name)
    assert len(list_traits(feed.workspace, feed.space_id)) == 1
