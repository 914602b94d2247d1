"""Blocks: what a sync delivers at once is one row of the SQLite file, as compressed Arrow columns.

A row and an entry of the index of ids for each message were most of the time of a first sync. A block costs a tenth of
that (docs/decisions/0014); whoever reads the log gets the same events from it (`core/events/live.py`).

Duplicates are found by `keys`, checksums of the ids, and decided by the ids themselves. A block is looked at only for
messages of its own source. A producer sends its messages in one order and may, after an interruption, repeat the last
of them, as the idempotent producers of Kafka do; so of its own blocks only the newest are looked at.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from core.clock import from_millis, to_millis
from core.errors import StoreUnreadable
from core.events.entry import LogEntry, MessageBatch, StoredEvent

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS blocks (
    last INTEGER PRIMARY KEY,  -- offsets first to last
    first INTEGER NOT NULL,
    source_id TEXT NOT NULL,
    producer TEXT,
    type TEXT NOT NULL,
    received_at INTEGER NOT NULL,  -- ms since 1970
    keys BLOB NOT NULL,  -- the CRC-32 of each message id, in the order of the messages
    messages BLOB NOT NULL  -- Arrow stream
)""",
    "CREATE INDEX IF NOT EXISTS blocks_source ON blocks (source_id, producer, last, first)",
)
_SELECT = "SELECT last, first, source_id, type, received_at FROM blocks"
_INSERT = "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_COLUMNS = pa.schema({"message_id": pa.string(), "user_id": pa.string(), "body": pa.string()})
_KEY_BYTES = 4
_COMPRESSION = pa.Codec("zstd", 1)


@dataclass(frozen=True, slots=True)
class Block:
    """Which messages a block holds: offsets `first` to `last`, all of one source, type and time (ms since 1970)."""

    last: int
    first: int
    source_id: str
    type: str
    received_at: int

    def __len__(self) -> int:
        """Return how many messages it holds."""
        return self.last - self.first + 1

    def read(self, connection: sqlite3.Connection, first: int, last: int) -> pa.Table:
        """Return the columns message_id, user_id and body of the messages between two offsets.

        Raises:
            StoreUnreadable: The block is damaged.
        """
        (stream,) = connection.execute("SELECT messages FROM blocks WHERE last = ?", (self.last,)).fetchone()
        try:
            columns = pa.ipc.open_stream(stream).read_all()
        except (pa.ArrowInvalid, OSError) as error:
            raise StoreUnreadable(
                f"The messages {self.first} to {self.last} of the event log cannot be read: they are damaged.",
                hint="Restore the file of the event log from a backup. The other messages are whole.",
            ) from error
        start = max(first, self.first)
        return columns.slice(start - self.first, max(0, min(last, self.last) - start + 1))

    def read_keys(self, connection: sqlite3.Connection) -> pa.UInt32Array:
        """Return the checksums of its message ids, in the order of its messages."""
        (keys,) = connection.execute("SELECT keys FROM blocks WHERE last = ?", (self.last,)).fetchone()
        return _to_keys(keys)

    def read_events(self, connection: sqlite3.Connection, first: int, last: int) -> list[StoredEvent]:
        """Return the messages between two offsets, in offset order."""
        return self._make_events(self.read(connection, first, last), max(first, self.first))

    def get_events(self, connection: sqlite3.Connection, offsets: Sequence[int]) -> list[StoredEvent]:
        """Return the messages at `offsets`, which are all in this block."""
        columns = self.read(connection, self.first, self.last)
        return [self._make_events(columns.slice(offset - self.first, 1), offset)[0] for offset in offsets]

    def _make_events(self, columns: pa.Table, first: int) -> list[StoredEvent]:
        ids, users, bodies = columns["message_id"], columns["user_id"], columns["body"].cast(pa.binary())
        received_at = from_millis(self.received_at)
        rows = zip(ids.to_pylist(), users.to_pylist(), bodies.to_pylist(), strict=True)
        return [
            StoredEvent(offset, self.source_id, message_id, self.type, None, user_id, received_at, body)
            for offset, (message_id, user_id, body) in enumerate(rows, start=first)
        ]


@dataclass(frozen=True, slots=True)
class Draft:
    """A batch, ready to be written: made before the log is locked."""

    batch: MessageBatch
    keys: pa.UInt32Array
    stream: pa.Buffer

    def __len__(self) -> int:
        """Return how many messages it holds."""
        return len(self.keys)

    def leave_out(self, message_ids: pa.Array | pa.ChunkedArray) -> Draft:
        """Return the draft without the messages of these ids; the draft itself where it has none of them."""
        is_known = pc.is_in(self.batch.columns["message_id"], value_set=message_ids)
        if not pc.any(is_known).as_py():
            return self
        return draft_block(replace(self.batch, columns=self.batch.columns.filter(pc.invert(is_known))))


def draft_block(batch: MessageBatch) -> Draft:
    """Return the batch as it will be stored. O(messages)."""
    columns = batch.columns.select(_COLUMNS.names).cast(_COLUMNS).combine_chunks()
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=_COMPRESSION, use_threads=False)
    with pa.ipc.new_stream(sink, _COLUMNS, options=options) as writer:
        writer.write_table(columns)
    return Draft(batch, _hash_ids(columns["message_id"].to_pylist()), sink.getvalue())


def insert_block(connection: sqlite3.Connection, draft: Draft, first: int) -> None:
    """Write the block from offset `first` on."""
    batch, last = draft.batch, first + len(draft) - 1
    about = (batch.source_id, batch.producer, batch.type, to_millis(batch.received_at))
    stored = memoryview(draft.keys.buffers()[1]), memoryview(draft.stream)
    connection.execute(_INSERT, (last, first, *about, *stored))
    # what AUTOINCREMENT goes by, for the rows beside the blocks
    if not connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'events'", (last,)).rowcount:
        connection.execute("INSERT INTO sqlite_sequence VALUES ('events', ?)", (last,))


def leave_out_known(connection: sqlite3.Connection, draft: Draft) -> Draft:
    """Return the draft without the messages that a block holds already."""
    batch = draft.batch
    own = f"{_SELECT} WHERE source_id = ? AND producer = ? ORDER BY last DESC"
    for row in connection.execute(own, (batch.source_id, batch.producer)):
        rest = _leave_out(connection, draft, Block(*row))
        if rest is draft:
            break
        draft = rest
    others = f"{_SELECT} WHERE source_id = ?1 AND (?2 IS NULL OR producer IS NOT ?2)"
    for row in connection.execute(others, (batch.source_id, batch.producer)):
        draft = _leave_out(connection, draft, Block(*row))
    return draft


def find_in_blocks(connection: sqlite3.Connection, entries: Sequence[LogEntry]) -> dict[tuple[str, str], int]:
    """Return the offsets of those entries that a block holds already, by source and message id."""
    sources = orjson.dumps([*{entry.source_id for entry in entries}]).decode()
    sql = f"{_SELECT} WHERE source_id IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own table
    blocks = [Block(*row) for row in connection.execute(sql, (sources,))]
    found: dict[tuple[str, str], int] = {}
    for block in blocks:  # none, for what websites, apps and servers send
        ids = {entry.message_id for entry in entries if entry.source_id == block.source_id}
        is_hit = pc.is_in(block.read_keys(connection), value_set=_hash_ids(ids))
        places = pc.indices_nonzero(is_hit).to_pylist()
        events = block.get_events(connection, [block.first + place for place in places]) if places else ()
        found.update(((event.source_id, event.message_id), event.offset) for event in events if event.message_id in ids)
    return found


def count_in_blocks(connection: sqlite3.Connection, source_id: str, start: int) -> int:
    """Return how many messages of a source are in blocks, from offset `start` on."""
    sql = "SELECT coalesce(sum(last - max(first, ?1) + 1), 0) FROM blocks WHERE source_id = ?2 AND last >= ?1"
    count: int = connection.execute(sql, (start, source_id)).fetchone()[0]
    return count


def list_blocks(connection: sqlite3.Connection, first: int, last: int) -> list[Block]:
    """Return the blocks with a message between two offsets, oldest first."""
    sql = f"{_SELECT} WHERE last >= ? AND first <= ? ORDER BY last"
    return [Block(*row) for row in connection.execute(sql, (first, last))]


def find_block(connection: sqlite3.Connection, offset: int) -> Block | None:
    """Return the block that holds `offset`, else the next one."""
    row = connection.execute(f"{_SELECT} WHERE last >= ? ORDER BY last LIMIT 1", (offset,)).fetchone()
    return Block(*row) if row else None


def _leave_out(connection: sqlite3.Connection, draft: Draft, block: Block) -> Draft:
    if not pc.any(pc.is_in(draft.keys, value_set=block.read_keys(connection))).as_py():
        return draft
    return draft.leave_out(block.read(connection, block.first, block.last)["message_id"])


def _hash_ids(message_ids: Iterable[str]) -> pa.UInt32Array:
    # by way of bytes: pa.array() of a list loads pandas, 40 MB that a worker has no other use for
    return _to_keys(array("I", [crc32(message_id.encode()) for message_id in message_ids]).tobytes())


def _to_keys(raw: bytes) -> pa.UInt32Array:
    return pa.UInt32Array.from_buffers(pa.uint32(), len(raw) // _KEY_BYTES, [None, pa.py_buffer(raw)])
