"""Computed traits in the profiles: live, from the history, after merges, edits, disabling; for accounts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from core.clock import FixedClock, to_iso, to_millis
from core.errors import InvalidField, NotFound, RunInProgress
from core.events.event_log import open_event_log
from core.events.history.close import close_next, delete_closed
from core.events.history.layout import history_folder
from core.profiles.account_traits import AccountTraits, write_account_traits
from core.profiles.api_page import PageRequest
from core.profiles.group_calls import follow_group_calls
from core.profiles.lookup import get_profile
from core.profiles.undo import Act, split
from core.traits import history
from core.traits.accounts import list_account_traits
from core.traits.api_accounts import read_account_traits
from core.traits.changes import read_trait_history
from core.traits.computed_trait import ComputedTrait, TraitStatus
from core.traits.engine import ComputedTraitEngine
from core.traits.preview import preview_trait
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
from tests.feeding import START, Feed

BOUGHT = {"event": "Bought", "property": "total"}


@pytest.fixture
def feed(workspace: Workspace) -> Feed:
    return Feed(workspace)


@pytest.fixture
def store_feed(store_workspace: Workspace) -> Feed:
    """A feed on either engine."""
    return Feed(store_workspace)


def value(feed: Feed, user: str, key: str) -> object:
    traits = {trait.key: trait.value for trait in get_profile(feed.workspace, feed.space_id, f"user_id:{user}").traits}
    return traits.get(key)


def owner(feed: Feed, user: str) -> str:
    return get_profile(feed.workspace, feed.space_id, f"user_id:{user}").id


def account(feed: Feed, group_id: str) -> dict[str, object]:
    """Return the traits of an account as the Profile API gives them."""
    with feed.workspace.database.reading() as connection:
        page = read_account_traits(feed.workspace, connection, feed.space_id, group_id, PageRequest(limit=10))
    return dict(page.body["traits"])


def make(feed: Feed, name: str, kind: str = "unique_list", **definition: object) -> ComputedTrait:
    return create_trait(feed.workspace, feed.space_id, name=name, kind=kind, definition={**BOUGHT, **definition})


def test_a_trait_made_before_the_events_and_one_made_after_them_say_the_same(store_feed: Feed) -> None:
    feed = store_feed
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


def test_profiles_that_merge_before_or_after_the_history_is_computed_give_one_value(store_feed: Feed) -> None:
    feed = store_feed
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
    feed.rebuild()
    feed.build(batch_messages=1)
    assert feed.dump()["trait_states"] == states


def test_what_happened_before_1970_counts_in_no_trait_live_later_or_in_a_preview(feed: Feed) -> None:
    live = make(feed, "Live", "first")
    for time in ("1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z", "1955-11-05T00:00:00.000Z"):
        for user in ("u1", time[:4]):
            feed.track(user, "Bought", {"total": time}, timestamp=time)
    feed.build()
    late = make(feed, "Late", "first")
    feed.build()
    for trait in (live, late):
        assert [value(feed, user, trait.key) for user in ("u1", "1970")] == ["1970-01-01T00:00:00.000Z"] * 2
        assert [value(feed, user, trait.key) for user in ("1969", "1955")] == [None, None]
        assert count_owners(feed.workspace, trait) == 2
    assert preview_trait(feed.workspace, feed.space_id, "first", BOUGHT).members == 2
    told = read_trait_history(feed.workspace, feed.space_id, owner(feed, "u1"), "live")
    assert [change.value for change in told.changes] == ["1970-01-01T00:00:00.000Z"]


def test_a_trait_that_becomes_one_of_accounts_leaves_nothing_on_people(feed: Feed) -> None:
    trait = make(feed, "Orders", "event_counter")
    feed.track("u1", "Bought", {"total": 5}, context={"groupId": "acme"})
    feed.build()
    assert value(feed, "u1", "orders") == 1
    edit_trait(feed.workspace, trait.id, definition={**BOUGHT, "scope": "account"})
    feed.build()
    assert value(feed, "u1", "orders") is None
    with pytest.raises(InvalidField):
        edit_trait(feed.workspace, trait.id, definition={})


def test_an_edited_trait_of_accounts_says_nothing_until_it_is_counted_by_its_new_definition(store_feed: Feed) -> None:
    feed, definition = store_feed, {**BOUGHT, "scope": "account"}
    trait = create_trait(feed.workspace, feed.space_id, name="Orders", kind="event_counter", definition=definition)
    for total in (5, 50):
        feed.track("u1", "Bought", {"total": total}, context={"groupId": "acme"})
    feed.build()

    def read() -> list[object]:
        return [each.value for each in list_account_traits(feed.workspace, feed.space_id, "acme")]

    assert read() == [2]
    edit_trait(feed.workspace, trait.id, name="All orders")
    assert read() == [2]
    edit_trait(feed.workspace, trait.id, kind="aggregation", definition={**definition, "aggregate": "sum"})
    assert read() == []
    feed.build()
    assert read() == [55]


def test_an_edited_trait_is_computed_anew_and_takes_back_what_it_said_of_others(store_feed: Feed) -> None:
    feed = store_feed
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
    feed.track("u2", "Flex - Engagement Initiated", {"duration": 5}, context={"traits": {"email": "b@x.example"}})
    feed.send("track", event="Seen", context={"traits": {"email": "c@x.example"}})
    feed.identify("u2", traits={"email": "c@x.example"})
    feed.build()
    delete_trait(feed.workspace, trait.id)
    assert list_traits(feed.workspace, feed.space_id) == []
    assert [value(feed, user, "last_interaction_duration") for user in ("u1", "u2")] == [95, 5]
    (merge,) = get_profile(feed.workspace, feed.space_id, "user_id:u2").merges
    split(feed.workspace, feed.space_id, Act.UNDO, merge.merged_id, ComputedTraitEngine())
    assert [value(feed, user, "last_interaction_duration") for user in ("u1", "u2")] == [95, None]
    feed.identify("u1", traits={"last_interaction_duration": "none"})
    feed.build()
    assert value(feed, "u1", "last_interaction_duration") == "none"
    with pytest.raises(NotFound):
        delete_trait(feed.workspace, trait.id)


def test_a_deleted_trait_s_value_goes_with_a_rebuild_as_the_log_never_had_it(feed: Feed) -> None:
    trait = make(feed, "Orders", "event_counter")
    feed.track("u1", "Bought")
    feed.build()
    delete_trait(feed.workspace, trait.id)
    assert value(feed, "u1", "orders") == 1
    feed.rebuild()
    feed.build()
    assert value(feed, "u1", "orders") is None


def test_a_deleted_trait_leaves_its_value_on_accounts_until_something_newer_sets_it(
    store_feed: Feed, clock: FixedClock
) -> None:
    feed = store_feed
    clock.advance(timedelta(days=10) + START - clock.now())
    orders = make(feed, "Orders", "event_counter", scope="account", window={"type": "sliding", "days": 30})
    items = make(feed, "Items", scope="account")
    for group in ("acme", "acme", "zeta"):
        feed.send("group", userId="u1", groupId=group, traits={"plan": "pro", "items": "of a group call"})
        feed.track("u1", "Bought", {"total": "hat"}, context={"groupId": group})
    feed.build()
    follow_group_calls(feed.workspace, feed.space_id)
    shown = {"plan": "pro", "orders": 2, "items": ["hat"]}
    assert account(feed, "acme") == shown
    disable_trait(feed.workspace, orders.id)
    clock.advance(timedelta(days=60))
    assert account(feed, "acme") == shown  # a disabled trait keeps its values, also those of a window
    for trait in (orders, items):
        delete_trait(feed.workspace, trait.id)
    assert account(feed, "acme") == shown and account(feed, "zeta") == shown | {"orders": 1}
    told = list_account_traits(feed.workspace, feed.space_id, "acme")
    assert [each.origin for each in told] == ["a computed trait that was deleted"] * 2 + ["src_test"]
    feed.rebuild()
    feed.build()
    follow_group_calls(feed.workspace, feed.space_id)
    assert account(feed, "acme") == shown
    again = make(feed, "Orders", "event_counter", scope="account", window={"type": "sliding", "days": 1})
    feed.build()
    assert account(feed, "acme") == {"plan": "pro", "items": ["hat"]}  # it has counted the account, and finds none
    delete_trait(feed.workspace, again.id)
    assert "orders" not in account(feed, "acme")
    clock.advance(timedelta(days=1))
    feed.send("group", userId="u1", groupId="acme", traits={"items": 7}, timestamp=to_iso(clock.now()))
    with feed.workspace.database.transaction() as connection:
        kept = [AccountTraits(feed.space_id, "zeta", {"items": "of SQL"})]
        write_account_traits(connection, "syn_one", kept, to_millis(clock.now()))
    feed.build()
    follow_group_calls(feed.workspace, feed.space_id)
    assert (account(feed, "acme")["items"], account(feed, "zeta")["items"]) == (7, "of SQL")


def test_a_trait_whose_name_or_key_cannot_be_used_is_not_made(feed: Feed) -> None:
    make(feed, "Orders")
    for name in ("", "!?", "x" * 81, "orders", "ORDERS "):
        with pytest.raises(InvalidField):
            make(feed, name)
    assert len(list_traits(feed.workspace, feed.space_id)) == 1


def test_a_history_that_is_killed_in_the_middle_is_computed_from_the_start_and_counts_nothing_twice(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "WRITTEN_PEOPLE", 2)
    trait = make(feed, "Live")
    for number in range(20):
        feed.track(f"u{number % 7}", "Bought", {"total": f"t{number}"})
    feed.build()
    late = make(feed, "Late")
    log, checks = open_event_log(feed.workspace), itertools.count()

    def die_at_the_fifth(_connection: Connection) -> None:
        if next(checks) == 4:
            raise RunInProgress("killed", hint="")

    with pytest.raises(RunInProgress):
        history.compute_history(feed.workspace, feed.space_id, log, die_at_the_fifth)
    killed = get_trait(feed.workspace, late.id)
    assert killed.status is TraitStatus.COMPUTING
    assert 0 < (counted := count_owners(feed.workspace, late)) < 7
    assert killed.progress == pytest.approx(counted / 7, abs=0.1)  # of about how many there are
    feed.build()
    assert count_owners(feed.workspace, late) == count_owners(feed.workspace, trait) == 7
    for number in range(7):
        assert value(feed, f"u{number}", "late") == value(feed, f"u{number}", "live")


class InterruptingClock(FixedClock):
    """A clock that has something done when it is asked for the second time: between two parts of a history."""

    def __init__(self, at: datetime, work: Callable[[], object]) -> None:
        super().__init__(at)
        self._work, self._asked = work, itertools.count()

    def now(self) -> datetime:
        if next(self._asked) == 1:
            self._work()
        return super().now()


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_trait_that_is_changed_while_its_history_is_computed_is_as_it_was_changed(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, is_deleted: bool
) -> None:
    monkeypatch.setattr(history, "WRITTEN_PEOPLE", 1)
    for number in range(6):
        feed.track(f"u{number % 3}", "Bought", {"total": number})
    feed.build()
    trait = make(feed, "Orders", "event_counter", window={"type": "sliding", "days": 30})
    small = [{"property": "total", "operator": "less_than", "value": 1}]

    def change() -> None:
        if is_deleted:
            delete_trait(feed.workspace, trait.id)
        else:
            edit_trait(feed.workspace, trait.id, definition={**BOUGHT, "conditions": small})

    clock = InterruptingClock(feed.workspace.now(), change)
    log = open_event_log(feed.workspace)
    history.compute_history(replace(feed.workspace, clock=clock), feed.space_id, log, lambda _: None)
    feed.build()
    assert count_owners(feed.workspace, trait) == (0 if is_deleted else 1)
    assert value(feed, "u0", "orders") == (2 if is_deleted else 1)
    assert [value(feed, f"u{number}", "orders") for number in (1, 2)] == [None, None]


def test_a_rare_event_finds_its_people_too(store_feed: Feed) -> None:
    feed = store_feed
    for number in range(50):
        feed.track(f"u{number % 3}", "Looked")
    feed.track("u1", "Bought", {"total": "hat"})
    feed.track("u2", "Bought", {"total": "shoes"})
    feed.send("track", event="Bought", properties={"total": "coat"}, context={"traits": {"email": "a@x.example"}})
    feed.identify("u1", traits={"email": "a@x.example"})
    feed.build()
    trait = make(feed, "Items")
    feed.build()
    assert count_owners(feed.workspace, trait) == 2
    assert value(feed, "u1", "items") == ["coat", "hat"]
    assert value(feed, "u2", "items") == ["shoes"]
    partial = preview_trait(feed.workspace, feed.space_id, trait.kind, trait.definition, max_messages=40)
    assert partial.is_partial and partial.members == 2


def test_traits_that_are_computed_together_say_what_they_say_live(store_feed: Feed) -> None:
    feed = store_feed
    kinds: list[tuple[str, str, dict[str, object]]] = [
        ("Looks", "event_counter", {"event": "Looked"}),
        ("Week", "unique_list", {"event": "Looked", "window": {"type": "sliding", "days": 365}}),
        ("Sum", "aggregation", {"event": "Looked", "aggregate": "average"}),
        ("Items", "last", {}),
    ]
    live = [make(feed, f"Live {name}", kind, **definition) for name, kind, definition in kinds]
    for number in range(60):
        spelled = f"{number / 7:.2f}" if number % 5 else number / 7
        feed.track(f"u{number % 4}", "Looked", {"TOTAL" if number % 3 else "total": spelled})
    feed.track("u1", "Bought", {"total": "Größe"})
    feed.identify("u1", traits={"email": "a@x.example"})
    feed.send("track", event="Looked", properties={"total": 3}, context={"traits": {"email": "b@x.example"}})
    feed.send("identify", context={"traits": {"email": "b@x.example"}}, userId="u1")
    feed.build(batch_messages=7)
    late = [make(feed, f"Late {name}", kind, **definition) for name, kind, definition in kinds]
    feed.build()
    for before, after in zip(live, late, strict=True):
        assert count_owners(feed.workspace, after) == count_owners(feed.workspace, before) > 0
        for user in ("u0", "u1", "u2", "u3"):
            assert value(feed, user, after.key) == value(feed, user, before.key), (user, after.key)


def test_a_history_whose_file_is_gone_fails_with_a_sentence_and_is_computed_when_it_is_back(feed: Feed) -> None:
    for number in range(6):
        feed.track(f"u{number}", "Bought", {"total": number})
    feed.build()
    log, later = open_event_log(feed.workspace), feed.workspace.now() + timedelta(days=90)
    while close_next(log, later):
        pass
    delete_closed(log, later + timedelta(days=2))
    (path,) = history_folder(log.path).glob("*.parquet")
    hidden = path.rename(path.with_suffix(".hidden"))
    traits = [make(feed, "One", "event_counter"), make(feed, "Two", "event_counter")]
    feed.build()
    failed = [get_trait(feed.workspace, trait.id) for trait in traits]
    assert [trait.status for trait in failed] == [TraitStatus.FAILED] * 2
    assert all("closed day is missing" in str(trait.failure) for trait in failed)
    hidden.rename(path)
    for trait in traits:
        enable_trait(feed.workspace, trait.id)
    feed.build()
    assert [count_owners(feed.workspace, trait) for trait in traits] == [6, 6]
