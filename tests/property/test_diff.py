"""apply(diff(a, b), a) = b on the real engine, for any tables, modes, mappings and interruptions, against an oracle."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
from hypothesis import note, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import booleans, integers, lists, none, sampled_from, tuples

from core.destinations.definition import Capabilities
from core.destinations.destination import DeliveryRecord, Outcome, OutcomeStatus
from core.destinations.segment_profiles import DEFINITION, SegmentProfilesDestination
from core.errors import SchemaRefused
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.syncs import delivery, engine
from core.syncs.records import search_records
from core.syncs.run import RunState, SyncRun, get_run, request_cancel, request_run
from core.syncs.staging import DUE_OPERATIONS
from core.syncs.state import SyncState
from core.syncs.sync import MODES, save_sync, set_mode
from core.workspaces.workspace import Workspace, open_workspace
from tests.customers import Customers
from tests.new_home import new_home
from tests.sizes import examples

Row = tuple[str | None, str | None, int | None]
Traits = dict[str, Any]
KEYS = ("a", "b", "c", "ü", "a ", None, "", " ")
REFUSED = "refuse me"
rows = lists(
    tuples(sampled_from(KEYS), none() | sampled_from(["", "x", "y", REFUSED]), none() | integers(0, 2)), max_size=6
)
STEPS = (
    (SyncState, "stage"),
    (SyncState, "commit_plan"),
    (SegmentProfilesDestination, "write"),
    (SyncState, "acknowledge"),
    (SyncState, "close_plan"),
    (SyncState, "clear_plan"),
)
TRAITS = {
    "both": {"email": ColumnRef("email"), "visits": ColumnRef("visits")},
    "turned": {"visits": ColumnRef("visits"), "email": ColumnRef("email")},
    "one": {"email": ColumnRef("email")},
    "constant": {"email": ColumnRef("email"), "visits": Constant(7)},
}


class Killed(BaseException):
    """Stands for the end of the process."""


class Diff(RuleBasedStateMachine):
    """A table that changes, a sync that runs, dies and is resumed, and what the destination must hold after it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="onramp-property-"))
        self.patches = contextlib.ExitStack()
        small = replace(DEFINITION, capabilities=Capabilities(max_batch_records=2))
        self.patches.enter_context(patch.object(SegmentProfilesDestination, "definition", small))
        self.patches.enter_context(patch.object(delivery, "BACK_OFF_S", (0.0,)))
        self.batches_left: int | None = None  # until the destination goes down; None: it stays up
        self.patches.enter_context(patch.object(SegmentProfilesDestination, "write", self.make_write()))
        self.workspace = open_workspace(new_home(self.folder))
        self.customers = Customers(self.workspace)
        self.table: list[Row] = [("a", "A@x.example", 1), ("b", "b@x.example", 2)]
        self.variant, self.mode = "both", "mirror"
        self.acked: dict[str, Traits] = {}  # what the sync believes that the destination holds
        self.held: dict[str, Traits] = {}  # what it holds
        self.is_reset = False

    @initialize(mode=sampled_from(MODES))
    def start(self, mode: str) -> None:
        self.change_mode(mode)

    @rule(table=rows)
    def change_table(self, table: list[Row]) -> None:
        self.table = table
        self.customers.put(table)

    @rule(variant=sampled_from(list(TRAITS)))
    def edit_mapping(self, variant: str) -> None:
        self.variant = variant
        sync, entries = self.customers.sync, self.customers.mapping.entries[:2]
        traits = [MappingEntry("traits", key, value) for key, value in TRAITS[variant].items()]
        save_sync(
            self.workspace,
            name=sync.name,
            sql_model_id=sync.sql_model_id,
            source_id=sync.source_id,
            destination_id=sync.destination_id,
            action=sync.action,
            mode=self.mode,
            mapping=FieldMapping((*entries, *traits)),
            sync_id=sync.id,
        )

    @rule(mode=sampled_from(MODES))
    def change_mode(self, mode: str) -> None:
        self.mode = mode
        set_mode(self.workspace, self.customers.sync.id, mode)

    @rule(confirm=booleans())
    def run_to_its_end(self, confirm: bool) -> None:
        wanted = self.predict(confirm)
        ended = self.customers.run(confirm_deletes=confirm)
        self.require(ended, wanted)

    @rule(step=sampled_from(STEPS), number=integers(1, 3), is_done=booleans(), table=none() | rows)
    def run_and_die_and_resume(
        self, step: tuple[type, str], number: int, is_done: bool, table: list[Row] | None
    ) -> None:
        """Die in the `number`-th call of a step, before or after it is done; the table may change meanwhile."""
        before = self.predict(False)
        run = request_run(self.workspace, self.customers.sync.id)
        is_dead = False
        with dying(*step, number, is_done=is_done):
            try:
                engine.execute_run(self.workspace, run.id)
            except Killed:
                is_dead = True
        is_over = get_run(self.workspace, run.id).is_final  # it died while tidying up after its end
        is_planned = (
            is_over or step[1] in ("write", "acknowledge", "close_plan") or (step[1] == "commit_plan" and is_done)
        )
        note(f"dead: {is_dead}, planned: {is_planned}")
        if table is not None:
            self.change_table(table)
        wanted = before if is_planned else self.predict(False)
        ended = engine.execute_run(self.workspace, run.id)
        assert ended.resumed == (is_dead and not is_over) or step[1] == "clear_plan"
        self.require(ended, wanted)

    @rule(batches=integers(0, 2))
    def run_while_the_destination_goes_down(self, batches: int) -> None:
        self.batches_left = batches
        ended = self.customers.run()
        self.batches_left = None
        self.settle(ended)

    @rule()
    def cancel_a_run(self) -> None:
        run = request_run(self.workspace, self.customers.sync.id)
        request_cancel(self.workspace, run.id)
        ended = engine.execute_run(self.workspace, run.id)
        assert ended.state is RunState.CANCELLED
        assert self.read_held() == self.held

    @rule()
    def reset(self) -> None:
        engine.reset(self.workspace, self.customers.sync.id)
        self.acked.clear()
        self.is_reset = True

    @rule()
    def plan(self) -> None:
        """The plan shows what a run would do, and changes nothing."""
        sheet = self.predict(True)[2]
        plan = engine.plan(self.workspace, self.customers.sync.id)
        refused = sheet["schema_refused"]
        assert plan.extracted == len(self.table)
        assert plan.unchanged == sheet["unchanged"]
        assert (
            plan.added + plan.updated + plan.deleted == sheet["added"] + sheet["updated"] + sheet["deleted"] + refused
        )

    @invariant()
    def no_message_came_without_a_change(self) -> None:
        """Versions of a row grow from message to message, and two in a row do not say the same."""
        last: dict[str, tuple[int, object]] = {}
        for message in self.customers.messages():
            origin: Any = message["context"]["reverseEtl"]  # type: ignore[index]
            content = None if origin["operation"] == "deleted" else message["traits"]
            version, before = last.get(origin["rowKey"], (0, "nothing"))
            assert origin["version"] > version
            # A record may come back as a baseline, which is no message, and be deleted again
            assert content != before or content is None or self.is_reset
            last[origin["rowKey"]] = (origin["version"], content)

    def teardown(self) -> None:
        self.patches.close()
        self.workspace.close()
        shutil.rmtree(self.folder)

    # -- the oracle ------------------------------------------------------------------------------------------------
    def predict(self, confirm: bool) -> tuple[dict[str, Traits], dict[str, Traits], Counter[str]]:
        """Return acknowledged, held and the sheet after a run that nothing disturbs."""
        acked, held, sheet = dict(self.acked), dict(self.held), Counter[str]()
        counts = Counter(key for key, _, _ in self.table)
        due = DUE_OPERATIONS[self.mode]
        for key, email, visits in self.table:
            if key is None or not key.strip():
                sheet["record_null_unique_id"] += 1
                continue
            if counts[key] > 1:
                sheet["record_duplicate"] += 1
                continue
            values = {"email": email, "visits": 7 if self.variant == "constant" else visits}
            traits = {name: values[name] for name in TRAITS[self.variant]}
            operation = "updated" if key in acked else "added"
            if acked.get(key) == traits and key in acked:
                sheet["unchanged"] += 1
            elif operation not in due:
                sheet[f"mode_excludes_{operation}"] += 1
                if operation == "added" and self.mode in ("update", "delete"):
                    acked[key] = traits
            elif email == REFUSED:
                sheet["schema_refused"] += 1
            else:
                acked[key] = held[key] = traits
                sheet[operation] += 1
        for key in set(self.acked) - set(counts):
            if "deleted" not in due:
                sheet["mode_excludes_deleted"] += 1
            elif not self.table and not confirm:
                sheet["empty_result_guard"] += 1
            elif self.acked[key]["email"] == REFUSED:
                sheet["schema_refused"] += 1
            else:
                acked.pop(key)
                held.pop(key, None)
                sheet["deleted"] += 1
        return acked, held, sheet

    def require(self, run: SyncRun, wanted: tuple[dict[str, Traits], dict[str, Traits], Counter[str]]) -> None:
        self.acked, self.held, counts = wanted
        sheet = run.sheet
        assert sheet is not None and sheet.closes, run
        found = Counter(sheet.reasons) + Counter(
            added=sheet.added, updated=sheet.updated, deleted=sheet.deleted_delivered, unchanged=sheet.unchanged
        )
        assert found == +counts
        assert self.read_held() == self.held

    def settle(self, run: SyncRun) -> None:
        """After a run that was cut short: what its records call delivered has arrived, and nothing else."""
        assert run.sheet is not None and run.sheet.closes, run
        acked, held, _ = self.predict(False)
        sent = list_keys(self.workspace, run, outcome="delivered")
        for mine, after, keys in (
            (self.held, held, sent),
            (self.acked, acked, sent | list_keys(self.workspace, run, code="mode_excludes_added")),
        ):
            for key in keys:
                mine.pop(key, None)
                if key in after:
                    mine[key] = after[key]
        assert self.read_held() == self.held

    def read_held(self) -> dict[str, Traits]:
        held: dict[str, Traits] = {}
        for message in self.customers.messages():
            origin: Any = message["context"]["reverseEtl"]  # type: ignore[index]
            if origin["operation"] == "deleted":
                held.pop(origin["rowKey"], None)
            else:
                held[origin["rowKey"]] = message["traits"]  # type: ignore[assignment]
        return held

    def make_write(self) -> Any:
        """Return the destination's `write`, which refuses some records' batches and goes down when told to."""
        write = SegmentProfilesDestination.write

        def faulty(
            destination: SegmentProfilesDestination, records: Sequence[DeliveryRecord], *about: Any
        ) -> list[Outcome]:
            if self.batches_left == 0:
                return [Outcome(OutcomeStatus.RETRYABLE, "destination_unavailable", "down")] * len(records)
            if any(orjson.loads(record.payload)["traits"]["email"] == REFUSED for record in records):
                raise SchemaRefused("It takes no such record.", hint="Send another one.")
            if self.batches_left is not None:
                self.batches_left -= 1
            return write(destination, records, *about)

        return faulty


@contextlib.contextmanager
def dying(owner: type, name: str, number: int, *, is_done: bool) -> Iterator[None]:
    """Make the `number`-th call of a method the last thing that the process does."""
    method, calls = getattr(owner, name), itertools.count(1)

    def die(*args: Any, **options: Any) -> Any:
        is_last = next(calls) == number
        if is_last and not is_done:
            raise Killed
        result = method(*args, **options)
        if is_last:
            raise Killed
        return result

    with patch.object(owner, name, die):
        yield


def list_keys(workspace: Workspace, run: SyncRun, **which: str) -> set[str]:
    return set(search_records(workspace, run.id, limit=1_000, **which)["key"].to_pylist())


TestDiff = Diff.TestCase
TestDiff.settings = settings(max_examples=examples(8), stateful_step_count=12, deadline=None)
