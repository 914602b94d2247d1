"""The Parquet file of a closed day, or of a part of a large one: written once, then only read.

Row groups are small: one message costs what its group costs to unpack, and a page of a search needs up to a hundred.
"""

from __future__ import annotations

import errno
import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import RunInProgress, StorageFull, StoreUnreadable
from core.events.entry import Row, StoredEvent, to_event

ROW_GROUP_EVENTS = 4_096
SCHEMA = pa.schema(
    [
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("user_id", pa.string()),
        pa.field("received_at", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("body", pa.string(), nullable=False),
    ]
)
_REPEATED = ["source_id", "type", "name", "user_id"]
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def write_day_file(path: Path, tables: Iterable[pa.Table]) -> dict[str, int]:
    """Write the rows to `path`, on the disk when this returns, and return how many there are of each source.

    Args:
        path: A new file; its folder exists.
        tables: Rows in offset order, in tables of `SCHEMA` with a multiple of `ROW_GROUP_EVENTS` rows.

    Raises:
        StorageFull: There was no room; nothing is left behind.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.making")
    counts: Counter[str] = Counter()
    try:
        with pq.ParquetWriter(
            draft, SCHEMA, compression="zstd", compression_level=1, use_dictionary=_REPEATED, write_statistics=True
        ) as writer:
            for table in tables:
                found = table["source_id"].value_counts()
                counts.update({each["values"]: each["counts"] for each in found.to_pylist()})
                writer.write_table(table, row_group_size=ROW_GROUP_EVENTS)
        make_durable(draft, path)
    except OSError as error:
        raise translate_write_error(error) from error
    finally:
        draft.unlink(missing_ok=True)
    return dict(counts)


def make_durable(draft: Path, path: Path) -> None:
    """Bring the finished file to the disk and give it its name."""
    for part, flags in ((draft, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        if part == path.parent:
            draft.replace(path)
        handle = os.open(part, flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def translate_write_error(error: OSError) -> Exception:
    """Return what a person can do about a file of the history that could not be written."""
    if error.errno == errno.ENOENT:  # who holds the lease now has removed the draft of who held it before
        return RunInProgress(
            "The history was taken over by another process.",
            hint="Nothing is lost: the other process finishes the work.",
        )
    if error.errno not in _NO_ROOM:
        return error
    return StorageFull(
        "The disk under ONRAMP_HOME is full or failing; the day to be closed stays where it was, in the event log.",
        hint="Free some space. Closing is tried again by itself, and no event is lost.",
    )


def to_table(rows: Sequence[Row]) -> pa.Table:
    """Return rows of the log as Arrow."""
    columns: list[list[object]] = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in SCHEMA]
    bodies = pa.array(columns[7], pa.binary())
    try:
        text = bodies.cast(pa.string())
    except pa.ArrowInvalid:  # a body is UTF-8 by contract; whoever broke it must not stop a day from closing
        text = pa.array([bytes(body).decode(errors="replace") for body in columns[7]], pa.string())  # type: ignore[call-overload]
    arrays = [pa.array(column, field.type) for column, field in zip(columns[:7], SCHEMA, strict=False)]
    return pa.Table.from_arrays([*arrays, text], schema=SCHEMA)


def read_day_file(path: Path, after: int, limit: int) -> list[StoredEvent]:
    """Return the next `limit` messages of the file with an offset greater than `after`.

    Raises:
        FileNotFoundError: The file is gone: its day was dropped.
        StoreUnreadable: The file is damaged.
    """
    found: list[StoredEvent] = []
    with _Opened(path) as file:
        for group in range(file.find_group(after + 1), len(file.lasts)):
            found.extend(event for event in file.read_group(group) if event.offset > after)
            if len(found) >= limit:
                break
    return found[:limit]


def get_from_day_file(path: Path, offsets: Sequence[int]) -> list[StoredEvent]:
    """Return the messages at `offsets`; raises as `read_day_file` does."""
    wanted: dict[int, set[int]] = {}
    with _Opened(path) as file:
        for offset in offsets:
            wanted.setdefault(file.find_group(offset), set()).add(offset)
        groups = [group for group in sorted(wanted) if group < len(file.lasts)]
        return [event for group in groups for event in file.read_group(group, wanted[group])]


def count_in_day_file(path: Path, first: int, last: int) -> dict[str, int]:
    """Return how many messages with an offset from `first` to `last` there are of each source; raises as above."""
    with _Opened(path) as file:
        table = file.read_columns(["offset", "source_id"])
    kept = table.filter(pc.and_(pc.greater_equal(table["offset"], first), pc.less_equal(table["offset"], last)))
    return dict(Counter(kept["source_id"].to_pylist()))


class _Opened:
    """A file opened for reading, with the last offset of each of its row groups."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> _Opened:
        try:
            self._file = pq.ParquetFile(self._path)
            metadata = self._file.metadata
            groups = range(metadata.num_row_groups)
            self.lasts: list[int] = [metadata.row_group(group).column(0).statistics.max for group in groups]
        except (pa.ArrowInvalid, AttributeError) as error:
            raise _damaged(self._path) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def find_group(self, offset: int) -> int:
        return bisect_left(self.lasts, offset)

    def read_group(self, group: int, only: set[int] | None = None) -> list[StoredEvent]:
        try:
            table = self._file.read_row_group(group, use_threads=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(self._path) from error
        if only is not None:
            table = table.filter(pc.is_in(table["offset"], pa.array(only, pa.int64())))
        columns = [table[name] for name in SCHEMA.names]
        columns[6], columns[7] = columns[6].cast(pa.int64()), columns[7].cast(pa.binary())
        return [to_event(row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]

    def read_columns(self, names: list[str]) -> pa.Table:
        try:
            return self._file.read(names, use_threads=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(self._path) from error


def _damaged(path: Path) -> StoreUnreadable:
    return StoreUnreadable(
        f"The file {path.name} of a closed day cannot be read: it is damaged.",
        hint="Restore it in the folder history from a backup. The other days can be read.",
    )
