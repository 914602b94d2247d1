"""Undo of a merge on both engines: what is written, refused and left alone; random histories are in property/."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from core.errors import IllegalTransition, LimitExceeded, NotFound, RunInProgress
from core.events.event_log import open_event_log
from core.identity.rules import read_rules
from core.profiles.build import rebuild
from core.profiles.family import FamilyFinder
from core.profiles.lookup import get_profile, list_profile_events
from core.profiles.splits import list_splits
from core.profiles.undo import Act, SplitPlan, SplitProgress, plan_split, split, split_by_rebuild
from core.storage.tables import leases
from core.traits.engine import ComputedTraitEngine
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace
from tests.feeding import Feed


@pytest.fixture
def feed(store_workspace: Workspace) -> Feed:
    return Feed(store_workspace, ("user_id", "email"), custom=("phone",))


def merge_ada_and_bob(feed: Feed) -> str:
    """Ada's number on Bob's form: one message ties both, and both go on. Returns who was merged away."""
    feed.identify("ada", traits={"phone": "+1", "name": "Ada"})
    feed.identify(traits={"email": "bob@x.example", "name": "Bob"})
    feed.identify(traits={"email": "bob@x.example", "phone": "+1"})
    feed.track("ada", "Call Initiated", {"direction": "Inbound"})
    feed.identify(traits={"email": "bob@x.example", "city": "Bonn"})
    feed.build()
    (merge,) = get_profile(feed.workspace, feed.space_id, "user_id:ada").merges
    return merge.merged_id


def run(feed: Feed, act: Act, merged_id: str) -> SplitPlan:
    return split(feed.workspace, feed.space_id, act, merged_id, ComputedTraitEngine())


def test_traits_and_events_are_back_on_the_right_profile_and_stay_there(feed: Feed) -> None:
    merged_id = merge_ada_and_bob(feed)
    told: list[SplitProgress] = []
    engine = ComputedTraitEngine()
    plan = plan_split(feed.workspace, feed.space_id, Act.UNDO, merged_id, engine, progress=told.append)
    assert (plan.messages, told[-1]) == (5, SplitProgress(5, 5, 5))
    as_it_was = feed.dump()
    assert run(feed, Act.UNDO, merged_id) == plan
    feed.identify("ada", traits={"email": "bob@x.example"})
    feed.build()
    ada, bob = (get_profile(feed.workspace, feed.space_id, who) for who in ("user_id:ada", "email:bob@x.example"))
    assert {each.key: each.value for each in bob.traits} == {
        "name": "Bob",
        "city": "Bonn",
        "email": "bob@x.example",
    } | {
        "phone": "+1"  # said by the message that tied the two, which is Bob's: an e-mail is stronger than a phone
    }
    assert {each.key: each.value for each in ada.traits} == {"name": "Ada", "phone": "+1", "email": "bob@x.example"}
    assert [event.offset for event in list_profile_events(feed.workspace, feed.space_id, bob.id)] == [5, 3, 2]
    assert [event.offset for event in list_profile_events(feed.workspace, feed.space_id, ada.id)] == [6, 4, 1]
    (rule,) = list_splits(feed.workspace, feed.space_id, profile_id=bob.id)
    assert (rule.merged_now, rule.survivor_now, rule.merge) == (bob.id, ada.id, plan.merge)
    entry = list_changes(feed.workspace, object_type="merge")[0]
    assert (entry.action, entry.after) == ("undone", {"profiles": [ada.id, bob.id], "message": 3})
    rebuild(feed.workspace, feed.space_id)
    feed.build()
    assert get_profile(feed.workspace, feed.space_id, "email:bob@x.example") == bob
    run(feed, Act.REJOIN, merged_id)
    again = feed.dump()
    assert [row[:3] for row in again["merges"]] == [row[:3] for row in as_it_was["merges"]]
    assert list_splits(feed.workspace, feed.space_id) == []


def test_a_whole_rebuild_gives_the_same_answer(feed: Feed) -> None:
    merged_id = merge_ada_and_bob(feed)
    run(feed, Act.UNDO, merged_id)
    undone = feed.dump()
    split_by_rebuild(feed.workspace, feed.space_id, Act.REJOIN, merged_id)
    feed.build()
    assert len(get_profile(feed.workspace, feed.space_id, "user_id:ada").merges) == 1
    split_by_rebuild(feed.workspace, feed.space_id, Act.UNDO, merged_id)
    feed.build()
    assert feed.dump() == undone


def test_a_merge_that_is_none_or_whose_messages_are_gone_is_refused_and_nothing_changes(feed: Feed) -> None:
    merged_id = merge_ada_and_bob(feed)
    as_it_was = feed.dump()
    with pytest.raises(NotFound, match="use_nobody is not merged"):
        run(feed, Act.UNDO, "use_nobody")
    with pytest.raises(NotFound, match="is not kept apart"):
        run(feed, Act.REJOIN, merged_id)
    log, engine = open_event_log(feed.workspace), ComputedTraitEngine()
    with pytest.raises(IllegalTransition, match="At least 1 of the messages"):  # dropped between two looks at them
        plan_split(feed.workspace, feed.space_id, Act.UNDO, merged_id, engine, progress=lambda _: log.truncate(2))
    for attempt in (
        lambda: run(feed, Act.UNDO, merged_id),
        lambda: split_by_rebuild(feed.workspace, feed.space_id, Act.UNDO, merged_id),
    ):
        with pytest.raises(IllegalTransition) as refused:
            attempt()
        assert refused.value.code == "messages_gone"
    assert feed.dump() == as_it_was


def test_a_builder_that_took_over_meanwhile_finds_everything_as_it_was(feed: Feed) -> None:
    merged_id = merge_ada_and_bob(feed)
    as_it_was = feed.dump()

    def take_over(_: SplitProgress) -> None:
        with feed.workspace.database.transaction() as connection:
            connection.execute(update(leases).values(token=leases.c.token + 1))

    with pytest.raises(RunInProgress):
        split(feed.workspace, feed.space_id, Act.UNDO, merged_id, ComputedTraitEngine(), progress=take_over)
    assert feed.dump() == as_it_was
    assert list_splits(feed.workspace, feed.space_id) == []
    assert list_changes(feed.workspace, object_type="merge") == []


def test_a_family_reaches_over_refused_identifiers_and_a_huge_one_is_refused_before_it_is_read(feed: Feed) -> None:
    for name in "abc":
        feed.identify(name, traits={"phone": "+1"})  # one user id a profile: b and c are refused the phone
    feed.identify("stranger", traits={"phone": "+2"})
    feed.build()
    owners, log = feed.owners(), open_event_log(feed.workspace)
    with feed.workspace.database.reading() as connection:
        rules = read_rules(connection, feed.space_id)
        finder = FamilyFinder(connection, log, feed.space_id, rules, lambda _: None)
        for name in "abc":
            family = finder.find({owners["user_id", name]})
            assert (family.live_ids, family.log_offsets) == ({owners["user_id", each] for each in "abc"}, [1, 2, 3])
        with pytest.raises(LimitExceeded) as refused:
            finder.find({owners["user_id", "a"]}, max_messages=2)
        assert refused.value.code == "family_too_large"
