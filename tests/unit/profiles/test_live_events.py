"""Live events: a few new messages are applied in one transaction, with the same result as in batches under a lease."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import Connection, event

from core.errors import RunInProgress
from core.events.event_log import open_event_log
from core.identity.rules import list_rules
from core.profiles.build import FEW_MESSAGES, ProfileBuilder
from core.storage.lease import hold_lease
from core.traits.engine import ComputedTraitEngine
from core.traits.store import add_recipes
from core.workspaces.workspace import Workspace
from tests.feeding import Feed

INBOUND = {"direction": "Inbound", "channelType": "SMS"}


def _open(workspace: Workspace) -> Feed:
    feed = Feed(workspace)
    add_recipes(workspace, feed.space_id, ["total_inbounds", "frequent_inbound_channel"])
    feed.identify("ada", traits={"email": "ada@example.com"})
    feed.build()
    return feed


def test_a_live_event_is_one_commit(store_workspace: Workspace) -> None:
    feed = _open(store_workspace)
    commits: list[object] = []
    event.listen(store_workspace.database.engine, "commit", commits.append)

    feed.track("ada", "Flex - Engagement Initiated", INBOUND)

    assert feed.build().applied == 1
    assert len(commits) == 1
    assert feed.build().read == 0
    assert len(commits) == 1


def test_live_events_give_what_batches_give(store_workspace: Workspace) -> None:
    feed = _open(store_workspace)
    before = feed.dump()
    for user in ("ada", "grace", "ada"):
        feed.track(user, "Flex - Engagement Initiated", INBOUND)
        feed.build()
    live = feed.dump()
    assert live != before

    feed.rebuild()
    feed.build(batch_messages=1)

    assert feed.dump() == live


def test_what_is_taken_out_of_the_log_before_the_builder_has_the_space_reaches_no_profile(
    store_workspace: Workspace,
) -> None:
    feed = _open(store_workspace)
    before = feed.dump()
    feed.track("deleted-meanwhile", "Paid")
    log = open_event_log(store_workspace)
    left: list[int] = []

    def take_out(connection: Connection) -> None:
        is_reading = "onramp_mode" in connection.get_execution_options()
        if not is_reading and not left:
            left.append(log.truncate(log.last_offset() + 1))

    event.listen(store_workspace.database.engine, "begin", take_out)
    report = feed.build()

    assert left == [2]
    assert (report.applied, feed.dump()) == (0, before)


def test_nothing_is_applied_while_somebody_holds_the_space(store_workspace: Workspace) -> None:
    feed = _open(store_workspace)
    before = feed.dump()
    feed.track("ada", "Flex - Engagement Initiated", INBOUND)

    with hold_lease(store_workspace.database, f"profiles:{feed.space_id}"), pytest.raises(RunInProgress):
        feed.build()

    assert feed.dump() == before
    assert feed.build().applied == 1


def test_a_build_waits_for_one_that_is_about_to_end_when_it_is_told_to(store_workspace: Workspace) -> None:
    feed = _open(store_workspace)
    feed.track("ada", "Paid")
    builder = ProfileBuilder(store_workspace, feed.space_id, ComputedTraitEngine())
    taken = threading.Event()

    def build_elsewhere() -> None:
        with hold_lease(store_workspace.database, f"profiles:{feed.space_id}"):
            taken.set()
            time.sleep(0.3)

    other = threading.Thread(target=build_elsewhere)
    other.start()
    taken.wait()
    assert builder.build(wait_s=30.0).applied == 1
    other.join()


def test_messages_that_wait_for_identifiers_cost_no_write(workspace: Workspace) -> None:
    feed = Feed(workspace, types=())
    feed.identify("ada")
    with hold_lease(workspace.database, f"profiles:{feed.space_id}"):
        pass  # the space has been built before
    commits: list[object] = []
    event.listen(workspace.database.engine, "commit", commits.append)

    assert feed.build().read == 0

    assert commits == []


def test_a_new_identifier_type_of_a_live_event_adds_itself_first(workspace: Workspace) -> None:
    feed = _open(workspace)
    external = {"id": "L-1", "type": "loyalty_id", "collection": "users", "encoding": "none"}
    feed.track("ada", "Paid", context={"externalIds": [external]})
    feed.track("ada", "Paid")

    assert feed.build().applied == 2

    assert "loyalty_id" in [rule.type for rule in list_rules(workspace, feed.space_id)]
    assert ("loyalty_id", "L-1") in feed.owners()


def test_a_new_identifier_type_in_the_midst_of_a_batch_adds_itself_before_the_message_is_read(
    workspace: Workspace,
) -> None:
    """The parts before it are written by the rules of before; no message counts twice."""
    feed = Feed(workspace)
    external = {"id": "L-1", "type": "loyalty_id", "collection": "users", "encoding": "none"}
    for number in range(5):
        feed.track(f"user-{number}", "Paid")
    feed.track("ada", "Paid", context={"externalIds": [external]})
    for number in range(5):
        feed.track(f"user-{number}", "Paid")

    report = feed.build()

    assert (report.read, report.applied, report.profiles_created) == (11, 11, 6)
    owners = feed.owners()
    assert owners["loyalty_id", "L-1"] == owners["user_id", "ada"]
    live = feed.dump()
    feed.rebuild()
    feed.build(batch_messages=1)
    assert feed.dump() == live


def test_a_batch_of_large_messages_is_written_before_it_has_as_many_as_it_may(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.profiles.batch.MAX_BYTES", 1_000)
    feed, written = Feed(workspace), list[int]()
    for number in range(9):
        feed.track(f"user-{number}", "Paid", {"note": "x" * 500})

    ProfileBuilder(workspace, feed.space_id, part_messages=2).build(progress=lambda report: written.append(report.read))

    assert written == [2, 4, 6, 8, 9]  # two messages are above the bound


def test_many_new_messages_leave_the_store_to_other_writers_between_batches(workspace: Workspace) -> None:
    feed = _open(workspace)
    commits: list[object] = []
    event.listen(workspace.database.engine, "commit", commits.append)
    for number in range(FEW_MESSAGES + 1):
        feed.track(f"user-{number}", "Paid")

    assert feed.build(batch_messages=60).applied == FEW_MESSAGES + 1

    assert len(commits) == 4  # the space is taken, two batches, the space is given back
