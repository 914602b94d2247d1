"""What-if against the truth: saving the rules and rebuilding gives what was said (spec/profiles.md 1.2)."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import Any

import pytest

from core.errors import QueryCancelled
from core.identity.caps import get_caps
from core.identity.edits import RuleEdit, propose
from core.identity.resolve import Caps
from core.identity.rules import add_custom_identifier, edit_identifier, list_rules
from core.profiles.lookup import count_profiles
from core.profiles.undo import Act, split
from core.profiles.violations import count_violations
from core.profiles.what_if import WhatIf, WhatIfProgress, ask_what_if
from core.traits.engine import ComputedTraitEngine
from core.warehouses.cancel import CancelToken
from core.workspaces.workspace import Workspace
from tests.feeding import Feed

Owners = dict[tuple[str, str], str]


@pytest.fixture
def feed(store_workspace: Workspace) -> Feed:
    feed = Feed(store_workspace, ("user_id", "email"), custom=("phone",))
    chance = random.Random(7)
    for number in range(160):
        traits = {"email": f"e{chance.randrange(60)}@x.example", "phone": f"+{chance.randrange(40)}", "n": number}
        kept = {key: text for key, text in traits.items() if chance.random() < 0.6}
        user = f"u{chance.randrange(50)}" if chance.random() < 0.5 else None
        feed.identify(user, traits=kept, minute=30 * number)  # over three days
    feed.build()
    return feed


def ask(feed: Feed, *edits: RuleEdit, caps: Caps | None = None) -> WhatIf:
    rules = propose(list_rules(feed.workspace, feed.space_id), edits)
    return ask_what_if(feed.workspace, feed.space_id, rules, caps or get_caps(feed.workspace, feed.space_id))


def compare(before: Owners, after: Owners) -> tuple[int, int, int, int]:
    """Return merging, merged_into, splitting, split_into of two partitions."""
    becomes, was = defaultdict(set), defaultdict(set)
    for identifier in before.keys() & after.keys():
        becomes[before[identifier]].add(after[identifier])
        was[after[identifier]].add(before[identifier])
    merged = [olds for olds in was.values() if len(olds) > 1]
    split_ = [news for news in becomes.values() if len(news) > 1]
    return (
        len(set[str]().union(*merged)),
        len(merged),
        len(split_),
        len(set[str]().union(*split_)),
    )


def test_what_is_said_is_what_a_rebuild_with_the_rules_gives(feed: Feed) -> None:
    before, violations = feed.owners(), count_violations(feed.workspace, feed.space_id)
    blocked: dict[str, Any] = {"blocked_exact": ["+3", "+5"], "blocked_patterns": ["^[+]1.$"]}
    changes: dict[str, dict[str, Any]] = {
        "user_id": {"value_limit": 3},
        "email": {"value_limit": 2, "period": "daily"},
        "phone": {"priority": 1, **blocked},
    }
    told = ask(feed, *(RuleEdit(type_, **change) for type_, change in changes.items()))
    assert feed.owners() == before
    assert told.merging and told.splitting and told.lost["phone"] > 6
    assert told.violations_after["identifier_time_limit_exceeded"] > 0
    for type_, change in changes.items():
        edit_identifier(feed.workspace, feed.space_id, RuleEdit(type_, **change))
    feed.rebuild()
    feed.build()
    after = feed.owners()
    assert told.lost == Counter(type_ for type_, _ in before.keys() - after.keys())
    assert told.gained == Counter(type_ for type_, _ in after.keys() - before.keys())
    assert compare(before, after) == (told.merging, told.merged_into, told.splitting, told.split_into)
    assert (told.profiles_before, told.profiles_after) == (len({*before.values()}), len({*after.values()}))
    assert told.profiles_after == count_profiles(feed.workspace, feed.space_id)
    assert told.violations_before == violations
    assert told.violations_after == count_violations(feed.workspace, feed.space_id)
    for sample in told.merges:
        assert {before[each] for part in sample.parts for each in part.identifiers} == {
            part.profile_id for part in sample.parts
        }
        assert len({after[each] for part in sample.parts for each in part.identifiers if each in after}) == 1
    for sample in told.splits:
        shown = {part.profile_id: part.identifiers for part in sample.parts}
        assert all({after[each] for each in its} == {profile_id} for profile_id, its in shown.items())
    assert [sample.count for sample in told.merges] == sorted((each.count for each in told.merges), reverse=True)


def test_rules_as_they_are_change_nothing_also_where_profiles_are_kept_apart(feed: Feed) -> None:
    assert ask(feed).changes_nothing
    merged_id = str(feed.dump()["merges"][0][2])
    split(feed.workspace, feed.space_id, Act.UNDO, merged_id, ComputedTraitEngine())
    told = ask(feed)
    assert (told.changes_nothing, told.messages) == (True, len(feed.dump()["profile_messages"]))
    assert not list(feed.workspace.home.history.iterdir())


def test_an_identifier_that_is_added_or_taken_away_and_lower_caps_are_seen_beforehand(feed: Feed) -> None:
    gone = ask(feed, RuleEdit("phone", is_deleted=True))
    assert set(gone.lost) == {"phone"}
    assert ask(feed, RuleEdit("number", key="n", is_added=True)).gained.keys() == {"number"}
    assert ask(feed, caps=Caps(merges=1)).violations_after["profile_merge_limit_exceeded"] > 0
    add_custom_identifier(feed.workspace, feed.space_id, "number", key="n")
    assert ask(feed).gained.keys() == {"number"}  # rules that were changed since: a rebuild would find more
    feed.rebuild()
    feed.build()
    assert ask(feed).changes_nothing


def test_it_is_stopped_between_two_batches_and_leaves_nothing_behind(feed: Feed) -> None:
    cancel, told = CancelToken(), list[WhatIfProgress]()

    def stop(progress: WhatIfProgress) -> None:
        told.append(progress)
        cancel.cancel()

    rules = list_rules(feed.workspace, feed.space_id)
    with pytest.raises(QueryCancelled):
        ask_what_if(feed.workspace, feed.space_id, rules, Caps(), progress=stop, cancel=cancel)
    assert told == [WhatIfProgress(160, 160)]
    assert not list(feed.workspace.home.history.iterdir())
