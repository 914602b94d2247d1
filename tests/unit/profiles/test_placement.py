"""Where a message went: which profile it reached and why, or what kept it out."""

from __future__ import annotations

from core.events.event_log import open_event_log
from core.profiles.placement import Fate, Placement, find_placements
from core.workspaces.spaces import connect_source
from core.workspaces.workspace import Workspace
from tests.feeding import Feed


def place(workspace: Workspace, offset: int) -> Placement:
    (event,) = open_event_log(workspace).get_many([offset])
    (placement,) = find_placements(workspace, event)
    return placement


def test_a_message_that_ties_two_profiles_tells_of_the_merge_and_leads_to_the_survivor(workspace: Workspace) -> None:
    feed = Feed(workspace)
    first = feed.identify("ada", traits={"plan": "pro"})
    second = feed.identify(traits={"email": "ada@example.com"}, anonymousId="x")
    tie = feed.identify("ada", traits={"email": "ada@example.com"})
    feed.build()
    made, tied = place(workspace, first), place(workspace, tie)
    assert (made.fate, made.is_first, made.identifiers) == (Fate.REACHED, True, ("user_id ada",))
    assert (tied.is_first, len(tied.merges)) == (False, 1)
    assert "because message #3 carried" in tied.merges[0].sentence
    assert set(tied.identifiers) == {"user_id ada", "email ada@example.com"}
    assert place(workspace, second).profile_id == tied.profile_id == made.profile_id, "what it was merged into"


def test_what_reached_nobody_says_why(workspace: Workspace) -> None:
    feed = Feed(workspace)
    lost = feed.send("track", event="Lost", anonymousId="x")
    other = feed.track("ada", "Paid", source="src_other")
    feed.build()
    later = feed.track("ada", "Later")
    assert [violation.rule for violation in place(workspace, lost).violations] == ["no_matching_identifiers"]
    assert place(workspace, lost).fate is Fate.DROPPED
    assert place(workspace, other).fate is Fate.NOT_READ
    assert place(workspace, later).fate is Fate.WAITING
    connect_source(workspace, feed.space_id, "src_other")
    assert place(workspace, other).fate is Fate.PASSED
    feed.build()
    assert place(workspace, other).fate is Fate.REACHED, "profiles are built again with the source"


def test_a_space_without_identifiers_waits_for_them(workspace: Workspace) -> None:
    feed = Feed(workspace, types=())
    offset = feed.track("ada", "Paid")
    feed.build()
    assert place(workspace, offset).fate is Fate.NO_IDENTIFIERS_CHOSEN
