"""The event log: the one way into a profile. A row's number is its offset; a reader keeps its own offset.

SQLite in WAL mode with synchronous FULL, in a file of its own: what `append` returned is on the disk. Offsets are
given out under the write lock, so a reader never sees a later offset before an earlier one.

Duplicates are found by an index over a 63-bit hash of (source, message id) and then compared in full: an index over
the texts themselves is seven times as large, and its pages, not the messages, were what the disk had to write.

A day that is over moves to a Parquet file (`core/events/history`); what reads the log sees no difference.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import sqlite3
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path

import orjson
import pyarrow as pa

from core.clock import to_millis
from core.events.blocks import SCHEMA as BLOCKS_SCHEMA
from core.events.blocks import (
    Draft,
    count_in_blocks,
    find_in_blocks,
    insert_block,
    leave_out_known,
)
from core.events.counts import SCHEMA as COUNTS_SCHEMA
from core.events.counts import add_batch_count, add_counts
from core.events.entry import COLUMNS, LogEntry, StoredEvent
from core.events.history.drop import truncate
from core.events.history.layout import SCHEMA as HISTORY_SCHEMA
from core.events.history.layout import read_last_offset, read_start
from core.events.history.read import get_events, read_events
from core.events.history.search import Criteria, search_events
from core.events.log_file import LogFile, insert_rows
from core.events.refused import SCHEMA as REFUSED_SCHEMA
from core.events.refused import Refusal, insert_refusals
from core.workspaces.workspace import Workspace

__all__ = ["EventLog", "LogEntry", "StoredEvent", "open_event_log"]

MAX_OPEN_LOGS = 16
ENTRIES_A_PIECE = 5_000  # what a commit of the ingest holds

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS events (
    offset INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, even after a truncate
    key_hash INTEGER NOT NULL,  -- of source_id and message_id
    source_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    type TEXT NOT NULL,
    name TEXT,
    user_id TEXT,
    received_at INTEGER NOT NULL,  -- ms since 1970
    body BLOB NOT NULL
)""",
    "CREATE INDEX IF NOT EXISTS events_key ON events (key_hash)",
    "CREATE TABLE IF NOT EXISTS source_counts (source_id TEXT PRIMARY KEY, events INTEGER NOT NULL) WITHOUT ROWID",
)
_FIND = "SELECT source_id, message_id, offset FROM events WHERE key_hash IN (SELECT value FROM json_each(?))"
_COUNT = (
    "INSERT INTO source_counts VALUES (?, ?) ON CONFLICT (source_id) DO UPDATE SET events = events + excluded.events"
)


class EventLog(LogFile):
    """The log in the file `path`. Share it between threads; several processes may open the same file."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path, (*_SCHEMA, *BLOCKS_SCHEMA, *HISTORY_SCHEMA, *REFUSED_SCHEMA, *COUNTS_SCHEMA))

    def append(self, entries: Iterable[LogEntry], refusals: Sequence[Refusal] = ()) -> list[int]:
        """Write `entries` and `refusals` durably, all or none, and return the offset of each entry.

        A message that the log has already, by source and message id, is not written again: its first offset is
        returned. Entries are taken a piece at a time: many are best made as they are asked for. Complexity:
        O(n log size).

        Raises:
            StorageFull: The disk is full; nothing was written.
        """
        rest = iter(entries)
        piece = list(islice(rest, ENTRIES_A_PIECE))
        offsets: list[int] = []
        if not piece and not refusals:
            return offsets
        with self.writing() as connection:
            if refusals:
                insert_refusals(connection, refusals)
                add_counts(connection, (), refusals)
            while piece:
                found, new = _insert(connection, piece)
                add_counts(connection, new, ())
                offsets += found
                piece = list(islice(rest, ENTRIES_A_PIECE))
        return offsets

    def append_batch(self, draft: Draft) -> int:
        """Write the messages of a batch durably, all or none, and return how many of them are new to the log.

        They become one block (`core/events/blocks.py`): a small part of the work of as many entries. O(messages).

        Raises:
            StorageFull: The disk is full; nothing was written.
        """
        batch = draft.batch
        if not len(draft):
            return 0
        with self.writing() as connection:
            draft = _leave_out_rows(connection, leave_out_known(connection, draft))
            if len(draft):
                insert_block(connection, draft, read_last_offset(connection) + 1)
                connection.execute(_COUNT, (batch.source_id, len(draft)))
                add_batch_count(connection, batch, len(draft))
        return len(draft)

    def read(self, after: int, limit: int) -> list[StoredEvent]:
        """Return the next `limit` messages with an offset greater than `after`, in offset order."""
        return read_events(self, after, limit)

    def get_many(self, offsets: Sequence[int]) -> list[StoredEvent]:
        """Return the messages at `offsets`, in the order asked for; offsets that do not exist are left out."""
        found = get_events(self, offsets)
        return [found[offset] for offset in offsets if offset in found]

    def last_offset(self) -> int:
        """Return the offset of the newest message ever written; 0 for an empty log."""
        with self.borrow() as connection:
            return read_last_offset(connection)

    def search(
        self,
        *,
        text: str | None = None,
        source_id: str | None = None,
        type: str | None = None,
        name: str | None = None,
        user_id: str | None = None,
        before: int | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[StoredEvent]:
        """Return the newest `limit` messages, newest first, that hold `text` anywhere and match the filters.

        Args:
            text: Part of the message's JSON, from the start of a word on; the letter case of A-Z does not matter.
            source_id: Only messages of this source.
            type: Only messages of this type: `identify`, `track`, ...
            name: Only messages with this name: the event of a track call, the name of a page or screen.
            user_id: Only messages with this `userId`.
            before: Only offsets below this one: the last offset of the page before.
            after: Only offsets above this one: the newest that is known already.
            limit: Page size; unit: messages.
        """
        return search_events(self, Criteria(text, source_id, type, name, user_id), before, limit, after=after).events

    def count_by_source(self) -> dict[str, int]:
        """Return how many messages of each source the log holds. O(sources), not O(messages)."""
        with self.borrow() as connection:
            return dict(connection.execute("SELECT source_id, events FROM source_counts WHERE events > 0"))

    def truncate(self, before: int) -> int:
        """Drop the messages with an offset below `before` and return how many; offsets are not given again.

        A dropped message's id is forgotten, so keep at least the last 24 hours.
        """
        return truncate(self, before)


def open_event_log(workspace: Workspace) -> EventLog:
    """Return the workspace's event log: one object for each process and file, safe to share between threads."""
    key = (os.getpid(), str(workspace.home.events_db))  # a connection must not cross a fork
    with _open_logs_lock:
        log = _open_logs.get(key)
        if log is None:
            log = _open_logs[key] = EventLog(workspace.home.events_db)
        _open_logs.move_to_end(key)
        if len(_open_logs) > MAX_OPEN_LOGS:
            _oldest, idle_log = _open_logs.popitem(last=False)
            idle_log.close()
    return log


_open_logs: OrderedDict[tuple[int, str], EventLog] = OrderedDict()
_open_logs_lock = threading.Lock()


@atexit.register
def _close_all() -> None:
    for (pid, _path), log in _open_logs.items():
        if pid == os.getpid():  # closing a parent's connection would drop the parent's file locks
            log.close()


def _insert(connection: sqlite3.Connection, entries: list[LogEntry]) -> tuple[list[int], list[LogEntry]]:
    hashes = [_hash_key(entry.source_id, entry.message_id) for entry in entries]
    rows = connection.execute(_FIND, (orjson.dumps(hashes).decode(),))
    known: dict[tuple[str, str], int] = {(source_id, message_id): offset for source_id, message_id, offset in rows}
    known |= find_in_blocks(connection, entries)
    offset = read_last_offset(connection)
    offsets, new, new_rows = list[int](), list[LogEntry](), list[tuple[object, ...]]()
    for entry, key_hash in zip(entries, hashes, strict=True):
        source_id, message_id, type_, name, user_id, received_at, body, _app_version = entry
        key = source_id, message_id
        first = known.get(key)
        if first is None:
            offset += 1
            first = known[key] = offset
            new.append(entry)
            row = (first, source_id, message_id, type_, name, user_id, to_millis(received_at), body, key_hash)
            new_rows.append(row)
        offsets.append(first)
    insert_rows(connection, f"INSERT INTO events ({COLUMNS}, key_hash)", new_rows)
    connection.executemany(_COUNT, Counter(map(itemgetter(0), new)).items())
    return offsets, new


def _leave_out_rows(connection: sqlite3.Connection, draft: Draft) -> Draft:
    """Return the draft without the messages that are rows of their own already."""
    source_id = draft.batch.source_id
    row = connection.execute("SELECT events FROM source_counts WHERE source_id = ?", (source_id,)).fetchone()
    if not row or row[0] <= count_in_blocks(connection, source_id, read_start(connection)):
        return draft  # all that the source sent is in blocks
    message_ids = draft.batch.columns["message_id"].to_pylist()
    hashes = [_hash_key(source_id, message_id) for message_id in message_ids]
    rows = connection.execute(_FIND, (orjson.dumps(hashes).decode(),))
    known = [message_id for source, message_id, _offset in rows if source == source_id]
    return draft.leave_out(pa.array(known, pa.string()))


def _hash_key(source_id: str, message_id: str) -> int:
    digest = hashlib.blake2b(f"{source_id}\0{message_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
