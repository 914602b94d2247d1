"""Undo of a merge on both engines: what is written, refused and left alone; random histories are in property/."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from core.errors import IllegalTransition, InternalError, LimitExceeded, NotFound, RunInProgress
from core.events.event_log import open_event_log
from core.identity.edits import RuleEdit
from core.identity.rules import edit_identifier, read_rules
from core.profiles.family import Family, FamilyFinder
from core.profiles.lookup import get_profile, list_profile_events
from core.profiles.splits import list_splits
from core.profiles.undo import Act, SplitPlan, SplitProgress, plan_split, split
from core.profiles.undo_jobs import UndoJob, cancel_undo, carry_out_undos, list_undo_jobs, request_undo
from core.storage.tables import leases, undo_jobs
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
    feed.rebuild()
    feed.build()
    assert get_profile(feed.workspace, feed.space_id, "email:bob@x.example") == bob
    run(feed, Act.REJOIN, merged_id)
    again = feed.dump()
    assert [row[:3] for row in again["merges"]] == [row[:3] for row in as_it_was["merges"]]
    assert list_splits(feed.workspace, feed.space_id) == []


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
    with pytest.raises(IllegalTransition) as refused:
        run(feed, Act.UNDO, merged_id)
    assert refused.value.code == "messages_gone"
    assert feed.dump() == as_it_was


def test_what_happens_while_the_family_is_built_again_counts(feed: Feed) -> None:
    """A stranger is drawn in, a rule changes: still the answer of a full rebuild."""
    merged_id = merge_ada_and_bob(feed)
    feed.identify(traits={"email": "eve@x.example", "name": "Eve"})
    feed.build()
    happened: list[int] = []

    def meanwhile(_: SplitProgress) -> None:
        happened.append(len(happened))
        if happened[-1] == 0:
            feed.identify(traits={"email": "eve@x.example", "phone": "+1", "age": 40})
            feed.track("ada", "Call Initiated", {"direction": "Inbound"})
            feed.identify("ada", traits={"name": "Ada L."})
            feed.build()

    split(feed.workspace, feed.space_id, Act.UNDO, merged_id, ComputedTraitEngine(), progress=meanwhile)
    undone = feed.dump()
    assert len(happened) > 2
    feed.rebuild()
    feed.build()
    assert feed.dump() == undone

    def change_a_rule(progress: SplitProgress) -> None:
        if progress.applied:
            edit_identifier(feed.workspace, feed.space_id, RuleEdit("user_id", value_limit=2))

    split(feed.workspace, feed.space_id, Act.REJOIN, merged_id, ComputedTraitEngine(), progress=change_a_rule)
    rejoined = feed.dump()
    feed.rebuild()
    feed.build()
    assert feed.dump() == rejoined


def test_a_builder_that_took_over_meanwhile_finds_everything_as_it_was(feed: Feed) -> None:
    merged_id = merge_ada_and_bob(feed)
    as_it_was = feed.dump()

    def take_over(_: object) -> None:
        with feed.workspace.database.transaction() as connection:
            connection.execute(update(leases).values(token=leases.c.token + 1))

    class Engine(ComputedTraitEngine):
        def compute_history(self, *args: Any) -> None:
            take_over(args)

    with pytest.raises(RunInProgress):
        split(feed.workspace, feed.space_id, Act.UNDO, merged_id, Engine())
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
        finder = FamilyFinder(connection, log, feed.space_id, rules, 4, lambda _: None)
        for name in "abc":
            family = Family()
            assert finder.grow(family, {owners["user_id", name]}) == [1, 2, 3]
            assert family.live_ids == {owners["user_id", each] for each in "abc"}
        with pytest.raises(LimitExceeded) as refused:
            finder.grow(Family(), {owners["user_id", "a"]}, max_messages=2)
        assert refused.value.code == "family_too_large"


def test_a_large_undo_is_a_job_that_can_be_stopped_and_taken_back_and_ends_once(feed: Feed) -> None:
    merged_id = merge_ada_and_bob(feed)
    workspace, engine, as_it_was = feed.workspace, ComputedTraitEngine(), feed.dump()
    (merge,) = get_profile(workspace, feed.space_id, "user_id:ada").merges

    def ask() -> UndoJob:
        request_undo(replace(workspace, actor="mia"), feed.space_id, Act.UNDO, merge.survivor_id, merged_id)
        (job,) = list_undo_jobs(workspace, feed.space_id)
        return job

    assert (ask().starts, ask().requested_by) == (0, "mia")
    answers = iter([False, False, True])  # the worker stops when it has read the family
    assert carry_out_undos(workspace, engine, lambda: next(answers)) == 0
    stopped = ask()
    assert (stopped.starts, stopped.progress, stopped.error) == (0, SplitProgress(5), None)

    class Engine(ComputedTraitEngine):
        def compute_history(self, *args: Any) -> None:
            cancel_undo(workspace, stopped)  # at the last moment

    assert carry_out_undos(workspace, Engine()) == 0
    assert (list_undo_jobs(workspace), feed.dump()) == ([], as_it_was)
    ask()
    assert carry_out_undos(workspace, engine) == 1
    assert list_undo_jobs(workspace) == []
    (rule,) = list_splits(workspace, feed.space_id)
    assert (rule.created_by, list_changes(workspace, object_type="merge")[0].actor) == ("mia", "mia")
    ask()
    with pytest.raises(NotFound):
        carry_out_undos(workspace, engine)
    (failed,) = list_undo_jobs(workspace)
    assert failed.error is not None
    assert (failed.error["code"], carry_out_undos(workspace, engine)) == ("not_found", 0)
    assert ask().error is None  # asked again: tried again
    with workspace.database.transaction() as connection:
        connection.execute(update(undo_jobs).values(starts=3))
    with pytest.raises(InternalError, match="started 3 times and never came to its end"):
        carry_out_undos(workspace, engine)
