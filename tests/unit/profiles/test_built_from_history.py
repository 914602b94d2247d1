"""Profiles, their events and the checks do not notice that days were closed."""

from __future__ import annotations

from datetime import timedelta

from core.events.event_log import open_event_log
from core.events.history.close import close_next, delete_closed
from core.profiles.lookup import get_profile, list_profile_events
from core.profiles.undo import Act, split
from core.traits.engine import ComputedTraitEngine
from core.traits.store import add_recipes
from core.workspaces.workspace import Workspace
from tests.feeding import START, Feed

LATER = START + timedelta(days=60)


def close_all(workspace: Workspace) -> int:
    """Move every message into Parquet and return how many left the store."""
    log = open_event_log(workspace)
    while close_next(log, LATER):
        pass
    return delete_closed(log, LATER + timedelta(days=2))


def test_an_undo_reads_the_messages_of_closed_days(workspace: Workspace) -> None:
    feed = Feed(workspace, custom=("phone",))
    feed.identify("ada", traits={"phone": "+1"})
    feed.identify(traits={"email": "bob@x.example", "city": "Bonn"})
    feed.identify("ada", traits={"email": "bob@x.example"})
    feed.track("ada", "Paid")
    feed.build()
    (merge,) = get_profile(workspace, feed.space_id, "user_id:ada").merges

    def act(act: Act) -> dict[str, list[tuple[object, ...]]]:
        split(workspace, feed.space_id, act, merge.merged_id, ComputedTraitEngine(), survivor_id=merge.survivor_id)
        return feed.dump()

    undone, rejoined = act(Act.UNDO), act(Act.REJOIN)
    assert close_all(workspace) == 4
    assert (act(Act.UNDO), act(Act.REJOIN)) == (undone, rejoined)
    assert undone["identifiers"] != rejoined["identifiers"]


def test_a_rebuild_from_closed_days_gives_the_same_profiles(workspace: Workspace) -> None:
    feed = Feed(workspace)
    add_recipes(workspace, feed.space_id, ["total_inbounds"])
    for number in range(30):
        user = f"u{number % 5}"
        feed.identify(user, traits={"email": f"{user}@x.example", "seen": number})
        feed.track(user, "Flex - Engagement Initiated", {"direction": "Inbound"})
    feed.build(batch_messages=7)
    before = feed.dump()
    assert close_all(workspace) == 60
    feed.rebuild()
    assert feed.build(batch_messages=7).read == 60
    assert feed.dump() == before
    profile_id = next(iter(feed.owners().values()))
    assert len(list_profile_events(workspace, feed.space_id, profile_id)) >= 12
