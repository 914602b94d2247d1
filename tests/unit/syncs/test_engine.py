"""The engine on a real warehouse and a real event log: what is sent, what is not and why, and after interruptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.destinations import segment_profiles
from core.destinations.destination import Outcome
from core.destinations.store import set_destination_enabled
from core.errors import (
    ConfigurationError,
    CoreError,
    InvalidField,
    RequiredFieldUnmapped,
    RunInProgress,
    StoreUnreadable,
)
from core.sources.store import disable_source, enable_source
from core.syncs import engine
from core.syncs.pause import Pause, find_pause
from core.syncs.records import count_records, get_records_path, search_records
from core.syncs.run import CONFIRMED, RunState, SyncRun, get_run, list_runs, request_cancel, request_run, take_up_run
from core.syncs.schedule import due_syncs, request_due_runs
from core.syncs.sync import Sync, get_sync, save_sync, set_enabled, set_mode, set_schedule
from core.warehouses.cancel import CancelToken
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace, open_workspace
from tests.customers import Customers
from tests.new_home import new_home


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(new_home(tmp_path / "home"))
    yield opened
    opened.close()


def require_closed(run: SyncRun) -> None:
    assert run.sheet is not None
    assert run.sheet.closes, run.sheet


def test_added_updated_and_deleted_records_are_sent_and_unchanged_ones_are_not(workspace: Workspace) -> None:
    customers = Customers(workspace)
    first = customers.run()
    assert (first.state, first.sheet.delivered, first.sheet.added) == (RunState.SUCCEEDED, 2, 2)
    again = customers.run()
    assert (again.sheet.delivered, again.sheet.unchanged) == (0, 2)
    customers.put([("a", "new@x.example", 1), ("c", None, None)])
    third = customers.run()
    assert (third.sheet.added, third.sheet.updated, third.sheet.deleted_delivered) == (1, 1, 1)
    for run in (first, again, third):
        require_closed(run)
    assert sorted(customers.operations()[2:]) == [("added", "c"), ("deleted", "b"), ("updated", "a")]
    deleted = next(m for m in customers.messages() if m["context"]["reverseEtl"]["operation"] == "deleted")  # type: ignore[index]
    assert deleted["userId"] == "b"
    assert deleted["traits"] == {"email": None, "visits": None}


def test_a_record_that_changes_back_is_sent_each_time(workspace: Workspace) -> None:
    customers = Customers(workspace)
    for email in ("one@x.example", "two@x.example", "one@x.example", "two@x.example"):
        customers.put([("a", email, 1)])
        assert customers.run().sheet.delivered == 1
    sent = [message["traits"]["email"] for message in customers.messages() if message["userId"] == "a"]  # type: ignore[index]
    assert sent == ["one@x.example", "two@x.example", "one@x.example", "two@x.example"]


def test_a_record_that_comes_back_after_its_deletion_is_sent_again(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.run()
    customers.put([("a", "A@x.example", 1)])
    customers.run()
    customers.put([("a", "A@x.example", 1), ("b", "b@x.example", 2)])
    assert customers.run().sheet.added == 1
    assert [op for op in customers.operations() if op[1] == "b"] == [("added", "b"), ("deleted", "b"), ("added", "b")]


def test_an_update_after_a_deletion_is_not_taken_for_the_one_before_it(workspace: Workspace) -> None:
    """Versions go on from the tombstone, also where the mode makes the record that came back a mere baseline."""
    customers = Customers(workspace)
    others = [("b", "b@x.example", 2)]
    for email in ("one", "two", None):  # added, updated to "two", deleted
        customers.put([("a", email, 1), *others] if email else others)
        customers.run()
    set_mode(workspace, customers.sync.id, "update")
    for email in ("back", "one", "two"):  # the baseline, then two updates
        customers.put([("a", email, 1), *others])
        customers.run()
    sent = [message["traits"]["email"] for message in customers.messages() if message["userId"] == "a"]  # type: ignore[index]
    assert sent == ["one", "two", None, "one", "two"]


def test_rows_without_a_key_of_their_own_are_rejected_with_their_reason_and_the_others_are_sent(
    workspace: Workspace,
) -> None:
    customers = Customers(workspace)
    customers.put([("a", "x", 1), ("a", "y", 2), (None, "z", 3), (" ", "z", 3), ("d", "d", 4)])
    run = customers.run()
    require_closed(run)
    assert run.state is RunState.PARTLY_SUCCEEDED
    assert run.sheet.reasons == {"record_duplicate": 2, "record_null_unique_id": 2}
    assert customers.operations() == [("added", "d")]
    rejected = search_records(workspace, run.id, outcome="rejected").to_pylist()
    assert Counter(row["code"] for row in rejected) == run.sheet.reasons
    assert all(row["reason"] for row in rejected)
    found = search_records(workspace, run.id, text="D").to_pylist()
    assert ("d", "delivered") in {(row["key"], row["outcome"]) for row in found}


def test_a_key_that_becomes_a_duplicate_is_neither_updated_nor_deleted(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.run()
    customers.put([("a", "A@x.example", 1), ("b", "one", 2), ("b", "two", 2)])
    run = customers.run()
    assert (run.sheet.rejected, run.sheet.deleted_delivered, run.sheet.unchanged) == (2, 0, 1)
    customers.put([("a", "A@x.example", 1), ("b", "b@x.example", 2)])
    assert customers.run().sheet.unchanged == 2


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        ("add", [("added", "a"), ("added", "b"), ("added", "c")]),
        ("update", [("updated", "a")]),
        ("upsert", [("added", "a"), ("added", "b"), ("added", "c"), ("updated", "a")]),
        ("delete", [("deleted", "b")]),
        ("mirror", [("added", "a"), ("added", "b"), ("added", "c"), ("deleted", "b"), ("updated", "a")]),
    ],
)
def test_each_mode_sends_its_records_and_holds_the_others_with_a_reason(
    workspace: Workspace, mode: str, sent: list[tuple[str, str]]
) -> None:
    customers = Customers(workspace, mode)
    require_closed(customers.run())
    customers.put([("a", "new", 1), ("c", "c", 3)])
    run = customers.run()
    require_closed(run)
    assert run.state is RunState.SUCCEEDED  # what a mode leaves out is left out on purpose
    assert sorted(customers.operations()) == sorted(sent)


def test_a_cancelled_run_holds_what_it_did_not_send_and_the_next_one_sends_it(workspace: Workspace) -> None:
    customers = Customers(workspace)
    run = request_run(workspace, customers.sync.id)
    request_cancel(workspace, run.id, "not now")
    ended = engine.execute_run(workspace, run.id)
    assert ended.state is RunState.CANCELLED
    require_closed(ended)
    assert customers.messages() == []
    assert customers.run().sheet.delivered == 2


def test_reset_sends_every_row_again_with_new_message_ids(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.run()
    engine.reset(workspace, customers.sync.id)
    assert customers.run().sheet.added == 2
    assert len({message["messageId"] for message in customers.messages()}) == 4


def test_the_plan_says_what_a_run_would_do_and_sends_nothing(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.run()
    customers.put([("a", "new@x.example", 1), ("c", "c", 3)])
    plan = engine.plan(workspace, customers.sync.id)
    assert (plan.added, plan.updated, plan.deleted, plan.unchanged) == (1, 1, 1, 0)
    updated = next(sample for sample in plan.samples if sample.operation == "updated")
    assert updated.before["traits"]["email"] == "A@x.example"  # type: ignore[index,call-overload]
    assert updated.after["traits"]["email"] == "new@x.example"  # type: ignore[index,call-overload]
    assert len(customers.messages()) == 2


def test_a_mapping_to_a_column_that_vanished_fails_before_anything_is_sent(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.put([], "CREATE TABLE customers AS SELECT 'a' AS id, 'x' AS email")
    run = customers.run()
    assert run.state is RunState.FAILED
    assert run.error["code"] == "unknown_column"
    assert "visits" in str(run.error["message"])
    assert customers.messages() == []


def test_an_incomplete_mapping_is_refused_when_it_is_saved(workspace: Workspace) -> None:
    customers = Customers(workspace)
    with pytest.raises(RequiredFieldUnmapped, match="User ID"):
        save_sync(
            workspace,
            name="Other",
            sql_model_id=customers.sync.sql_model_id,
            source_id=customers.source_id,
            destination_id=customers.sync.destination_id,
            action="send_identify",
            mapping=customers.mapping.without("user_id"),
        )


def test_a_query_that_fails_fails_the_run_and_leaves_the_state_as_it_was(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.run()
    customers.put([], "CREATE TABLE somebody_else (id INTEGER)")
    failed = customers.run()
    assert failed.state is RunState.FAILED
    assert "customers" in str(failed.error["message"])
    customers.put([("a", "A@x.example", 1), ("b", "b@x.example", 2)])
    assert customers.run().sheet.unchanged == 2


def test_an_empty_result_deletes_nobody_unless_that_is_confirmed(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.run()
    customers.put([])
    held = customers.run()
    require_closed(held)
    assert (held.sheet.deleted_delivered, held.sheet.reasons) == (0, {"empty_result_guard": 2})
    assert customers.run(confirm_deletes=True).sheet.deleted_delivered == 2


def test_a_second_run_of_the_same_sync_is_refused(workspace: Workspace) -> None:
    customers = Customers(workspace)
    request_run(workspace, customers.sync.id)
    with pytest.raises(RunInProgress, match="already running"):
        request_run(workspace, customers.sync.id)


def test_a_run_that_is_not_over_is_taken_up_before_one_is_queued(workspace: Workspace) -> None:
    customers = Customers(workspace)
    queued = request_run(workspace, customers.sync.id, "schedule")
    assert take_up_run(workspace, customers.sync.id).id == queued.id
    assert engine.execute_run(workspace, queued.id).state is RunState.SUCCEEDED
    after = take_up_run(workspace, customers.sync.id)
    assert (after.id != queued.id, after.state, after.trigger) == (True, RunState.QUEUED, "manual")


def test_a_disabled_sync_is_not_started_and_a_disabled_destination_fails_the_run(workspace: Workspace) -> None:
    customers = Customers(workspace)
    set_destination_enabled(workspace, customers.sync.destination_id, False)
    assert customers.run().error["code"] == "configuration_error"
    set_destination_enabled(workspace, customers.sync.destination_id, True)
    assert customers.run().sheet.delivered == 2
    set_enabled(workspace, customers.sync.id, False)
    with pytest.raises(ConfigurationError, match="disabled"):
        customers.run()


class _Killed(BaseException):
    """Stands for the end of the process: nothing in the engine may catch it."""


@pytest.mark.parametrize("is_written", [False, True], ids=["before the batch is written", "after it is written"])
def test_a_run_that_dies_while_sending_is_finished_with_the_same_message_ids(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    customers = Customers(workspace)
    write = segment_profiles.SegmentProfilesDestination.write

    def die(self: segment_profiles.SegmentProfilesDestination, *batch: Any) -> list[Outcome]:
        if is_written:
            write(self, *batch)
        raise _Killed

    run = request_run(workspace, customers.sync.id)
    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(segment_profiles.SegmentProfilesDestination, "write", die)
        engine.execute_run(workspace, run.id)
    customers.put([("a", "changed meanwhile", 1)])
    ended = engine.execute_run(workspace, run.id)
    require_closed(ended)
    assert (ended.state, ended.sheet.delivered, ended.resumed) == (RunState.SUCCEEDED, 2, 1)
    assert customers.operations() == [("added", "a"), ("added", "b")] or len(customers.operations()) == 2
    assert customers.run().sheet.updated == 1


def test_a_worker_that_stops_leaves_the_run_to_the_next_one(workspace: Workspace) -> None:
    customers = Customers(workspace)
    stop = CancelToken()
    stop.cancel("stopping")
    run = request_run(workspace, customers.sync.id)
    left = engine.execute_run(workspace, run.id, cancel=stop)
    assert not left.is_final
    assert engine.execute_run(workspace, run.id).state is RunState.SUCCEEDED


def test_a_sync_that_is_due_is_queued_once_and_its_next_slot_moves_on(workspace: Workspace) -> None:
    customers = Customers(workspace)
    sync: Sync = save_sync(
        workspace,
        name=customers.sync.name,
        sql_model_id=customers.sync.sql_model_id,
        source_id=customers.source_id,
        destination_id=customers.sync.destination_id,
        action="send_identify",
        mapping=customers.mapping,
        interval_minutes=15,
        sync_id=customers.sync.id,
    )
    set_schedule(workspace, sync.id, 30)
    assert [item.id for item in due_syncs(workspace, workspace.now())] == [sync.id]
    assert len(request_due_runs(workspace)) == 1
    assert request_due_runs(workspace) == []
    moved = get_sync(workspace, sync.id)
    assert moved.next_run_at is not None
    assert moved.next_run_at > workspace.now()
    with pytest.raises(CoreError, match="every 7 minutes"):
        set_schedule(workspace, sync.id, 7)
    assert len(list_runs(workspace, sync.id)) == 1


def test_deleting_everything_waits_for_a_person_who_confirms_it(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.run()
    customers.put([])
    guarded = customers.run()
    assert guarded.sheet.reasons == {"empty_result_guard": 2}
    confirmed = engine.execute_run(workspace, request_run(workspace, customers.sync.id, CONFIRMED).id)
    require_closed(confirmed)
    assert confirmed.sheet.deleted_delivered == 2


@pytest.mark.parametrize("end", ["source", "destination"])
def test_a_disabled_end_pauses_the_schedule_and_what_was_missed_is_made_up_once(workspace: Workspace, end: str) -> None:
    customers = Customers(workspace)
    set_schedule(workspace, customers.sync.id, 30)
    _switch(workspace, customers, end, is_enabled=False)
    assert find_pause(workspace, customers.sync) == Pause(end, {"source": "Customers"}.get(end, "Segment Profiles"))
    assert (due_syncs(workspace, workspace.now()), request_due_runs(workspace), list_runs(workspace)) == ([], [], [])
    _switch(workspace, customers, end, is_enabled=True)
    assert find_pause(workspace, customers.sync) is None
    assert [run.trigger for run in request_due_runs(workspace)] == ["schedule"]
    assert request_due_runs(workspace) == []


def _switch(workspace: Workspace, customers: Customers, end: str, *, is_enabled: bool) -> None:
    if end == "destination":
        set_destination_enabled(workspace, customers.sync.destination_id, is_enabled)
    else:
        (enable_source if is_enabled else disable_source)(workspace, customers.source_id)


def test_a_sync_of_a_disabled_source_reads_nothing_and_says_so(workspace: Workspace) -> None:
    customers = Customers(workspace)
    disable_source(workspace, customers.source_id)
    failed = customers.run()
    assert (failed.state, customers.messages()) == (RunState.FAILED, [])
    assert failed.error is not None
    assert "'Customers' is disabled" in str(failed.error["message"])
    with pytest.raises(ConfigurationError, match="disabled"):
        engine.plan(workspace, customers.sync.id)
    enable_source(workspace, customers.source_id)
    assert customers.run().state is RunState.SUCCEEDED


def test_the_mode_decides_from_the_next_run_on_and_a_change_of_it_is_audited(workspace: Workspace) -> None:
    customers = Customers(workspace, mode="upsert")
    customers.run()
    customers.put([("a", "A@x.example", 1)])
    assert customers.run().sheet.deleted_held == 1
    set_mode(workspace, customers.sync.id, "mirror")
    assert customers.run().sheet.deleted_delivered == 1
    change = list_changes(workspace, object_type="sync")[0]
    assert (change.before["mode"], change.after["mode"]) == ("upsert", "mirror")  # type: ignore[index]
    with pytest.raises(InvalidField, match="'sometimes'"):
        set_mode(workspace, customers.sync.id, "sometimes")


def test_a_reset_is_in_the_audit_trail(workspace: Workspace) -> None:
    customers = Customers(workspace)
    engine.reset(workspace, customers.sync.id)
    change = list_changes(workspace)[0]
    assert (change.action, change.object_type, change.object_id) == ("reset", "sync", customers.sync.id)


def test_a_run_that_was_asked_to_stop_is_cancelling_until_it_is_over(workspace: Workspace) -> None:
    customers = Customers(workspace)
    run = request_run(workspace, customers.sync.id)
    assert not run.is_cancelling
    assert request_cancel(workspace, run.id).is_cancelling
    assert engine.execute_run(workspace, run.id).state is RunState.CANCELLED
    assert not get_run(workspace, run.id).is_cancelling


def test_the_records_of_a_run_are_read_page_by_page_and_counted_over_all_pages(workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.put(
        [(f"k{number}", f"{number}@x.example", number) for number in range(5)] + [("d", "d", 1), ("d", "d", 1)]
    )
    run = customers.run()
    pages = [search_records(workspace, run.id, limit=3, offset=offset).to_pylist() for offset in (0, 3, 6)]
    assert [[record["key"] for record in page] for page in pages] == [["d", "d", "k0"], ["k1", "k2", "k3"], ["k4"]]
    assert count_records(workspace, run.id) == 7
    assert count_records(workspace, run.id, code="record_duplicate") == 2
    assert count_records(workspace, run.id, outcome="delivered", text="@X.example") == 5


def test_a_damaged_file_of_records_is_explained(workspace: Workspace) -> None:
    run = Customers(workspace).run()
    get_records_path(workspace, run.id).write_bytes(b"no parquet at all")
    with pytest.raises(StoreUnreadable, match="damaged"):
        search_records(workspace, run.id)
