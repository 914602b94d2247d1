"""The state of one sync: what the destination acknowledged, and the plan that is being carried out.

One DuckDB file a sync, written only by the holder of the sync's lease. Tables:

- `acked`: for each key the checksum and payload last accepted, and a version that grows with each acknowledgement.
  A deleted record stays as a tombstone (no checksum), so that adding it again is a new version and not a repetition.
- `plan`: the records to send, numbered. It is committed before the first is sent: it is the intent log.
- `refused`: the records that will not be sent, each with its reason.
- `sent`: up to which number the plan has been carried out; `exceptions`: what was not delivered up to there.
- `meta`: the phase, the run it belongs to, counts, and the version from which new keys start.
- `prints`: what the warehouse is told of the run (`core.syncs.prints`).

The phases: none -> planned (plan committed) -> closed (acknowledgements merged, sheet known) -> none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import duckdb
import orjson
import pyarrow as pa

from core.destinations.destination import DeliveryBatch
from core.mappings.compile import CompiledMapping, literal
from core.syncs.prints import Comparison, Prints
from core.syncs.sheet import BalanceSheet
from core.syncs.staging import Staging
from core.syncs.state_file import StateFile, translate

GAPS = "has_gaps"
BASELINE_MODES = ("update", "delete")  # a record first seen becomes the baseline without being sent

_PAYLOAD = "payload VARCHAR USING COMPRESSION zstd"
"""What DuckDB chooses by itself takes 1.8 times the room, and up to a hundred times as long for wide rows."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS acked (key VARCHAR, checksum UHUGEINT, version BIGINT, {_PAYLOAD});
CREATE TABLE IF NOT EXISTS plan (
    seq BIGINT, key VARCHAR, operation VARCHAR, version BIGINT, checksum UHUGEINT, message_id VARCHAR, {_PAYLOAD}
);
CREATE TABLE IF NOT EXISTS refused (
    key VARCHAR, operation VARCHAR, outcome VARCHAR, code VARCHAR, field VARCHAR, {_PAYLOAD}, checksum UHUGEINT
);
CREATE TABLE IF NOT EXISTS sent (last_seq BIGINT);
CREATE TABLE IF NOT EXISTS exceptions (seq BIGINT, outcome VARCHAR, code VARCHAR, message VARCHAR);
"""


class Undelivered(NamedTuple):
    """One planned record that was not delivered. `outcome` is rejected or held."""

    seq: int
    outcome: str
    code: str
    message: str


class SyncState:
    """The opened state file of one sync; a context manager."""

    def __init__(self, path: Path, sync_id: str) -> None:
        self._file = StateFile(path, _SCHEMA)
        self._db = self._file.database
        self._staging = Staging(self._file, sync_id)
        self.prints = Prints(self._file)

    def __enter__(self) -> SyncState:
        """Return the state itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def enlarge(self) -> bool:
        """Give the comparison more memory, now and in later runs; return False where there is no more."""
        return self._file.enlarge()

    # -- phase ---------------------------------------------------------------------------------------------------
    def read_phase(self) -> tuple[str, str | None]:
        """Return the phase (none, planned, closed) and the run that it belongs to."""
        return self._file.get("phase") or "none", self._file.get("run_id")

    def clear_plan(self) -> None:
        """Go back to the phase none."""
        with self._file.transaction():
            for table in ("plan", "refused", "sent", "exceptions"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
            self.prints.clear()
            self._db.execute("DELETE FROM meta WHERE name IN ('phase', 'run_id', 'counts', 'sheet')")

    def reset(self) -> None:
        """Forget what was acknowledged; versions go on growing."""
        with self._file.transaction():
            highest = self._file.one("SELECT max(version) FROM acked")
            if highest is not None:
                self._file.put("base_version", str(max(highest, self._base_version())))
            self._db.execute("DELETE FROM acked")
            self.prints.distrust()

    # -- extract and compare -------------------------------------------------------------------------------------
    def stage(
        self,
        batches: Iterable[pa.RecordBatch],
        compiled: CompiledMapping,
        comparison: Comparison | None = None,
        suppressed: Collection[str] = (),
    ) -> int:
        """Map all rows and compare each with what was acknowledged; return their number; see `Staging.stage`."""
        return self._staging.stage(batches, compiled, comparison, suppressed)

    def commit_plan(self, run_id: str, mode: str, *, confirm_deletes: bool = False) -> int:
        """Commit what will be sent and what will not, in one transaction; return the number of planned records."""
        with self._file.transaction():
            self._staging.compare(mode, self._base_version(), confirm_deletes=confirm_deletes)
            self._staging.take("mapped", "operation <> 'deleted'")
            self._staging.take("acked", "operation = 'deleted'")
            self.prints.commit(self._staging.comparison, has_rows=self._staging.has_rows())
            self._file.put("phase", "planned")
            self._file.put("run_id", run_id)
            self._file.put("counts", orjson.dumps(self._staging.count()).decode())
        self._staging.drop()
        return self.count_planned()

    def dry_run(self, mode: str, samples: int) -> tuple[dict[str, int], list[tuple[str, str, str | None, str | None]]]:
        """Return counts by operation, and up to `samples` (operation, key, before, after) each; write nothing."""
        self._staging.compare(mode, self._base_version(), confirm_deletes=True)
        due = self._db.execute("SELECT operation, count(*) FROM changes WHERE code IS NULL GROUP BY 1").fetchall()
        rejected = self._file.one("SELECT count(*) FROM changes WHERE reject_code IS NOT NULL")
        # a table, so that the joins below are planned for its few rows
        self._db.execute(
            "CREATE OR REPLACE TEMP TABLE shown AS SELECT operation, key, row FROM changes WHERE code IS NULL "
            "QUALIFY row_number() OVER (PARTITION BY operation ORDER BY row) <= ?",
            [samples],
        )
        shown = self._db.execute(
            "SELECT c.operation, c.key, a.payload, m.payload FROM shown c "
            "LEFT JOIN acked a ON a.key = c.key AND a.checksum IS NOT NULL "
            "LEFT JOIN mapped m ON m.rowid = c.row AND c.operation <> 'deleted' "
            "ORDER BY c.operation = 'deleted', c.row"
        ).fetchall()
        return {**dict(due), **self._staging.count(), "rejected": rejected or 0}, shown

    # -- deliver -------------------------------------------------------------------------------------------------
    def count_planned(self) -> int:
        """Return how many records the plan holds."""
        return self._file.one("SELECT count(*) FROM plan") or 0

    def read_last_sent(self) -> int:
        """Return the number up to which the plan has been carried out."""
        return self._file.one("SELECT max(last_seq) FROM sent") or 0

    def iterate_plan(self, batch_records: int) -> Iterator[tuple[int, DeliveryBatch]]:
        """Yield (last number, records) batch by batch, from where the plan was left."""
        last, total = self.read_last_sent(), self.count_planned()
        while last < total:
            until = min(last + batch_records, total)
            try:
                rows = self._db.sql(
                    "SELECT key, operation, version, message_id AS idempotency_key, payload FROM plan "
                    "WHERE seq BETWEEN $first AND $last ORDER BY seq",
                    params={"first": last + 1, "last": until},
                ).to_arrow_table()
            except duckdb.Error as error:
                raise translate(error) from error
            yield until, DeliveryBatch(rows)
            last = until

    def acknowledge(self, last_seq: int, exceptions: Sequence[Undelivered]) -> None:
        """Commit that the plan has been carried out up to `last_seq`, all delivered but `exceptions`."""
        with self._file.transaction():
            self._db.execute("INSERT INTO sent VALUES (?)", [last_seq])
            if exceptions:
                self._db.executemany("INSERT INTO exceptions VALUES (?, ?, ?, ?)", [list(item) for item in exceptions])

    def hold_rest(self, code: str, message: str) -> None:
        """Commit that nothing more of the plan will be sent, and why."""
        with self._file.transaction():
            last, total = self.read_last_sent(), self.count_planned()
            self._db.execute(
                "INSERT INTO exceptions SELECT seq, 'held', ?, ? FROM plan WHERE seq > ?", [code, message, last]
            )
            self._db.execute("INSERT INTO sent VALUES (?)", [total])

    # -- close ---------------------------------------------------------------------------------------------------
    def close_plan(self, mode: str, records_path: Path) -> BalanceSheet:
        """Write the records of the run, merge what was acknowledged, and return the balance sheet."""
        sheet = self._make_sheet()
        self._write_records(records_path)
        with self._file.transaction():
            # a key that was deleted goes on from its tombstone: a version given twice is a message sent once
            is_baseline = "r.code = 'mode_excludes_added'" if mode in BASELINE_MODES else "false"
            self._db.execute(
                f"CREATE OR REPLACE TEMP TABLE baseline AS SELECT r.key, coalesce(a.version, {self._base_version()}) "  # noqa: S608
                f"AS version FROM refused r LEFT JOIN acked a ON a.key = r.key WHERE {is_baseline}"
            )
            self._db.execute(
                "CREATE OR REPLACE TEMP VIEW done AS SELECT key, version, operation, checksum, payload FROM plan "  # noqa: S608
                "WHERE NOT EXISTS (SELECT 1 FROM exceptions e WHERE e.seq = plan.seq) "
                "UNION ALL SELECT r.key, b.version, 'added', r.checksum, r.payload "
                f"FROM refused r JOIN baseline b ON b.key = r.key WHERE {is_baseline}"
            )
            self._db.execute("DELETE FROM acked WHERE key IN (SELECT key FROM done)")
            self._db.execute(
                "INSERT INTO acked SELECT key, CASE WHEN operation <> 'deleted' THEN checksum END, version, "
                "CASE WHEN operation <> 'deleted' THEN payload END FROM done"
            )
            self._file.put("phase", "closed")
            self._file.put("sheet", orjson.dumps(sheet.to_dict()).decode())
        self._file.drop("baseline")
        return sheet

    def read_closed_sheet(self) -> BalanceSheet:
        """Return the sheet of a plan that was closed before the process died."""
        return BalanceSheet.from_dict(orjson.loads(self._file.get("sheet") or "{}"))

    def _make_sheet(self) -> BalanceSheet:
        counts = orjson.loads(self._file.get("counts") or "{}")
        rows = self._db.execute(
            "SELECT operation, outcome, code, count(*) FROM ("
            "SELECT p.operation, coalesce(e.outcome, 'delivered') AS outcome, e.code AS code "
            "FROM plan p LEFT JOIN exceptions e ON e.seq = p.seq "
            "UNION ALL SELECT operation, outcome, code FROM refused) GROUP BY ALL"
        ).fetchall()
        return BalanceSheet.count(counts.get("extracted", 0), counts.get("unchanged", 0), rows)

    def _write_records(self, path: Path) -> None:
        scratch = path.with_suffix(".tmp")
        try:
            self._db.execute(
                "COPY (SELECT p.key, p.operation, coalesce(e.outcome, 'delivered') AS outcome, e.code, e.message, "  # noqa: S608
                "NULL AS field, p.message_id, p.payload FROM plan p LEFT JOIN exceptions e ON e.seq = p.seq "
                "UNION ALL SELECT key, operation, outcome, code, NULL, field, NULL, left(payload, 4000) FROM refused) "
                # a row group is put together in memory
                f"TO {literal(str(scratch))} "
                "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 16384, ROW_GROUP_SIZE_BYTES '8MB')"
            )
        except duckdb.Error as error:
            raise translate(error) from error
        scratch.replace(path)

    # -- erase ---------------------------------------------------------------------------------------------------
    def count_matching(self, where: str) -> int:
        """Return how many records that are kept answer a condition on `key` and `payload`."""
        counts = " + ".join(f"(SELECT count(*) FROM {table} WHERE {where})" for table in ("acked", "plan", "refused"))  # noqa: S608
        return self._file.one(f"SELECT {counts}") or 0

    @property
    def has_gaps(self) -> bool:
        """Whether records were deleted and the file was not written anew since."""
        return self._file.get(GAPS) is not None

    def delete_matching(self, where: str) -> None:
        """Forget the acknowledged records that answer a condition; versions go on growing."""
        with self._file.transaction():
            highest = self._file.one("SELECT max(version) FROM acked")
            if highest is not None:
                self._file.put("base_version", str(max(highest, self._base_version())))
            self._file.put(GAPS, "yes")
            self._db.execute(f"DELETE FROM acked WHERE {where}")  # noqa: S608 - literals
            self.prints.distrust()

    # -- small things --------------------------------------------------------------------------------------------
    def count_acknowledged(self) -> int:
        """Return how many records the destination holds by our account."""
        return self._file.one("SELECT count(*) FROM acked WHERE checksum IS NOT NULL") or 0

    def _base_version(self) -> int:
        return int(self._file.get("base_version") or 0)
