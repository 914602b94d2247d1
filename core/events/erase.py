"""Taking messages out of the middle of the log: rows, blocks, files of closed days, word files, refused events.

Offsets stay as they are: a block is cut into the pieces around what went, a day's file is written again without it. New
files are on the disk before one transaction makes them part of the log and takes the rows away; files that no row knows
any more are removed after it. So a kill leaves the log with all of the messages or without them, and the work can be
done again. The caller holds the lease `history`: nobody closes a day or removes files meanwhile.
"""

from __future__ import annotations

import sqlite3
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.clock import from_millis
from core.errors import StateError
from core.events.blocks import Block, draft_block, insert_block, list_blocks
from core.events.entry import MessageBatch, StoredEvent, to_row
from core.events.history.close import remove_strays
from core.events.history.day_file import ROW_GROUP_EVENTS, read_day_file, to_table, write_day_file
from core.events.history.layout import (
    ClosedFile,
    history_folder,
    list_closed_files,
    list_word_files,
    read_layout,
)
from core.events.history.read import snapshot
from core.events.log_file import LogFile
from core.events.received import Received
from core.events.refused import search_refused

MIN_NEEDLE_CHARS = 5
"""A shorter value is no sign of a person: it stands in messages of many."""
CHECKPOINT_TRIES = 20
CHECKPOINT_PAUSE_S = 0.25
_ROWS = "SELECT offset, user_id, body FROM events WHERE offset > ? ORDER BY offset LIMIT 5000"


class Marks:
    """How messages of a person are known: by their user ids, and by values that no one else has.

    Attributes:
        user_ids: Compared exactly with a message's `userId`.
        needles: The values (e-mail addresses, phone numbers, device ids and the like) as whole texts of a message's
            JSON, in lower case; none of less than `MIN_NEEDLE_CHARS` characters.
    """

    def __init__(self, user_ids: Collection[str], values: Collection[str]) -> None:
        self.user_ids = frozenset(user_ids)
        self.needles = tuple(
            orjson.dumps(each).decode().lower() for each in sorted(set(values)) if len(each) >= MIN_NEEDLE_CHARS
        )

    def find(self, user_id: str | None, body: bytes) -> bool:
        """Say whether a message has one of the user ids, or holds one of the values."""
        if user_id is not None and user_id in self.user_ids:
            return True
        lower = body.decode(errors="replace").lower()  # of bytes, only A to Z would become small
        return any(needle in lower for needle in self.needles)


def scan_log(log: LogFile, marks: Marks) -> Iterator[tuple[int, str | None]]:
    """Yield offset and user id of every message that `marks` find, in the order of where they lie. O(log)."""
    with snapshot(log) as connection:
        layout = read_layout(connection)
        files = [file for file in list_closed_files(connection) if file.last >= layout.start]
        blocks = list_blocks(connection, layout.live_first, layout.last)
    for file in files:
        yield from _scan_file(log, file, marks)
    for block in blocks:
        with log.borrow() as connection:
            if connection.execute("SELECT 1 FROM blocks WHERE last = ?", (block.last,)).fetchone() is None:
                continue  # closed meanwhile: the caller's lease keeps that away
            columns = block.read(connection, block.first, block.last)
        yield from _match(columns, pa.array(range(block.first, block.last + 1), pa.int64()), marks)
    after = 0
    while True:
        with log.borrow() as connection:
            rows = connection.execute(_ROWS, (after,)).fetchall()
        if not rows:
            return
        yield from ((offset, user_id) for offset, user_id, body in rows if marks.find(user_id, bytes(body)))
        after = rows[-1][0]


def erase_messages(log: LogFile, offsets: Collection[int]) -> int:
    """Take the messages at `offsets` out of the log and return how many there were.

    Complexity: O(files and blocks that hold one of them).
    """
    wanted = sorted(set(offsets))
    if not wanted:
        return 0
    with snapshot(log) as connection:
        layout = read_layout(connection)
        holding = [file for file in list_closed_files(connection) if _overlaps(file.first, file.last, wanted)]
    rewritten = [made for file in holding if (made := _rewrite(log, file, set(wanted))) is not None]
    with log.writing() as connection:
        connection.execute("PRAGMA secure_delete=ON")
        gone: Counter[str] = Counter()
        for old, new, sources in rewritten:
            gone.update(source_id for offset, source_id in sources if offset < layout.live_first)
            values = (new.name, orjson.dumps(new.counts).decode(), old.first)
            connection.execute("UPDATE closed_files SET name = ?, counts = ? WHERE first = ?", values)
        _cut_blocks(connection, wanted, gone)
        gone.update(_delete_rows(connection, wanted))
        words = [file for file in list_word_files(connection) if _overlaps(file.first, file.last, wanted)]
        connection.executemany("DELETE FROM word_files WHERE first = ?", [(file.first,) for file in words])
        sql = "UPDATE source_counts SET events = events - ? WHERE source_id = ?"
        connection.executemany(sql, [(count, source_id) for source_id, count in gone.items()])
    remove_strays(log)
    return gone.total()


def erase_refused(log: LogFile, matches: Callable[[Received], bool]) -> int:
    """Take refused events out and return how many went. O(refused events)."""
    gone, before = 0, None
    while True:
        found = search_refused(log, before=before, limit=1_000)
        if not found:
            return gone
        numbers = [(event.number,) for event in found if matches(event)]
        if numbers:
            with log.writing() as connection:
                connection.execute("PRAGMA secure_delete=ON")
                connection.executemany("DELETE FROM refused_events WHERE number = ?", numbers)
        gone, before = gone + len(numbers), found[-1].number


def compact(log: LogFile) -> None:
    """Write the file anew without what was deleted, and empty its write-ahead log; writers wait meanwhile.

    Raises:
        StateError: Somebody reads the log for so long that its write-ahead log cannot be emptied; try again.
    """
    with log.writing() as connection:
        connection.execute("COMMIT")  # the lock file keeps writers away; VACUUM wants no transaction
        connection.execute("VACUUM")
        connection.execute("BEGIN IMMEDIATE")
    with log.borrow() as connection:
        empty_wal(connection)


def empty_wal(connection: sqlite3.Connection) -> None:
    """Bring a SQLite file's write-ahead log into the file and cut it to nothing.

    Raises:
        StateError: Somebody reads for too long; try again.
    """
    for _ in range(CHECKPOINT_TRIES):
        if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0:
            return
        time.sleep(CHECKPOINT_PAUSE_S)
    raise StateError(
        "The write-ahead log of a file could not be emptied: somebody has read it for several seconds.",
        code="store_busy",
        hint="Nothing is lost; the worker tries again.",
    )


def _scan_file(log: LogFile, file: ClosedFile, marks: Marks) -> Iterator[tuple[int, str | None]]:
    with pq.ParquetFile(history_folder(log.path) / file.name) as opened:
        for group in range(opened.metadata.num_row_groups):
            table = opened.read_row_group(group, columns=["offset", "user_id", "body"], use_threads=False)
            yield from _match(table, table["offset"], marks)


def _match(table: pa.Table, offsets: pa.Array | pa.ChunkedArray, marks: Marks) -> Iterator[tuple[int, str | None]]:
    hit = pc.is_in(table["user_id"], value_set=pa.array(sorted(marks.user_ids), pa.string()))
    for needle in marks.needles:
        hit = pc.or_(hit, pc.match_substring(table["body"], needle, ignore_case=True))
    found = pc.indices_nonzero(hit)
    users = table["user_id"].take(found).to_pylist()
    yield from zip(offsets.take(found).to_pylist(), users, strict=True)


def _overlaps(first: int, last: int, wanted: Sequence[int]) -> bool:
    place = bisect_left(wanted, first)
    return place < len(wanted) and wanted[place] <= last


def _rewrite(
    log: LogFile, file: ClosedFile, wanted: set[int]
) -> tuple[ClosedFile, ClosedFile, list[tuple[int, str]]] | None:
    folder = history_folder(log.path)
    gone: list[tuple[int, str]] = []

    def read_kept() -> Iterator[pa.Table]:
        after = file.first - 1
        while events := read_day_file(folder / file.name, after, ROW_GROUP_EVENTS):
            gone.extend((event.offset, event.source_id) for event in events if event.offset in wanted)
            yield to_table([to_row(event) for event in events if event.offset not in wanted])
            after = events[-1].offset

    stem, _, number = file.name.removesuffix(".parquet").partition(".")
    name = f"{stem}.{int(number or 0) + 1}.parquet"
    counts = write_day_file(folder / name, read_kept())
    if not gone:
        (folder / name).unlink()
        return None
    return file, ClosedFile(file.first, file.last, file.day, name, file.closed_at, counts), gone


def _cut_blocks(connection: sqlite3.Connection, wanted: Sequence[int], gone: Counter[str]) -> None:
    inside = set(wanted)
    for block in list_blocks(connection, wanted[0], wanted[-1]):
        if not _overlaps(block.first, block.last, wanted):
            continue
        columns = block.read(connection, block.first, block.last)
        (producer,) = connection.execute("SELECT producer FROM blocks WHERE last = ?", (block.last,)).fetchone()
        connection.execute("DELETE FROM blocks WHERE last = ?", (block.last,))
        for is_gone, run in groupby(range(block.first, block.last + 1), key=inside.__contains__):
            offsets = list(run)
            if is_gone:
                gone[block.source_id] += len(offsets)
                continue
            piece = columns.slice(offsets[0] - block.first, len(offsets))
            _insert_piece(connection, block, producer, piece, offsets[0])


def _insert_piece(
    connection: sqlite3.Connection, block: Block, producer: str | None, columns: pa.Table, first: int
) -> None:
    batch = MessageBatch(block.source_id, block.type, from_millis(block.received_at), columns, producer)
    (highest,) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    insert_block(connection, draft_block(batch), first)
    connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'events'", (highest,))  # no offset twice


def _delete_rows(connection: sqlite3.Connection, wanted: Sequence[int]) -> Counter[str]:
    gone: Counter[str] = Counter()
    sql = "DELETE FROM events WHERE offset IN (SELECT value FROM json_each(?)) RETURNING source_id"
    gone.update(row[0] for row in connection.execute(sql, (orjson.dumps(list(wanted)).decode(),)).fetchall())
    return gone


def matches_refused(marks: Marks) -> Callable[[Received], bool]:
    """Return whether a refused event is of the person: nobody's profile holds it, so a mention is enough."""

    def matches(event: Received) -> bool:
        return not isinstance(event, StoredEvent) and marks.find(event.user_id, event.body)

    return matches
