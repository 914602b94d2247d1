"""What stops profiles from getting on is kept, with when it began, and is gone as soon as they do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.clock import FixedClock
from core.errors import StorageFull
from core.incidents import Incident
from core.profiles.build import ProfileBuilder, find_failure, find_rebuild, rebuild
from core.profiles.failures import keeping_failure
from core.profiles.progress import name_reader
from core.storage.tables import profiles
from core.traits.engine import ComputedTraitEngine
from core.traits.store import add_recipes
from core.workspaces.workspace import Workspace
from tests.feeding import Feed


def set_traits(feed: Feed, text: str) -> None:
    with feed.workspace.database.transaction() as connection:
        connection.execute(update(profiles).values(traits=text))


def make_people(workspace: Workspace, count: int = 3) -> Feed:
    feed = Feed(workspace)
    for number in range(count):
        feed.identify(f"u{number}", traits={"n": number})
    feed.build()
    return feed


def test_a_build_that_fails_says_since_when_and_why_until_it_gets_on(
    store_workspace: Workspace, clock: FixedClock
) -> None:
    feed, began = make_people(store_workspace), clock.now()
    set_traits(feed, "{")  # what is stored of everybody cannot be read
    feed.identify("u1", traits={"n": 7})
    for _ in range(2):
        with pytest.raises(Incident, match="while building profiles"):
            feed.build()
        failure = find_failure(store_workspace, feed.space_id)
        assert failure is not None and failure.since == began
        assert "Something went wrong in Onramp itself" in failure.error["message"] and failure.error["hint"]
        clock.advance(timedelta(minutes=5))
    set_traits(feed, "{}")
    feed.build()
    assert find_failure(store_workspace, feed.space_id) is None
    with store_workspace.database.reading() as connection:
        assert any('"n":[7,' in text for text in connection.execute(select(profiles.c.traits)).scalars())


def test_profiles_that_can_no_longer_be_read_are_mended_by_building_them_again(
    store_workspace: Workspace,
) -> None:
    feed = make_people(store_workspace)
    set_traits(feed, "{")
    feed.identify("u1", traits={"n": 7})
    with pytest.raises(Incident):
        feed.build()
    rebuild(store_workspace, feed.space_id)
    feed.build()
    assert find_failure(store_workspace, feed.space_id) is None
    assert find_rebuild(store_workspace, feed.space_id) is None
    mended = feed.dump()
    feed.rebuild()  # loses all of them first
    feed.build()
    assert feed.dump() == mended and '"n":[7,' in str(mended["profiles"])


def test_a_failure_is_gone_too_where_nothing_new_was_to_be_read(store_workspace: Workspace) -> None:
    feed = make_people(store_workspace)
    full = StorageFull("The disk is full.", hint="Free some space.")
    with pytest.raises(StorageFull), keeping_failure(store_workspace, name_reader(feed.space_id)):
        raise full
    failure = find_failure(store_workspace, feed.space_id)
    assert failure is not None and failure.error == full.to_dict()
    before = feed.dump()
    add_recipes(store_workspace, feed.space_id, ["total_inbounds"])  # its history is what is to be done
    feed.build()
    assert find_failure(store_workspace, feed.space_id) is None
    assert feed.dump() == before


def test_a_failure_is_gone_where_its_message_is_taken_out_of_the_log(store_workspace: Workspace) -> None:
    feed = make_people(store_workspace)
    before = feed.dump()
    with pytest.raises(Incident), keeping_failure(store_workspace, name_reader(feed.space_id)):
        raise ZeroDivisionError  # over a message that is in the log no longer
    feed.build()
    assert find_failure(store_workspace, feed.space_id) is None
    assert feed.dump() == before


def test_a_failure_before_the_first_profile_is_kept_and_changes_no_offset(store_workspace: Workspace) -> None:
    feed = Feed(store_workspace)
    with pytest.raises(Incident), keeping_failure(store_workspace, name_reader(feed.space_id)):
        raise ZeroDivisionError
    assert find_failure(store_workspace, feed.space_id) is not None
    feed.identify("u1")
    feed.build()
    assert len(feed.owners()) == 1 and find_failure(store_workspace, feed.space_id) is None


def test_a_rebuild_that_fails_is_told_beside_new_messages_that_count(workspace: Workspace) -> None:
    feed = make_people(workspace, 300)
    before = feed.dump()
    rebuild(workspace, feed.space_id)
    builder = ProfileBuilder(workspace, feed.space_id, ComputedTraitEngine(), part_messages=10)
    builder.build(10)
    assert builder._rebuild is not None
    builder._rebuild._scratch.connection.exec_driver_sql("PRAGMA max_page_count = 1")  # as small as it lets it be
    with pytest.raises(StorageFull):
        builder.build()
    found = find_rebuild(workspace, feed.space_id)
    assert found is not None and found.failure is not None and "stay as they are" in found.failure.error["message"]
    assert find_failure(workspace, feed.space_id) is None, "new messages have nothing in their way"
    feed.identify("newcomer")
    builder.build()
    assert ("user_id", "newcomer") in feed.owners()
    found = find_rebuild(workspace, feed.space_id)
    assert found is not None and found.failure is not None, "not tried again yet"
    builder._rests_until = 0.0
    builder.build()
    assert find_rebuild(workspace, feed.space_id) is None
    assert set(before["profiles"]) < set(feed.dump()["profiles"])
