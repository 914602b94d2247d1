"""The state of a sync alone, with more rows than the engine's tests have."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from core.destinations.segment_profiles import SEND_IDENTIFY
from core.errors import ResultTooLarge, StoreUnreadable
from core.mappings.compile import CompiledMapping, compile_mapping
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.syncs import staging, state_file
from core.syncs.sheet import BalanceSheet
from core.syncs.staging import CHUNK_ROWS
from core.syncs.state import SyncState
from core.warehouses.definition import ColumnType, Kind

ROOT = Path(__file__).resolve().parents[3]
MAPPING = FieldMapping(
    (
        MappingEntry("engage_space", None, Constant("spa_1")),
        MappingEntry("user_id", None, ColumnRef("id")),
        MappingEntry("traits", "note", ColumnRef("note")),
    )
)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SyncState]:
    with SyncState(tmp_path / "sync.duckdb", "syn_1") as opened:
        yield opened


def compiled() -> CompiledMapping:
    columns = [ColumnType("id", "VARCHAR", Kind.TEXT), ColumnType("note", "VARCHAR", Kind.TEXT)]
    return compile_mapping(MAPPING, SEND_IDENTIFY.fields, columns, "id")


def batches(rows: Sequence[tuple[str, str]], size: int = 10_000) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(rows), size):
        ids, notes = zip(*rows[start : start + size], strict=True)
        yield pa.RecordBatch.from_arrays([pa.array(ids), pa.array(notes)], names=["id", "note"])


def carry_out(state: SyncState, rows: Sequence[tuple[str, str]], path: Path) -> tuple[BalanceSheet, list[str]]:
    state.stage(batches(rows), compiled())
    planned = state.commit_plan("run_1", "mirror")
    sent = []
    for last_seq, records in state.iterate_plan(50_000):
        sent += [f"{record.operation} {record.key} {record.payload.decode()}" for record in records]
        assert last_seq == len(sent)
        state.acknowledge(last_seq, [])
    assert len(sent) == planned
    sheet = state.close_plan("mirror", path)
    state.clear_plan()
    return sheet, sent


def payload(key: str, note: str) -> str:
    return f'{{"engage_space":"spa_1","traits":{{"note":"{note}"}},"user_id":"{key}"}}'


def test_a_plan_of_many_chunks_sends_every_change_once_with_its_own_payload(state: SyncState, tmp_path: Path) -> None:
    count = CHUNK_ROWS + 1_000
    before = [(f"k{number}", f"n{number}") for number in range(count)]
    sheet, sent = carry_out(state, before, tmp_path / "first.parquet")
    assert sheet.added == count
    assert sorted(sent) == sorted(f"added {key} {payload(key, note)}" for key, note in before)

    after = [(key, "new" if number % 50_000 == 7 else note) for number, (key, note) in enumerate(before)][:-900]
    sheet, sent = carry_out(state, after, tmp_path / "second.parquet")
    updated = [f"updated {key} {payload(key, 'new')}" for key, note in after if note == "new"]
    deleted = [f"deleted {key} {payload(key, note)}" for key, note in before[-900:]]
    assert sorted(sent) == sorted(updated + deleted)
    assert sheet.closes
    assert (sheet.updated, sheet.deleted_delivered, sheet.unchanged) == (len(updated), 900, count - 900 - len(updated))


FILL = """
import resource, signal, sys
from pathlib import Path
import pyarrow as pa
from core.errors import StorageFull
from core.syncs import state_file
from core.syncs.state import SyncState
from tests.unit.syncs.test_state import batches, compiled

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    with SyncState(Path(sys.argv[1]), "syn_1") as state:
        state.stage(batches([(f"k{n}", f"{n} " * 200) for n in range(20_000)]), compiled())
        state.commit_plan("run_1", "mirror")
except StorageFull as error:
    print(error.code, bool(error.hint))
"""


@pytest.mark.parametrize("size_bytes", [100, 400_000, 1_500_000])
def test_a_full_disk_stops_a_sync_in_a_sentence_and_the_next_run_starts_anew(tmp_path: Path, size_bytes: int) -> None:
    path = tmp_path / "state" / "sync.duckdb"
    path.parent.mkdir()
    command = [sys.executable, "-c", FILL, str(path), str(size_bytes)]
    stopped = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (stopped.stdout, stopped.returncode) == ("storage_full True\n", 0), stopped.stderr
    assert not list(path.parent.glob("*.draft*"))
    with SyncState(path, "syn_1") as state:
        assert state.read_phase() == ("none", None)
        assert state.stage(batches([("a", "x")]), compiled()) == 1
        assert state.commit_plan("run_2", "mirror") == 1


def test_a_file_that_is_no_state_is_said_to_be_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "sync.duckdb"
    path.write_bytes(b"no database")
    with pytest.raises(StoreUnreadable) as caught:
        SyncState(path, "syn_1")
    assert caught.value.hint


def test_keys_shared_among_more_rows_than_are_grouped_at_once_are_all_found(
    state: SyncState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "GROUPED_KEYS", 1_000)
    rows = [(f"k{number % 3_000}", "x") for number in range(3_003)]
    state.stage(batches(rows, 100_000), compiled())
    counts, _shown = state.dry_run("upsert", 1)
    assert (counts["extracted"], counts["rejected"]) == (3_003, 6)


def test_rows_too_wide_for_the_memory_at_hand_are_compared_with_more_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "MEMORY_STEPS_MB", (24, 384))
    rows = [(f"k{number}", f"{number:020000}") for number in range(2_000)]
    path = tmp_path / "sync.duckdb"
    with SyncState(path, "syn_1") as state:
        with pytest.raises(ResultTooLarge, match="too wide") as refused:
            state.stage(batches(rows, 100), compiled())
            state.commit_plan("run_1", "upsert")
        assert "shorter columns" in str(refused.value.hint)
        assert state.read_phase() == ("none", None)
        assert state.enlarge()
        state.stage(batches(rows, 100), compiled())
        assert state.commit_plan("run_1", "upsert") == 2_000
    with SyncState(path, "syn_1") as state:  # it is remembered: the next run does not fail first
        assert state.read_phase() == ("planned", "run_1")
        assert sum(len(records) for _until, records in state.iterate_plan(500)) == 2_000


def test_beyond_half_of_the_machines_memory_there_is_no_more(state: SyncState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "MEMORY_STEPS_MB", (96, 384, 1536))
    monkeypatch.setattr(state_file, "_count_memory_mb", lambda: 1_000)
    assert state.enlarge()
    assert not state.enlarge(), "1,536 MB are more than half of 1,000"
