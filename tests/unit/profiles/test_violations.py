"""What identity rules refused, page by page and counted, on both engines."""

from __future__ import annotations

import orjson

from core.identity.caps import change_caps
from core.identity.edits import RuleEdit
from core.identity.resolve import Caps, ViolationRule
from core.identity.rules import edit_identifier
from core.profiles.lookup import get_profile, list_profile_events
from core.profiles.violations import count_violations, list_violations
from core.workspaces.workspace import Workspace
from tests.feeding import Feed


def test_violations_name_the_message_the_rule_and_the_profile_and_are_counted(store_workspace: Workspace) -> None:
    feed = Feed(store_workspace)
    feed.identify("ada", traits={"email": "shared@example.com"})
    refused = feed.identify("grace", traits={"email": "shared@example.com"})
    nobody = feed.send("track", anonymousId="x", event="Seen", properties={})
    feed.build()

    newest, older = list_violations(store_workspace, feed.space_id)

    assert (newest.log_offset, newest.rule, newest.profile_id) == (nobody, ViolationRule.NO_IDENTIFIERS, None)
    assert (older.log_offset, older.rule) == (refused, ViolationRule.VALUE_LIMIT)
    grace = get_profile(store_workspace, feed.space_id, "user_id:grace")
    assert older.profile_id == grace.id
    assert "would give one profile 2 values of user_id (limit: 1 ever)" in older.sentence
    assert count_violations(store_workspace, feed.space_id) == {
        ViolationRule.NO_IDENTIFIERS: 1,
        ViolationRule.VALUE_LIMIT: 1,
    }
    assert count_violations(store_workspace, feed.space_id, profile_id=grace.id) == {ViolationRule.VALUE_LIMIT: 1}


def test_each_rule_of_the_specification_is_broken_by_a_message_and_says_so(store_workspace: Workspace) -> None:
    """spec/profiles.md 1.3, step 10."""
    feed = Feed(store_workspace, ("user_id", "email", "anonymous_id"))
    edit_identifier(store_workspace, feed.space_id, RuleEdit("anonymous_id", value_limit=1, period="weekly"))
    change_caps(store_workspace, feed.space_id, Caps(merges=1, identifiers=4))
    feed.identify("ada", traits={"email": "shared@x.example"})
    broken = {feed.identify("grace", traits={"email": "shared@x.example"}): "Identifier value limit exceeded"}
    feed.identify("bob", anonymousId="one")
    broken[feed.identify("bob", anonymousId="two")] = "Identifier time limit exceeded"
    broken[feed.identify("null", traits={"email": "eve@x.example"})] = "ID value blocked"
    broken[feed.send("track", event="Seen", properties={"email": "eve@x.example"})] = "No matching identifiers on event"
    for number in (1, 2):
        feed.identify(traits={"email": f"m{number}@x.example"})
    feed.identify("mia")
    feed.identify("mia", traits={"email": "m1@x.example"})
    broken[feed.identify("mia", traits={"email": "m2@x.example"})] = "Profile merge limit exceeded"
    for number in range(3):
        feed.identify("zoe", traits={"email": f"z{number}@x.example"})
    broken[feed.identify("zoe", traits={"email": "z4@x.example"})] = "Identifier mapping limit exceeded"
    feed.build()
    found = list_violations(store_workspace, feed.space_id)
    assert {each.log_offset: each.label for each in found} == broken
    assert {each.rule for each in found} == {
        "no_matching_identifiers",
        "identifier_value_limit_exceeded",
        "identifier_time_limit_exceeded",
        "id_value_blocked",
        "profile_merge_limit_exceeded",
        "identifier_mapping_limit_exceeded",
    }
    assert len(found) == 6


def test_a_blocked_value_stays_in_the_message_the_events_and_the_traits(workspace: Workspace) -> None:
    """spec/profiles.md 1.2: it stays in the payload and is not promoted."""
    feed = Feed(workspace)
    feed.identify("eve", traits={"email": "Anonymous"})
    feed.build()
    profile = get_profile(workspace, feed.space_id, "user_id:eve")
    assert [(each.type, each.value) for each in profile.identifiers] == [("user_id", "eve")]
    assert {each.key: each.value for each in profile.traits} == {"email": "Anonymous"}
    (event,) = list_profile_events(workspace, feed.space_id, profile.id)
    assert orjson.loads(event.body)["traits"] == {"email": "Anonymous"}
    (violation,) = list_violations(workspace, feed.space_id, profile_id=profile.id)
    assert violation.sentence == "ID value blocked: message #1, email anonymous."


def test_a_page_never_ends_inside_a_message(store_workspace: Workspace) -> None:
    feed = Feed(store_workspace)
    edit_identifier(store_workspace, feed.space_id, RuleEdit("user_id", blocked_exact=["bad"]))
    edit_identifier(store_workspace, feed.space_id, RuleEdit("email", blocked_exact=["bad@example.com"]))
    for _ in range(3):
        feed.identify("bad", traits={"email": "bad@example.com"})
    feed.build()
    every = list_violations(store_workspace, feed.space_id)
    assert len({violation.log_offset for violation in every}) == 3

    paged, before = [], None
    while page := list_violations(store_workspace, feed.space_id, before=before, limit=1):
        paged += page
        before = page[-1].log_offset

    assert paged == every
    assert len(paged) > 3


def test_a_value_with_a_nul_is_refused_and_stops_no_build(store_workspace: Workspace) -> None:
    feed = Feed(store_workspace)
    refused = feed.identify("a\0b", traits={"email": "ada@example.com"})
    feed.build()

    (violation,) = list_violations(store_workspace, feed.space_id)

    assert (violation.log_offset, violation.rule) == (refused, ViolationRule.VALUE_UNUSABLE)
    assert get_profile(store_workspace, feed.space_id, "email:ada@example.com").id == violation.profile_id
