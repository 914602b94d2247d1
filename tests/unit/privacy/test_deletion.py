"""Deleting people (spec/profiles.md 8): nothing of them stays, others stay as they are, nobody comes back."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial

import duckdb
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from core.clock import FixedClock, to_iso
from core.errors import InvalidField, NotFound, RunInProgress
from core.events.blocks import list_blocks
from core.events.event_log import open_event_log
from core.events.history import word_index
from core.events.history.keep import keep_history
from core.events.message import to_log_entry
from core.events.refused import Refusal, search_refused
from core.identity.rules import add_identifiers, delete_identifier
from core.log import set_up_logging
from core.privacy import job
from core.privacy.job import carry_out_due
from core.privacy.regulation import (
    Regulation,
    RegulationKind,
    RegulationStatus,
    list_regulations,
    make_print,
    request_regulation,
)
from core.profiles.build import ProfileBuilder, rebuild
from core.profiles.event_filters import add_filter, list_filters
from core.profiles.lookup import get_profile
from core.profiles.search import search_profiles
from core.profiles.search_index import keep_search
from core.profiles.undo import Act, SplitProgress, split
from core.profiles.undo_jobs import carry_out_undos, list_undo_jobs, request_undo
from core.storage.tables import METADATA, regulations
from core.syncs.records import search_records
from core.traits.engine import ComputedTraitEngine
from core.workspaces.audit import list_changes
from core.workspaces.spaces import connect_source, list_spaces
from core.workspaces.suppression import list_suppressed
from core.workspaces.workspace import Workspace
from tests import guided
from tests.feeding import Feed

SOURCE = "src_phone"
USER, EMAIL, PHONE, BROWSER = "cust-000003", "c3@example.com", "+14155550003", "browser-of-000003"
VALUES = (USER, EMAIL, PHONE, BROWSER)
DELETE = RegulationKind.SUPPRESS_WITH_DELETE


def fill(workspace: Workspace, clock: FixedClock) -> Workspace:
    """Customers of a sync who also called: in a file of a closed day, in blocks, in rows, and what is made of them."""
    set_up_logging(workspace.home.logs)
    guided.add_identifiers_and_traits(workspace)
    guided.change_file(workspace, "UPDATE customers SET id = 'cust-' || lpad(substr(id, 2), 6, '0')")
    guided.build(workspace)
    add_identifiers(workspace, list_spaces(workspace)[0].id, ["anonymous_id"])
    connect_source(workspace, list_spaces(workspace)[0].id, SOURCE)
    call(workspace, "before")
    build(workspace)
    clock.advance(timedelta(days=2))
    keep_history(workspace)  # what came so far becomes a file, and its words are indexed
    clock.advance(timedelta(days=2))
    keep_history(workspace)  # and goes from SQLite
    guided.change_file(workspace, "UPDATE customers SET plan = 'gold'")
    guided.build(workspace)
    call(workspace, "after")
    build(workspace)
    keep_search(workspace)
    refusal = Refusal(SOURCE, "x", "", "m-x", "track", "", None, workspace.now(), b'{"email":"C3@example.com"}')
    open_event_log(workspace).append((), [refusal, refusal._replace(body=b'{"email":"c4@example.com"}')])
    logging.getLogger("onramp.test").warning("a call of %s, then one of c4@example.com", EMAIL)
    add_filter(workspace, list_spaces(workspace)[0].id, f"userId in ['c4@example.com', '{USER}', 'of {EMAIL}']")
    return workspace


def call(workspace: Workspace, when: str) -> None:
    messages = [
        {"type": "track", "userId": f"cust-{number:06d}", "event": "Flex - Engagement Initiated", "properties": {}}
        for number in (2, 3, 4)
    ]
    messages.append({"type": "identify", "userId": USER, "anonymousId": BROWSER, "traits": {"city": "Rome"}})
    messages.append({"type": "page", "anonymousId": BROWSER, "name": "Prices"})
    at = workspace.now()
    entries = [
        to_log_entry(SOURCE, {**message, "messageId": f"{when}-{place}", "timestamp": to_iso(at)}, at)
        for place, message in enumerate(messages)
    ]
    open_event_log(workspace).append(entries)


def build(workspace: Workspace) -> None:
    ProfileBuilder(workspace, list_spaces(workspace)[0].id, ComputedTraitEngine()).build()


def delete(workspace: Workspace, clock: FixedClock, kind: RegulationKind = DELETE) -> Regulation:
    request_regulation(workspace, kind, [USER])
    clock.advance(timedelta(seconds=5))
    assert carry_out_due(workspace) == 1
    (found,) = list_regulations(workspace, limit=1)
    return found


def dump_others(workspace: Workspace) -> dict[str, list[tuple[object, ...]]]:
    """Return every row about a profile that is not the person's."""
    found = {}
    with workspace.database.reading() as connection:
        for table in METADATA.sorted_tables:
            if "space_id" in table.c and ("profile_id" in table.c or table.name in ("profiles", "merges")):
                rows = connection.execute(select(table).order_by(*table.primary_key)).all()
                found[table.name] = [tuple(row) for row in rows if not is_theirs(tuple(row))]
    return found


def is_theirs(row: Sequence[object]) -> bool:
    return any(value in str(field) for field in row for value in (*VALUES, _PROFILE[0]))


_PROFILE = [""]


def read_everything(workspace: Workspace) -> bytes:
    """Return the bytes of every file but the customer's own warehouse, and what lies compressed in them."""
    open_event_log(workspace).close()
    parts: list[bytes] = []
    for path in sorted(each for each in workspace.home.root.rglob("*") if each.is_file()):
        if workspace.home.warehouses in path.parents:
            continue
        parts.append(path.read_bytes())
        if path.suffix == ".parquet":
            parts.append(repr(pq.read_table(path).to_pylist()).encode())
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as state:
                tables = [row[0] for row in state.execute("SHOW TABLES").fetchall()]
                parts += [repr(state.execute(f"SELECT * FROM {each}").fetchall()).encode() for each in tables]
    with closing(sqlite3.connect(workspace.home.events_db)) as log:
        for block in list_blocks(log, 0, 1 << 62):
            parts.append(repr(block.read(log, block.first, block.last).to_pylist()).encode())
    if not workspace.database.is_sqlite:
        with workspace.database.reading() as connection:
            parts += [repr(connection.execute(select(table)).all()).encode() for table in METADATA.sorted_tables]
    return b"\n".join(parts).lower()


def test_nothing_of_a_deleted_person_stays_and_nobody_else_is_touched(
    store_workspace: Workspace, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_index, "PART_EVENTS", 10)
    filled = fill(store_workspace, clock)
    (space,) = list_spaces(filled)
    person = get_profile(filled, space.id, f"user_id:{USER}")
    assert {each.value for each in person.identifiers} == set(VALUES)
    _PROFILE[0] = person.id
    before = read_everything(filled)
    assert all(value.lower().encode() in before for value in VALUES)
    others, counted = dump_others(filled), open_event_log(filled).count_by_source()

    regulation = delete(filled, clock, RegulationKind.DELETE_ONLY)
    assert regulation.status is RegulationStatus.FINISHED
    assert regulation.receipt["events"] == 2 + 2 * 3  # two rows of the sync, and two times three calls
    assert regulation.receipt["refused"] == 1
    assert regulation.receipt["profiles"] == 1
    assert regulation.receipt["logs"] == 1
    assert {"records", "acknowledged", "identifiers", "profile_messages"} <= regulation.receipt.keys()
    after = read_everything(filled)
    assert [value for value in VALUES if value.lower().encode() in after] == []
    (held,) = list_filters(filled, space.id)
    assert held.filter.query == "userId in ['c4@example.com', '(deleted)', 'of (deleted)']"
    assert regulation.prints == (make_print(regulation.id, USER),)

    assert dump_others(filled) == others
    with pytest.raises(NotFound):
        get_profile(filled, space.id, f"user_id:{USER}")
    assert search_profiles(filled, space.id, "c3@exam").people == ()
    log = open_event_log(filled)
    assert log.search(text=EMAIL) == []
    assert len(log.search(text="c4@example.com")) == 2
    assert [event.body for event in search_refused(log)] == [b'{"email":"c4@example.com"}']
    assert sum(counted.values()) - sum(log.count_by_source().values()) == regulation.receipt["events"]
    assert len(log.read(0, 1_000)) == sum(log.count_by_source().values())

    rebuild(filled, space.id)
    build(filled)
    assert dump_others(filled) == others
    with pytest.raises(NotFound):
        get_profile(filled, space.id, f"user_id:{USER}")


def test_a_suppressed_person_is_sent_by_no_sync_until_the_suppression_is_lifted(
    workspace: Workspace, clock: FixedClock
) -> None:
    filled = fill(workspace, clock)
    delete(filled, clock)
    assert list(list_suppressed(filled)) == [USER]
    for _ in range(2):
        run = guided.build(filled)
        assert run.state == "succeeded"
        assert run.sheet is not None
        assert (run.sheet.rejected, run.sheet.reasons) == (1, {"user_suppressed": 1})
        (row,) = search_records(filled, run.id, code="user_suppressed").to_pylist()
        assert (row["key"], row["payload"]) == ("(suppressed)", None)
    assert EMAIL.encode() not in read_everything(filled)
    request_regulation(filled, RegulationKind.UNSUPPRESS, [USER])
    assert list_suppressed(filled) == {}
    assert guided.build(filled).sheet.added == 1
    assert get_profile(filled, list_spaces(filled)[0].id, f"email:{EMAIL}").title == EMAIL


def test_a_deletion_that_dies_after_any_step_is_finished_by_the_next_worker(
    workspace: Workspace, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    guided.fill(workspace, rows=9)
    (space,) = list_spaces(workspace)
    steps = (
        "_erase_events",
        "_erase_accounts",
        "_erase_syncs",
        "_erase_profiles",
        "_erase_rest",
        "_forget",
        "_compact",
        "_finish",
    )
    kinds = [kind for kind in RegulationKind if kind.deletes]
    for number, step in enumerate(steps, 1):
        request_regulation(workspace, kinds[number % len(kinds)], [f"c{number}"])
        clock.advance(timedelta(seconds=5))
        real = getattr(job._Deletion, step)

        def die(deletion: object, *arguments: object, real: Callable[..., None] = real) -> None:
            real(deletion, *arguments)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(job._Deletion, step, die)
            with pytest.raises(KeyboardInterrupt):
                carry_out_due(workspace)
        carry_out_due(workspace)
        regulation = list_regulations(workspace)[0]
        assert (step, regulation.status) == (step, RegulationStatus.FINISHED)
        assert [regulation.receipt[place] for place in ("events", "records", "acknowledged", "profiles")] == [1] * 4
        assert f"c{number}@example.com".encode() not in read_everything(workspace)
        assert len(search_profiles(workspace, space.id, "").people) == 9 - number
    assert sorted(list_suppressed(workspace)) == ["c1", "c4", "c5", "c8"]


def test_messages_and_rows_of_others_that_mention_a_value_stay_and_the_receipt_says_so(
    workspace: Workspace, clock: FixedClock
) -> None:
    guided.add_identifiers_and_traits(workspace, rows=4)
    guided.change_file(
        workspace, f"UPDATE customers SET phone = '{PHONE}' WHERE id = 'c4'"
    )  # after c3's: it stays there
    run = guided.build(workspace)
    connect_source(workspace, list_spaces(workspace)[0].id, SOURCE)
    message = {"type": "track", "userId": "c1", "event": "Sent", "properties": {"to": EMAIL}, "messageId": "m"}
    open_event_log(workspace).append([to_log_entry(SOURCE, message, workspace.now())])
    build(workspace)
    request_regulation(workspace, RegulationKind.DELETE_ONLY, ["c3"])
    clock.advance(timedelta(seconds=5))
    carry_out_due(workspace)
    (regulation,) = list_regulations(workspace)
    assert (regulation.status, regulation.receipt["mentions"]) == (RegulationStatus.PARTIAL_SUCCESS, 2)
    assert (regulation.receipt["records"], regulation.receipt["acknowledged"]) == (1, 1)
    assert {row["key"] for row in search_records(workspace, run.id).to_pylist()} == {"c1", "c2", "c4"}
    assert [event.user_id for event in open_event_log(workspace).search(text=EMAIL)] == ["c1"]


def test_the_audit_trail_tells_what_was_done_and_names_nobody(workspace: Workspace, clock: FixedClock) -> None:
    guided.fill(workspace, rows=4)
    request_regulation(workspace, RegulationKind.SUPPRESS_ONLY, ["c2"])
    request_regulation(workspace, RegulationKind.DELETE_ONLY, ["c3"])
    clock.advance(timedelta(seconds=5))
    carry_out_due(workspace)
    entries = list_changes(workspace, object_type="regulation")
    assert [entry.action for entry in entries] == ["finished", "requested", "requested"]
    assert all("c2" not in str(entry.after) and "c3" not in str(entry.after) for entry in entries)
    with workspace.database.reading() as connection:
        assert connection.execute(select(regulations.c.subject)).scalars().all() == [None, None]


@pytest.mark.parametrize("ids", [[], [""], ["a\nb"], ["x" * 501], [str(number) for number in range(5_001)]])
def test_a_request_that_names_nobody_or_is_malformed_is_refused(workspace: Workspace, ids: list[str]) -> None:
    with pytest.raises(InvalidField):
        request_regulation(workspace, DELETE, ids)
    assert list_regulations(workspace) == []


def feed_two(workspace: Workspace) -> tuple[Feed, str, str]:
    """Ada and a visitor without a user id, made one by the third message, and Eve. Returns their ids."""
    feed = Feed(workspace, ("user_id", "email", "anonymous_id"), custom=("phone",))
    feed.identify(anonymousId="browser-of-visitor", traits={"plan": "gold"})
    feed.identify("ada-000001", traits={"phone": "+14155550001"})
    feed.identify("ada-000001", anonymousId="browser-of-visitor")
    feed.identify(traits={"phone": "+14155550001", "email": "mail@x.example"})
    feed.identify("eve-000001", traits={"phone": "+14155550009"})
    feed.build()
    (merge,) = get_profile(workspace, feed.space_id, "user_id:ada-000001").merges
    return feed, merge.survivor_id, merge.merged_id


def test_a_person_without_a_user_id_is_deleted_by_profile_and_others_stay(
    workspace: Workspace, clock: FixedClock
) -> None:
    feed, _, merged_id = feed_two(workspace)
    split(workspace, feed.space_id, Act.UNDO, merged_id, ComputedTraitEngine())
    others = feed.owners()
    visitor = get_profile(workspace, feed.space_id, "anonymous_id:browser-of-visitor")
    request_regulation(workspace, RegulationKind.DELETE_ONLY, profile_ids={feed.space_id: [visitor.id]})
    clock.advance(timedelta(seconds=5))
    carry_out_due(workspace)
    assert b"gold" not in read_everything(workspace)
    del others["anonymous_id", "browser-of-visitor"]
    assert feed.owners() == others


@pytest.mark.parametrize("is_started", [False, True])
def test_who_was_seen_goes_whatever_is_undone_before_or_meanwhile(
    workspace: Workspace, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, *, is_started: bool
) -> None:
    feed, survivor_id, merged_id = feed_two(workspace)
    delete_identifier(workspace, feed.space_id, "phone")  # so the fourth message makes a profile of its own
    ask = partial(request_regulation, workspace, RegulationKind.DELETE_ONLY)
    ask(["ada-000001"], profile_ids={feed.space_id: [survivor_id]})

    def begin(progress: SplitProgress) -> None:
        if not is_started or progress.applied != progress.total:
            return
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(job._Deletion, "_erase_syncs", die)
            carry_out_due(workspace)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    clock.advance(timedelta(seconds=5))
    split(workspace, feed.space_id, Act.UNDO, merged_id, ComputedTraitEngine(), progress=begin)
    assert len(set(feed.owners().values())) == 4
    carry_out_due(workspace)
    assert [event.user_id for event in open_event_log(workspace).search()] == ["eve-000001"]
    assert {table: len(rows) for table, rows in feed.dump().items() if rows} == {
        "profiles": 1,
        "identifiers": 2,
        "profile_messages": 1,
    }
    everything = read_everything(workspace)
    assert not [each for each in (b"ada-000001", b"visitor", b"+14155550001", b"mail@x") if each in everything]


def test_an_undo_waits_for_the_end_of_a_deletion_that_has_begun(
    workspace: Workspace, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, survivor_id, merged_id = feed_two(workspace)
    feed.identify("zoe-000001", traits={"phone": "+14155550001"})  # refused: another user has the phone
    feed.build()
    request_regulation(workspace, RegulationKind.DELETE_ONLY, ["zoe-000001"])
    clock.advance(timedelta(seconds=5))
    request_undo(workspace, feed.space_id, Act.UNDO, survivor_id, merged_id)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(job._Deletion, "_erase_syncs", die)
        carry_out_due(workspace)
    with pytest.raises(RunInProgress, match="People are being deleted"):
        carry_out_undos(workspace, ComputedTraitEngine())
    (waiting,) = list_undo_jobs(workspace)
    assert (waiting.starts, waiting.error) == (0, None)
    carry_out_due(workspace)
    assert carry_out_undos(workspace, ComputedTraitEngine()) == 1
    owners = feed.owners()
    assert owners["user_id", "ada-000001"] == merged_id
    assert ("user_id", "zoe-000001") not in owners
