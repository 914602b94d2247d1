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

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import duckdb
import orjson
import pyarrow as pa

from core.destinations.destination import DeliveryRecord, Operation
from core.errors import CoreError, StorageFull, StoreUnreadable
from core.mappings.compile import CompiledMapping, literal
from core.mappings.engine import prepare_engine
from core.syncs.diff.dialect import IS_GONE, IS_KNOWN, KEY, PRINT
from core.syncs.prints import Comparison, Prints
from core.syncs.sheet import BalanceSheet

MEMORY_LIMIT = "96MB"  # of DuckDB; with the process around it that stays below 300 MB, whatever the number of rows
PIECE_BYTES = 256 * 1024
CHUNK_ROWS = 122_880  # of one DuckDB row group: more rows would be read for the same chunk
DUE_OPERATIONS = {
    "add": ("added",),
    "update": ("updated",),
    "upsert": ("added", "updated"),
    "delete": ("deleted",),
    "mirror": ("added", "updated", "deleted"),
}
BASELINE_MODES = ("update", "delete")  # a record first seen becomes the baseline without being sent

_SCHEMA = """
CREATE TABLE IF NOT EXISTS acked (key VARCHAR, checksum UHUGEINT, version BIGINT, payload VARCHAR);
CREATE TABLE IF NOT EXISTS plan (
    seq BIGINT, key VARCHAR, operation VARCHAR, version BIGINT, checksum UHUGEINT, message_id VARCHAR, payload VARCHAR
);
CREATE TABLE IF NOT EXISTS refused (
    key VARCHAR, operation VARCHAR, outcome VARCHAR, code VARCHAR, field VARCHAR, payload VARCHAR, checksum UHUGEINT
);
CREATE TABLE IF NOT EXISTS sent (last_seq BIGINT);
CREATE TABLE IF NOT EXISTS exceptions (seq BIGINT, outcome VARCHAR, code VARCHAR, message VARCHAR);
CREATE TABLE IF NOT EXISTS meta (name VARCHAR PRIMARY KEY, value VARCHAR);
"""


# what the warehouse says of a row, beside the columns of the mapping
_COMPARED = (
    f'"{PRINT}" AS print, CAST("{KEY}" AS VARCHAR) AS warehouse_key, "{IS_KNOWN}" AS is_known_there, '
    f'"{IS_GONE}" AS is_gone'
)
_NOT_COMPARED = "NULL AS print, NULL AS warehouse_key, false AS is_known_there, false AS is_gone"


class KeysDiffer(Exception):
    """The warehouse writes a key as another text than we do, so it cannot say which of our records are gone."""


class Undelivered(NamedTuple):
    """One planned record that was not delivered. `outcome` is rejected or held."""

    seq: int
    outcome: str
    code: str
    message: str


class SyncState:
    """The opened state file of one sync; a context manager."""

    def __init__(self, path: Path, sync_id: str) -> None:
        self._sync_id = sync_id
        self.path = path
        spill = path.parent / f"{path.stem}.tmp"
        try:
            self._db = duckdb.connect(
                str(path), config={"memory_limit": MEMORY_LIMIT, "threads": 2, "temp_directory": str(spill)}
            )
            prepare_engine(self._db)
            self._db.execute("SET preserve_insertion_order = false")
            self._db.execute(_SCHEMA)
            self.prints = Prints(self._db, self._get, self._put)
            self._comparison: Comparison | None = None
            self._vouched = 0
        except duckdb.IOException as error:
            raise StoreUnreadable(
                "The state of this sync cannot be opened.",
                hint="Another program may hold the file; stop it, then try again.",
            ) from error

    def __enter__(self) -> SyncState:
        """Return the state itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._db.close()

    # -- phase ---------------------------------------------------------------------------------------------------
    def read_phase(self) -> tuple[str, str | None]:
        """Return the phase (none, planned, closed) and the run that it belongs to."""
        return self._get("phase") or "none", self._get("run_id")

    def clear_plan(self) -> None:
        """Go back to the phase none."""
        with self._transaction():
            for table in ("plan", "refused", "sent", "exceptions"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
            self.prints.clear()
            self._db.execute("DELETE FROM meta WHERE name IN ('phase', 'run_id', 'counts', 'sheet')")

    def reset(self) -> None:
        """Forget what was acknowledged; versions go on growing."""
        with self._transaction():
            highest = self._one("SELECT max(version) FROM acked")
            if highest is not None:
                self._put("base_version", str(max(highest, self._base_version())))
            self._db.execute("DELETE FROM acked")
            self.prints.distrust()

    # -- extract and compare -------------------------------------------------------------------------------------
    def stage(
        self, batches: Iterable[pa.RecordBatch], compiled: CompiledMapping, comparison: Comparison | None = None
    ) -> int:
        """Map all rows and compare each with what was acknowledged; return the number of rows of the SQL model.

        Two tables: `mapped` has the payloads and `staged` has not, because a join that does not fit into memory
        writes its rows to the disk, and its memory grows with their width.

        Args:
            batches: The rows; with `comparison` they carry the columns of `core.syncs.diff.dialect`.
            compiled: The mapping.
            comparison: How the warehouse has compared already; None where it has not, and every row is here.

        Raises:
            KeysDiffer: The warehouse writes a key in another way than we do.
        """
        pieces = _cut(batches)
        first = next(pieces)
        rows = pa.RecordBatchReader.from_batches(first.schema, chain([first], pieces))
        self._drop("mapped", "staged", "gone")
        self._comparison, self._vouched = comparison, 0
        extra = _NOT_COMPARED if comparison is None else _COMPARED
        self._db.register("model_rows", rows)
        try:
            self._db.execute(
                "CREATE TEMP TABLE mapped AS SELECT *, md5_number(payload) AS checksum "  # noqa: S608 - quoted names
                f"FROM ({compiled.select('model_rows', extra)})"
            )
            self._db.execute(
                "CREATE TEMP TABLE staged AS SELECT m.rowid AS row, m.key, m.checksum, m.reject_code, m.reject_field, "
                "a.version, a.checksum IS NOT NULL AS is_known, a.checksum IS DISTINCT FROM m.checksum AS is_changed "
                "FROM mapped m LEFT JOIN acked a ON a.key = m.key WHERE NOT m.is_gone"
            )
            self._find_gone()
        except duckdb.Error as error:
            raise _translate(error) from error
        finally:
            self._db.unregister("model_rows")
        return (self._one("SELECT count(*) FROM staged") or 0) + self._vouched

    def _find_gone(self) -> None:
        """Make the table of keys that the SQL model no longer returns; count the rows that the warehouse left out."""
        if self._comparison is None or self._comparison.is_complete:
            self._db.execute(
                "CREATE TEMP TABLE gone AS SELECT key FROM acked "
                "WHERE checksum IS NOT NULL AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.key = acked.key)"
            )
        else:
            self._db.execute("CREATE TEMP TABLE gone AS SELECT warehouse_key AS key FROM mapped WHERE is_gone")
            touched = self._one("SELECT count(DISTINCT warehouse_key) FROM mapped WHERE is_known_there") or 0
            self._vouched = self._comparison.known - touched
        differ = "SELECT count(*) FROM mapped WHERE NOT is_gone AND key IS DISTINCT FROM warehouse_key"
        if self._comparison is not None and self._one(differ):
            raise KeysDiffer

    def commit_plan(self, run_id: str, mode: str, *, confirm_deletes: bool = False) -> int:
        """Commit what will be sent and what will not, in one transaction; return the number of planned records."""
        with self._transaction():
            self._compare(mode, confirm_deletes=confirm_deletes)
            self._take("mapped", "operation <> 'deleted'")
            self._take("acked", "operation = 'deleted'")
            if self._comparison is None:
                self.prints.distrust()  # what the warehouse holds, if anything, is not of this run
            elif self._comparison.is_complete or self._one("SELECT count(*) FROM mapped"):
                self.prints.distrust()
                self.prints.keep(self._comparison)
            self._put("phase", "planned")
            self._put("run_id", run_id)
            self._put("counts", orjson.dumps(self._count_staged()).decode())
        self._drop("mapped", "staged", "gone", "duplicated", "changes")
        return self.count_planned()

    def dry_run(self, mode: str, samples: int) -> tuple[dict[str, int], list[tuple[str, str, str | None, str | None]]]:
        """Return counts by operation, and up to `samples` (operation, key, before, after) each; write nothing."""
        self._compare(mode, confirm_deletes=True)
        due = self._db.execute("SELECT operation, count(*) FROM changes WHERE code IS NULL GROUP BY 1").fetchall()
        rejected = self._one("SELECT count(*) FROM changes WHERE reject_code IS NOT NULL")
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
        return {**dict(due), **self._count_staged(), "rejected": rejected or 0}, shown

    def _compare(self, mode: str, *, confirm_deletes: bool) -> None:
        """Make the temporary table `changes` from `staged`: what differs, and the `code` of what will not be sent.

        A change has no payload yet, only the `row` where it is: of `acked` for a deleted record, else of `mapped`.
        """
        due = ", ".join(literal(operation) for operation in DUE_OPERATIONS[mode])
        if not confirm_deletes and self._vouched == 0 and self._one("SELECT count(*) FROM staged") == 0:
            guard = "CASE WHEN operation = 'deleted' THEN 'empty_result_guard' END"
        else:
            guard = "NULL"
        self._db.execute(
            "CREATE OR REPLACE TEMP TABLE duplicated AS SELECT key FROM staged "
            "WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1"
        )
        self._db.execute(
            "CREATE OR REPLACE TEMP TABLE changes AS SELECT *, "  # noqa: S608 - our own words
            "CASE WHEN reject_code IS NOT NULL THEN reject_code "
            f"WHEN operation NOT IN ({due}) THEN 'mode_excludes_' || operation ELSE {guard} END AS code FROM ("
            "SELECT s.row, s.key, CASE WHEN s.is_known THEN 'updated' ELSE 'added' END AS operation, s.checksum, "
            f"coalesce(s.version, {self._base_version()}) + 1 AS version, s.reject_field, "
            "CASE WHEN s.reject_code IS NOT NULL THEN s.reject_code WHEN d.key IS NOT NULL THEN 'record_duplicate' END "
            "AS reject_code FROM staged s LEFT JOIN duplicated d ON d.key = s.key "
            "WHERE s.is_changed OR s.reject_code IS NOT NULL OR d.key IS NOT NULL "
            "UNION ALL BY NAME "
            "SELECT a.rowid AS row, a.key, 'deleted' AS operation, a.checksum, a.version + 1 AS version FROM acked a "
            "WHERE a.checksum IS NOT NULL AND EXISTS (SELECT 1 FROM gone g WHERE g.key = a.key))"
        )

    def _take(self, source: str, which: str) -> None:
        """Write the changes of which `source` has the payload to `plan` and `refused`, some rows at a time."""
        chunks = f"SELECT DISTINCT row // {CHUNK_ROWS} FROM changes WHERE {which} ORDER BY 1"  # noqa: S608 - our own words
        for (chunk,) in self._db.execute(chunks).fetchall():
            first, last = chunk * CHUNK_ROWS, (chunk + 1) * CHUNK_ROWS - 1
            changed = (
                f"(SELECT c.*, s.payload FROM changes c JOIN {source} s ON s.rowid = c.row WHERE {which} "  # noqa: S608
                f"AND c.row BETWEEN {first} AND {last} AND s.rowid BETWEEN {first} AND {last})"
            )
            self._db.execute(
                "INSERT INTO refused SELECT key, operation, "  # noqa: S608 - our own words
                "CASE WHEN reject_code IS NOT NULL THEN 'rejected' ELSE 'held' END, code, nullif(reject_field, ''), "
                f"payload, checksum FROM {changed} WHERE code IS NOT NULL"
            )
            self._db.execute(
                f"INSERT INTO plan SELECT {self.count_planned()} + row_number() OVER () AS seq, key, operation, "  # noqa: S608
                # hex(): DuckDB writes a 128-bit number in decimal at 70 µs a row, which was half of a first run
                f"version, checksum, 'msg_' || "
                f"md5(concat_ws(chr(31), {literal(self._sync_id)}, version, operation, hex(checksum), key)), payload "
                f"FROM {changed} WHERE code IS NULL"
            )

    def _count_staged(self) -> dict[str, int]:
        extracted, unchanged = self._db.execute(
            "SELECT count(*), coalesce(count_if(NOT s.is_changed AND s.reject_code IS NULL AND d.key IS NULL), 0) "
            "FROM staged s LEFT JOIN duplicated d ON d.key = s.key"
        ).fetchone() or (0, 0)
        return {"extracted": extracted + self._vouched, "unchanged": unchanged + self._vouched}

    # -- deliver -------------------------------------------------------------------------------------------------
    def count_planned(self) -> int:
        """Return how many records the plan holds."""
        return self._one("SELECT count(*) FROM plan") or 0

    def read_last_sent(self) -> int:
        """Return the number up to which the plan has been carried out."""
        return self._one("SELECT max(last_seq) FROM sent") or 0

    def iterate_plan(self, batch_records: int) -> Iterator[tuple[int, list[DeliveryRecord]]]:
        """Yield (last number, records) batch by batch, from where the plan was left."""
        last, total = self.read_last_sent(), self.count_planned()
        while last < total:
            until = min(last + batch_records, total)
            rows = self._db.execute(
                "SELECT key, operation, version, message_id, payload FROM plan WHERE seq BETWEEN ? AND ? ORDER BY seq",
                [last + 1, until],
            ).fetchall()
            yield (
                until,
                [
                    DeliveryRecord(key, Operation(operation), version, message_id, payload.encode())
                    for key, operation, version, message_id, payload in rows
                ],
            )
            last = until

    def acknowledge(self, last_seq: int, exceptions: Sequence[Undelivered]) -> None:
        """Commit that the plan has been carried out up to `last_seq`, all delivered but `exceptions`."""
        with self._transaction():
            self._db.execute("INSERT INTO sent VALUES (?)", [last_seq])
            if exceptions:
                self._db.executemany("INSERT INTO exceptions VALUES (?, ?, ?, ?)", [list(item) for item in exceptions])

    def hold_rest(self, code: str, message: str) -> None:
        """Commit that nothing more of the plan will be sent, and why."""
        with self._transaction():
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
        with self._transaction():
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
            self._put("phase", "closed")
            self._put("sheet", orjson.dumps(sheet.to_dict()).decode())
        self._drop("baseline")
        return sheet

    def read_closed_sheet(self) -> BalanceSheet:
        """Return the sheet of a plan that was closed before the process died."""
        return BalanceSheet.from_dict(orjson.loads(self._get("sheet") or "{}"))

    def _make_sheet(self) -> BalanceSheet:
        counts = orjson.loads(self._get("counts") or "{}")
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
            raise _translate(error) from error
        scratch.replace(path)

    # -- small things --------------------------------------------------------------------------------------------
    def count_acknowledged(self) -> int:
        """Return how many records the destination holds by our account."""
        return self._one("SELECT count(*) FROM acked WHERE checksum IS NOT NULL") or 0

    def _base_version(self) -> int:
        return int(self._get("base_version") or 0)

    def _get(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchone()
        return None if row is None else str(row[0])

    def _put(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])

    def _one(self, sql: str) -> int | None:
        row = self._db.execute(sql).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def _drop(self, *tables: str) -> None:
        for table in tables:
            self._db.execute(f"DROP TABLE IF EXISTS temp.{table}")

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    """Commits on the way out, or rolls back and translates what went wrong."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._db = database

    def __enter__(self) -> None:
        self._db.execute("BEGIN")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                self._db.execute("COMMIT")
            except duckdb.Error as problem:
                raise _translate(problem) from problem
            return
        self._db.execute("ROLLBACK")
        if isinstance(error, duckdb.Error):
            raise _translate(error) from error


def _cut(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in pieces of about `PIECE_BYTES`: DuckDB holds many copies of a piece while it maps it."""
    for batch in batches:
        step = max(1, batch.num_rows * PIECE_BYTES // max(batch.nbytes, 1))
        for start in range(0, max(batch.num_rows, 1), step):
            yield batch.slice(start, step)


def _translate(error: duckdb.Error) -> CoreError | duckdb.Error:
    text = str(error)
    if "No space left" in text or "Could not write" in text or "disk" in text.lower():
        return StorageFull(
            "The disk under ONRAMP_HOME is full; the run stopped.",
            hint="Free some space and start the sync again. What was acknowledged before is safe.",
        )
    return error
