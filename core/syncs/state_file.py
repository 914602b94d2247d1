"""The file of one sync's state: opening it, named values, transactions, and what a full disk is called."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import duckdb

from core.errors import CoreError, ResultTooLarge, StorageFull, StoreUnreadable
from core.mappings.engine import prepare_engine
from core.warehouses.embedded_errors import is_disk_full

MEMORY_STEPS_MB = (96, 192, 384, 768, 1536)
"""How much DuckDB alone may hold: the least that suffices. docs/benchmarks.md says what the process around it holds."""
MAX_SHARE_OF_MEMORY = 0.5
ROWS_TOO_WIDE = "rows_too_wide"
_VALUES = "CREATE TABLE IF NOT EXISTS meta (name VARCHAR PRIMARY KEY, value VARCHAR);"


class StateFile:
    """One DuckDB file, opened by its only user. `database` is the connection; a thread of its own uses one alone."""

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        spill = path.parent / f"{path.stem}.tmp"
        try:
            if not path.exists():
                _make_file(path, _VALUES + schema)
            limit = f"{MEMORY_STEPS_MB[0]}MB"
            self.database = duckdb.connect(
                str(path), config={"memory_limit": limit, "threads": 2, "temp_directory": str(spill)}
            )
            prepare_engine(self.database)
            self.database.execute("SET preserve_insertion_order = false")
            self.database.execute(_VALUES + schema)
            self._limit_memory(int(self.get("memory_mb") or MEMORY_STEPS_MB[0]))
        except duckdb.Error as error:
            known = translate(error)
            if isinstance(known, StorageFull):
                raise known from error
            raise StoreUnreadable(
                "The state of this sync cannot be opened.",
                hint="Another program may hold the file; stop it, then try again.",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def get(self, name: str) -> str | None:
        """Return a named value."""
        rows = self.database.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchall()
        return str(rows[0][0]) if rows else None

    def put(self, name: str, value: str) -> None:
        """Set a named value."""
        self.database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])

    def enlarge(self) -> bool:
        """Give DuckDB the next step of memory, now and in later runs; return False where this machine has no more."""
        more = [step for step in MEMORY_STEPS_MB if self._memory_mb < step <= _count_memory_mb() * MAX_SHARE_OF_MEMORY]
        if not more:
            return False
        self._limit_memory(more[0])
        self.put("memory_mb", str(more[0]))
        return True

    def _limit_memory(self, limit_mb: int) -> None:
        self._memory_mb = limit_mb
        self.database.execute(f"SET memory_limit = '{limit_mb}MB'")

    def one(self, sql: str) -> int | None:
        """Return the one number that a query gives."""
        # all of it: a result that is not read to its end keeps the connection busy
        rows = self.database.execute(sql).fetchall()
        return None if not rows or rows[0][0] is None else int(rows[0][0])

    def drop(self, *tables: str) -> None:
        """Drop temporary tables."""
        for table in tables:
            self.database.execute(f"DROP TABLE IF EXISTS temp.{table}")

    def transaction(self) -> Transaction:
        """Return a block that is written whole or not at all."""
        return Transaction(self.database)


class Transaction:
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
                raise translate(problem) from problem
            return
        with suppress(duckdb.Error):  # a full disk may have ended the transaction, or the whole connection, already
            self._db.execute("ROLLBACK")
        if isinstance(error, duckdb.Error):
            raise translate(error) from error


def translate(error: duckdb.Error) -> CoreError | duckdb.Error:
    """Return what a person can act on: a full disk, rows too wide; any other failure stays what it is."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return ResultTooLarge(
            "The rows are too wide to be compared in the memory of this machine.",
            code=ROWS_TOO_WIDE,
            hint="Map fewer or shorter columns, or select fewer rows; what was delivered before is not sent again.",
        )
    if is_disk_full(error):
        return StorageFull(
            "The disk under ONRAMP_HOME is full; the run stopped.",
            hint="Free some space and start the sync again. What was acknowledged before is safe.",
        )
    return error


def _make_file(path: Path, schema: str) -> None:
    # Whole under another name, then renamed: a file that a full disk or a kill left half made could never be opened.
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    try:
        with duckdb.connect(str(draft)) as database:
            database.execute(schema)
            database.execute("CHECKPOINT")
        draft.replace(path)
    finally:
        for left in (draft, draft.with_name(f"{draft.name}.wal")):
            left.unlink(missing_ok=True)


def _count_memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
