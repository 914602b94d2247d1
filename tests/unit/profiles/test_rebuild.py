"""Profiles are built again beside those that are read: everybody is found meanwhile, and the end is as the log says."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from sqlalchemy import Connection, delete, select, update

from core.clock import FixedClock
from core.errors import RunInProgress, StorageFull
from core.events.event_log import open_event_log
from core.identity.rules import RuleEdit, edit_identifier, list_rules
from core.privacy.job import SETTLING, carry_out
from core.privacy.regulation import RegulationKind, request_regulation
from core.profiles.build import ProfileBuilder, rebuild
from core.profiles.changes import forget_changes, read_changes
from core.profiles.deleted_identifiers import delete_identifier
from core.profiles.progress import read_rebuilt
from core.profiles.rebuild import Rebuild
from core.storage.tables import identifiers, merges, profile_messages, profiles, trait_states, violations
from core.traits.engine import ComputedTraitEngine
from core.traits.store import add_recipes, create_trait
from core.workspaces.spaces import connect_source
from core.workspaces.workspace import Workspace
from tests.feeding import Feed

LATE = "src_late"
CALL = "Flex - Engagement Initiated"


def make_people(workspace: Workspace) -> Feed:
    """Send what fills every table: merges, a broken limit, traits of people and of accounts, accounts."""
    feed = Feed(workspace, ("user_id", "email", "anonymous_id"), custom=("phone",))
    add_recipes(workspace, feed.space_id, ["total_inbounds"])
    count = {"event": "Call", "message_type": "track", "scope": "account"}
    create_trait(workspace, feed.space_id, name="Calls", kind="event_counter", definition=count)
    for number in range(12):
        feed.track(f"u{number}", CALL, {"direction": "Inbound"}, context={"groupId": f"g{number % 3}"})
        feed.send("track", event="Call", anonymousId=f"a{number}", context={"groupId": f"g{number % 3}"})
        feed.identify(f"u{number}", anonymousId=f"a{number}", traits={"email": f"u{number}@x.example", "n": number})
    for number in range(7):
        feed.identify("u1", traits={"phone": f"+1{number}"})
    feed.identify("u2", traits={"email": "u3@x.example"})
    feed.build()
    return feed


def damage(feed: Feed, seed: int) -> None:
    """Lose a third of the rows of every table, and make others wrong."""
    random = Random(seed)
    with feed.workspace.database.transaction() as connection:
        ids = [profile_id for (profile_id,) in connection.execute(select(profiles.c.id))]
        connection.execute(update(profiles).where(profiles.c.id.in_(random.sample(ids, 3))).values(traits="{}"))
        connection.execute(delete(profiles).where(profiles.c.id.in_(random.sample(ids, 4))))
        for table, column in (
            (identifiers, identifiers.c.value),
            (profile_messages, profile_messages.c.log_offset),
            (merges, merges.c.log_offset),
            (violations, violations.c.log_offset),
            (trait_states, trait_states.c.profile_id),
        ):
            found = sorted({value for (value,) in connection.execute(select(column))})
            connection.execute(delete(table).where(column.in_(random.sample(found, -(-len(found) // 3)))))
        wrong = update(identifiers).where(identifiers.c.type == "anonymous_id").values(profile_id=random.choice(ids))
        connection.execute(wrong)
        zeros = dict.fromkeys(("created_at", "created_offset", "updated_at", "merge_count"), 0)
        connection.execute(profiles.insert().values(space_id=feed.space_id, id="use_nobody", traits="{}", **zeros))


def require_whole(feed: Feed) -> None:
    """Whoever looks somebody up finds a profile."""
    with feed.workspace.database.reading() as connection:
        known = {profile_id for (profile_id,) in connection.execute(select(profiles.c.id))}
    assert set(feed.owners().values()) <= known


def make_builder(feed: Feed) -> ProfileBuilder:
    return ProfileBuilder(feed.workspace, feed.space_id, ComputedTraitEngine(), part_messages=3)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_the_store_has_lost_or_got_wrong_is_as_the_log_says_again(
    store_workspace: Workspace, seed: int
) -> None:
    feed = make_people(store_workspace)
    truth = feed.dump()
    assert all(truth.values()), "every table has rows"
    damage(feed, seed)
    assert feed.dump() != truth
    rebuild(store_workspace, feed.space_id)
    assert feed.build(batch_messages=10).read == 44
    assert feed.dump() == truth


def test_everybody_is_found_and_new_messages_count_while_profiles_are_built_again(store_workspace: Workspace) -> None:
    feed = make_people(store_workspace)
    edit_identifier(store_workspace, feed.space_id, RuleEdit("phone", value_limit=7))
    before, rebuilt = feed.owners(), list[int | None]()
    rebuild(store_workspace, feed.space_id)
    builder = make_builder(feed)
    for number in range(20):
        assert builder.build(max_messages=5).read <= 5
        with store_workspace.database.reading() as connection:
            rebuilt.append(read_rebuilt(connection, feed.space_id))
        if rebuilt[-1] is None:
            break
        assert feed.owners() == before, "nothing changes until the end"
        if number in (1, 3):
            before["user_id", f"new{number}"] = ""
            feed.identify(f"new{number}", traits={"n": number})
            builder.build(max_messages=1)
            before = feed.owners() | {("user_id", f"new{number}"): feed.owners()["user_id", f"new{number}"]}
    assert rebuilt[:2] == [5, 10] and rebuilt[-1] is None
    assert sum(type_ == "phone" for type_, _ in feed.owners()) == 7, "by the rule of now"
    after = feed.dump()
    assert len(after["profile_messages"]) == 46
    feed.rebuild()
    feed.build()
    assert feed.dump() == after


def test_a_rule_that_changes_on_the_way_counts_from_the_start(workspace: Workspace) -> None:
    feed = make_people(workspace)
    rebuild(workspace, feed.space_id)
    builder = make_builder(feed)
    builder.build(max_messages=40)
    edit_identifier(workspace, feed.space_id, RuleEdit("email", value_limit=1, period="ever"))
    create_trait(workspace, feed.space_id, name="All", kind="event_counter", definition={"event": CALL})
    assert builder.build().read == 44, "it begins again"
    after = feed.dump()
    feed.rebuild()
    feed.build()
    assert feed.dump() == after


def test_an_identifier_that_is_deleted_and_a_person_who_is_deleted_on_the_way_do_not_come_back(
    workspace: Workspace, clock: FixedClock
) -> None:
    feed = make_people(workspace)
    rebuild(workspace, feed.space_id)
    builder = make_builder(feed)
    builder.build(max_messages=44)
    delete_identifier(workspace, feed.space_id, ["u5"], "email", ["u5@x.example"], asked_by="tok_1")
    regulation = request_regulation(workspace, RegulationKind.DELETE_ONLY, ["u7"])
    clock.advance(SETTLING)
    carry_out(workspace, regulation.id)
    builder.build()
    owners = feed.owners()
    assert ("email", "u5@x.example") not in owners and ("user_id", "u5") in owners
    assert not {("user_id", "u7"), ("email", "u7@x.example"), ("anonymous_id", "a7")} & owners.keys()
    with workspace.database.reading() as connection:
        assert read_rebuilt(connection, feed.space_id) is None


def test_a_rebuild_that_ends_between_two_writes_leaves_everybody_to_be_found_and_is_done_again(
    store_workspace: Workspace,
) -> None:
    feed = make_people(store_workspace)
    truth = feed.dump()
    ends = 0
    for writes in range(40):
        damage_owners(feed)
        work = Rebuild(
            store_workspace,
            open_event_log(store_workspace),
            feed.space_id,
            ComputedTraitEngine(),
            part_messages=100,
            caps=None,
        )
        assert work.advance(1_000) is not None and work.advance(1_000) is None
        try:
            work.put_in_place(count_down(writes))
        except RunInProgress:
            ends += 1
            require_whole(feed)
        else:
            assert feed.dump() == truth
            break
        finally:
            work.close()
    assert ends >= 3
    rebuild(store_workspace, feed.space_id)
    feed.build()
    assert feed.dump() == truth


def test_a_disk_without_room_for_the_new_profiles_is_told_with_where_it_is_full_and_the_old_ones_stay(
    workspace: Workspace,
) -> None:
    feed = make_people(workspace)
    before, log = feed.dump(), open_event_log(workspace)
    work = Rebuild(workspace, log, feed.space_id, ComputedTraitEngine(), part_messages=100, caps=None)
    work._scratch.connection.exec_driver_sql("PRAGMA max_page_count = 1")  # as small as SQLite lets it be
    with pytest.raises(StorageFull, match="stay as they are") as caught:
        while work.advance(1_000) is not None:
            pass
    assert "SQLITE_TMPDIR" in caught.value.hint
    work.close()
    assert feed.dump() == before
    rebuild(workspace, feed.space_id)
    feed.build()
    assert feed.dump() == before


def damage_owners(feed: Feed) -> None:
    """Have half of the e-mail addresses belong to one profile, and some profiles be there no more."""
    with feed.workspace.database.transaction() as connection:
        one = connection.execute(select(identifiers.c.profile_id).order_by(identifiers.c.value)).scalars().first()
        its = (identifiers.c.type == "email", identifiers.c.value.like("u1%"))
        others = connection.execute(select(identifiers.c.profile_id).where(*its)).scalars().all()
        connection.execute(update(identifiers).where(identifiers.c.profile_id.in_(others)).values(profile_id=one))
        connection.execute(delete(profiles).where(profiles.c.id.in_(others), profiles.c.id != one))
        connection.execute(delete(violations))


def count_down(writes: int) -> Callable[[Connection], None]:
    left = [writes]

    def check(_: Connection) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RunInProgress("Another builder has taken over.", hint="")

    return check


def test_a_rebuild_that_changes_nothing_writes_no_profile(workspace: Workspace) -> None:
    feed = make_people(workspace)
    with workspace.database.transaction() as connection:
        forget_changes(connection, read_changes(connection, feed.space_id, max_profiles=1_000).rows)
    rebuild(workspace, feed.space_id)
    assert feed.build().read == 44
    with workspace.database.reading() as connection:
        assert read_changes(connection, feed.space_id, max_profiles=1_000).rows == ()


def test_what_a_source_sent_before_it_was_connected_comes_with_its_identifier_types(workspace: Workspace) -> None:
    feed = make_people(workspace)
    ids = [{"id": "77", "type": "loyalty", "collection": "users", "encoding": "none"}]
    feed.identify("u1", source=LATE, context={"externalIds": ids})
    feed.identify("zoe", source=LATE)
    feed.build()
    assert ("user_id", "zoe") not in feed.owners()
    connect_source(workspace, feed.space_id, LATE)
    feed.build(batch_messages=4)
    owners = feed.owners()
    assert owners["loyalty", "77"] == owners["user_id", "u1"] and ("user_id", "zoe") in owners
    assert "loyalty" in [rule.type for rule in list_rules(workspace, feed.space_id)]
    after = feed.dump()
    feed.rebuild()
    feed.build()
    assert feed.dump() == after
