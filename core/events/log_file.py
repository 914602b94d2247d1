"""The SQLite file under the event log: connections to borrow, one writer at a time, and vendor errors translated.

WAL mode with synchronous FULL: what a finished `writing` block wrote is on the disk.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import orjson

from core.errors import StorageFull, StoreUnreadable
from core.storage.bulk import cut_rows

BUSY_TIMEOUT_S = 30.0
CHECKPOINT_PAGES = 16_000  # 64 MB: the pages of the hash index change often, and are written back once for many batches


class LogFile:
    """The file `path`, with the tables of `schema`. Share it between threads; several processes may open the same file.

    Connections are borrowed for one operation and kept for the next, so a thread that ends leaves none behind.
    """

    def __init__(self, path: Path | str, schema: Sequence[str]) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._generation = 0
        with self.writing() as connection:
            for statement in schema:
                connection.execute(statement)

    def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._generation += 1
        for connection in idle:
            connection.close()

    @contextmanager
    def borrow(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for reading.

        Raises:
            StorageFull, StoreUnreadable: The disk or the file failed.
        """
        with self._lock:
            generation = self._generation
            connection = self._idle.pop() if self._idle else None
        connection = connection or _connect(self.path)
        try:
            yield connection
        except sqlite3.OperationalError as error:
            raise _translate(error) from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            with self._lock:
                is_kept = generation == self._generation
                if is_kept:
                    self._idle.append(connection)
            if not is_kept:
                connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection inside a transaction that is durable when the block ends, and undone when it raises."""
        # SQLite's own waiting sleeps up to 100 ms between tries; in the lock file's queue the next one wakes at once.
        with self.borrow() as connection, self.path.with_suffix(".lock").open("w") as queue:
            fcntl.flock(queue, fcntl.LOCK_EX)
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")


def insert_rows(connection: sqlite3.Connection, insert: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Run `insert`, an INSERT up to its VALUES, for `rows`.

    Many rows go into one statement: between two statements the thread gives up Python's lock, and waits 5 ms for it
    while the event loop of the ingest is busy.
    """
    for piece in cut_rows(rows):
        values = f"({', '.join('?' * len(rows[0]))})"
        statement = f"{insert} VALUES {', '.join([values] * len(piece))}"
        connection.execute(statement, list(chain.from_iterable(piece)))


def like_pattern(text: str) -> str:
    """Return the LIKE pattern, escaped by `!`, that finds `text` inside a JSON document."""
    inside = orjson.dumps(text).decode()[1:-1]  # as the text stands inside the JSON: quotes and newlines escaped
    for special in "!%_":
        inside = inside.replace(special, f"!{special}")
    return f"%{inside}%"


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "cache_size=-16000",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.DatabaseError as error:
        raise _translate(error) from error
    return connection


def _translate(error: sqlite3.DatabaseError) -> Exception:
    text = str(error).lower()
    # A write beyond a quota, and shared memory for which there is no room, come as an input/output error
    if "full" in text or "no space" in text or "disk i/o" in text:
        return StorageFull(
            "The disk under ONRAMP_HOME is full or failing; no event was written.",
            hint="Free some space, then try again. Events that were accepted before are safe.",
        )
    if "unable to open" in text or "not a database" in text or "malformed" in text or "readonly" in text:
        return StoreUnreadable(
            "The event log cannot be opened.", hint="Check the folder's permissions, or restore it from a backup."
        )
    return error
