"""The rows of one run, mapped and compared with what was acknowledged, in temporary tables of the state's file.

- `mapped`: a row each, with its payload; `staged`: the same without payloads, because a join that does not fit into
  memory writes its rows to the disk, and its memory grows with their width.
- `gone`: keys that the SQL model no longer returns.
- `changes`: what differs, and the code of what will not be sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import chain

import duckdb
import pyarrow as pa

from core.errors import CoreError
from core.mappings.compile import CompiledMapping, literal
from core.mappings.engine import note_failure
from core.syncs.diff.dialect import IS_GONE, IS_KNOWN, KEY, PRINT
from core.syncs.prints import Comparison
from core.syncs.state_file import StateFile, translate
from core.workspaces.suppression import SUPPRESSED_CODE

PIECE_BYTES = 256 * 1024
CHUNK_ROWS = 122_880  # of one DuckDB row group: more rows would be read for the same chunk
GROUPED_KEYS = 1_000_000  # at once: ten million were more than the memory limit has room for (measured)
DUE_OPERATIONS = {
    "add": ("added",),
    "update": ("updated",),
    "upsert": ("added", "updated"),
    "delete": ("deleted",),
    "mirror": ("added", "updated", "deleted"),
}
# what the warehouse says of a row, beside the columns of the mapping
_COMPARED = (
    f'"{PRINT}" AS print, CAST("{KEY}" AS VARCHAR) AS warehouse_key, "{IS_KNOWN}" AS is_known_there, '
    f'"{IS_GONE}" AS is_gone'
)
_NOT_COMPARED = "NULL AS print, NULL AS warehouse_key, false AS is_known_there, false AS is_gone"


class KeysDiffer(Exception):
    """The warehouse writes a key as another text than we do, so it cannot say which of our records are gone."""


class KeysShared(Exception):
    """Rows share a key, and the warehouse has left some of them out."""


class Staging:
    """The rows of one run of the sync `sync_id`."""

    def __init__(self, file: StateFile, sync_id: str) -> None:
        self._file = file
        self._db = file.database
        self._sync_id = sync_id
        self.comparison: Comparison | None = None
        self._vouched = 0

    def stage(
        self,
        batches: Iterable[pa.RecordBatch],
        compiled: CompiledMapping,
        comparison: Comparison | None = None,
        suppressed: Collection[str] = (),
    ) -> int:
        """Map all rows and compare each with what was acknowledged; return the number of rows of the SQL model.

        Args:
            batches: The rows; with `comparison` they carry the columns of `core.syncs.diff.dialect`.
            compiled: The mapping.
            comparison: How the warehouse has compared already; None where it has not, and every row is here.
            suppressed: User ids whose rows are not sent; nothing of such a row is kept but that there was one.

        Raises:
            KeysDiffer: The warehouse writes a key in another way than we do.
            CoreError: What reading the batches raised.
        """
        failures: list[CoreError] = []
        pieces = note_failure(_cut(batches), failures)
        first = next(pieces)
        rows = pa.RecordBatchReader.from_batches(first.schema, chain([first], pieces))
        self._file.drop("mapped", "staged", "gone")
        self.comparison, self._vouched = comparison, 0
        extra = _NOT_COMPARED if comparison is None else _COMPARED
        self._db.register("model_rows", rows)
        try:
            self._db.execute(
                "CREATE TEMP TABLE mapped AS SELECT *, md5_number(payload) AS checksum "  # noqa: S608 - quoted names
                f"FROM ({compiled.select('model_rows', extra)})"
            )
            self._leave_out(suppressed)
            self._db.execute(
                "CREATE TEMP TABLE staged AS SELECT m.rowid AS row, m.key, m.checksum, m.reject_code, m.reject_field, "
                "a.version, a.checksum IS NOT NULL AS is_known, a.checksum IS DISTINCT FROM m.checksum AS is_changed "
                "FROM mapped m LEFT JOIN acked a ON a.key = m.key WHERE NOT m.is_gone"
            )
            self._find_gone()
        except duckdb.Error as error:
            raise (failures[0] if failures else translate(error)) from error
        finally:
            self._db.unregister("model_rows")
        return (self._file.one("SELECT count(*) FROM staged") or 0) + self._vouched

    def _leave_out(self, suppressed: Collection[str]) -> None:
        if suppressed:
            self._db.execute(
                f"UPDATE mapped SET reject_code = '{SUPPRESSED_CODE}', reject_field = NULL, payload = NULL "  # noqa: S608
                "WHERE json_extract_string(payload, '$.user_id') IN (SELECT unnest(?))",
                [list(suppressed)],
            )

    def _find_gone(self) -> None:
        """Make the table of keys that the SQL model no longer returns; count the rows that the warehouse left out."""
        if self.comparison is None or self.comparison.is_complete:
            self._db.execute(
                "CREATE TEMP TABLE gone AS SELECT key FROM acked "
                "WHERE checksum IS NOT NULL AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.key = acked.key)"
            )
        else:
            self._db.execute("CREATE TEMP TABLE gone AS SELECT warehouse_key AS key FROM mapped WHERE is_gone")
            touched = self._file.one("SELECT count(DISTINCT warehouse_key) FROM mapped WHERE is_known_there") or 0
            self._vouched = self.comparison.known - touched
        differ = "SELECT count(*) FROM mapped WHERE NOT is_gone AND key IS DISTINCT FROM warehouse_key"
        if self.comparison is not None and self._file.one(differ):
            raise KeysDiffer

    def _find_duplicated(self) -> None:
        """Make the table of keys that several rows share, some of the keys at a time."""
        self._db.execute("CREATE OR REPLACE TEMP TABLE duplicated (key VARCHAR)")
        parts = (self._file.one("SELECT count(*) FROM staged") or 0) // GROUPED_KEYS + 1
        for part in range(parts):
            self._db.execute(
                f"INSERT INTO duplicated SELECT key FROM staged WHERE key IS NOT NULL AND hash(key) % {parts} = {part} "  # noqa: S608
                "GROUP BY key HAVING count(*) > 1"
            )

    def compare(self, mode: str, base_version: int, *, confirm_deletes: bool) -> None:
        """Make the temporary table `changes` from `staged`: what differs, and the `code` of what will not be sent.

        A change has no payload yet, only the `row` where it is: of `acked` for a deleted record, else of `mapped`.
        """
        due = ", ".join(literal(operation) for operation in DUE_OPERATIONS[mode])
        if not confirm_deletes and self._vouched == 0 and self._file.one("SELECT count(*) FROM staged") == 0:
            guard = "CASE WHEN operation = 'deleted' THEN 'empty_result_guard' END"
        else:
            guard = "NULL"
        self._find_duplicated()
        self._db.execute(
            "CREATE OR REPLACE TEMP TABLE changes AS SELECT *, "  # noqa: S608 - our own words
            "CASE WHEN reject_code IS NOT NULL THEN reject_code "
            f"WHEN operation NOT IN ({due}) THEN 'mode_excludes_' || operation ELSE {guard} END AS code FROM ("
            "SELECT s.row, s.key, CASE WHEN s.is_known THEN 'updated' ELSE 'added' END AS operation, s.checksum, "
            f"coalesce(s.version, {base_version}) + 1 AS version, s.reject_field, "
            "CASE WHEN s.reject_code IS NOT NULL THEN s.reject_code WHEN d.key IS NOT NULL THEN 'record_duplicate' END "
            "AS reject_code FROM staged s LEFT JOIN duplicated d ON d.key = s.key "
            "WHERE s.is_changed OR s.reject_code IS NOT NULL OR d.key IS NOT NULL "
            "UNION ALL BY NAME "
            "SELECT a.rowid AS row, a.key, 'deleted' AS operation, a.checksum, a.version + 1 AS version FROM acked a "
            "WHERE a.checksum IS NOT NULL AND EXISTS (SELECT 1 FROM gone g WHERE g.key = a.key))"
        )

    def take(self, source: str, which: str) -> None:
        """Write the changes of which `source` has the payload to `plan` and `refused`, some rows at a time."""
        chunks = f"SELECT DISTINCT row // {CHUNK_ROWS} FROM changes WHERE {which} ORDER BY 1"  # noqa: S608 - our own words
        for (chunk,) in self._db.execute(chunks).fetchall():
            first, last = chunk * CHUNK_ROWS, (chunk + 1) * CHUNK_ROWS - 1
            changed = (
                f"(SELECT c.*, s.payload FROM changes c JOIN {source} s ON s.rowid = c.row WHERE {which} "  # noqa: S608
                f"AND c.row BETWEEN {first} AND {last} AND s.rowid BETWEEN {first} AND {last})"
            )
            self._db.execute(
                f"INSERT INTO refused SELECT CASE WHEN code = '{SUPPRESSED_CODE}' THEN '(suppressed)' ELSE key END, "  # noqa: S608
                "operation, "
                "CASE WHEN reject_code IS NOT NULL THEN 'rejected' ELSE 'held' END, code, nullif(reject_field, ''), "
                f"payload, checksum FROM {changed} WHERE code IS NOT NULL"
            )
            last_seq = self._file.one("SELECT count(*) FROM plan") or 0
            self._db.execute(
                f"INSERT INTO plan SELECT {last_seq} + row_number() OVER () AS seq, key, operation, "  # noqa: S608
                # hex(): DuckDB writes a 128-bit number in decimal at 70 µs a row, which was half of a first run
                f"version, checksum, 'msg_' || "
                f"md5(concat_ws(chr(31), {literal(self._sync_id)}, version, operation, hex(checksum), key)), payload "
                f"FROM {changed} WHERE code IS NULL"
            )

    def count(self) -> dict[str, int]:
        """Return how many rows there are, and how many of them have not changed."""
        extracted, unchanged = self._db.execute(
            "SELECT count(*), coalesce(count_if(NOT s.is_changed AND s.reject_code IS NULL AND d.key IS NULL), 0) "
            "FROM staged s LEFT JOIN duplicated d ON d.key = s.key"
        ).fetchone() or (0, 0)
        return {"extracted": extracted + self._vouched, "unchanged": unchanged + self._vouched}

    def has_rows(self) -> bool:
        """Say whether any row came, or any key is gone."""
        return bool(self._file.one("SELECT count(*) FROM mapped"))

    def drop(self) -> None:
        """Let go of the tables."""
        self._file.drop("mapped", "staged", "gone", "duplicated", "changes")


def _cut(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in pieces of about `PIECE_BYTES`: DuckDB holds many copies of a piece while it maps it."""
    for batch in batches:
        step = max(1, batch.num_rows * PIECE_BYTES // max(batch.nbytes, 1))
        for start in range(0, max(batch.num_rows, 1), step):
            yield batch.slice(start, step)
