"""What identity rules refused, page by page and counted, on both engines."""

from __future__ import annotations

from core.identity.resolve import ViolationRule
from core.identity.rules import edit_identifier
from core.profiles.lookup import get_profile
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


def test_a_page_never_ends_inside_a_message(store_workspace: Workspace) -> None:
    feed = Feed(store_workspace)
    edit_identifier(store_workspace, feed.space_id, "user_id", blocked_exact=["bad"])
    edit_identifier(store_workspace, feed.space_id, "email", blocked_exact=["bad@example.com"])
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
