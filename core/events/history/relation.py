"""The whole log as one table for DuckDB: closed days from their files, what is newer from SQLite.

    with open_events(log, columns=("type", "received_at")) as database:
        database.sql("SELECT type, count(*) FROM events GROUP BY type").fetchall()

`events` may be read any number of times in the block and does not change in it. Its times are TIMESTAMP WITH TIME ZONE,
its bodies JSON texts.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from core.clock import from_millis
from core.errors import StoreUnreadable
from core.events.blocks import Block, list_blocks
from core.events.entry import Row, StoredEvent, to_event
from core.events.history.day_file import SCHEMA, to_table
from core.events.history.layout import SPILL_PREFIX, history_folder, list_closed_files, read_layout
from core.events.history.read import snapshot
from core.events.log_file import LogFile

MEMORY = "512MB"
_COPIED_ROWS = 20_000
_ROW = 'epoch_ms(received_at), encode(body) FROM read_parquet(?) WHERE "offset" BETWEEN ? AND ?'
_SELECT = f'SELECT "offset", source_id, message_id, type, name, user_id, {_ROW}'


@contextmanager
def connect(log: LogFile) -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend a DuckDB connection with a bound on its memory; what does not fit goes to the log's own disk."""
    folder = history_folder(log.path)
    folder.mkdir(mode=0o700, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=SPILL_PREFIX, dir=folder) as spill,
        duckdb.connect(":memory:", config={"memory_limit": MEMORY, "threads": 2, "temp_directory": spill}) as database,
    ):
        yield database


@contextmanager
def open_events(
    log: LogFile, columns: Sequence[str] = tuple(SCHEMA.names), *, first: int = 1, types: Sequence[str] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend a DuckDB connection with the table `events`: every message of the log that is kept.

    Args:
        log: The event log.
        columns: The columns to have. Without `body` a log of many millions is counted in moments.
        first: The first offset to have.
        types: Leave out what is of another type where that spares work; asking for these types finds all of them.

    Raises:
        StoreUnreadable: The file of a closed day is missing or damaged.
    """
    with connect(log) as database:
        try:
            _make_view(database, log, columns, first, types)
            yield database
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            if isinstance(error, duckdb.InvalidInputException) and "parquet" not in str(error).lower():
                raise
            raise StoreUnreadable(
                "The file of a closed day is missing or damaged.",
                hint="Restore the folder history from a backup. An event's own page still shows what can be read.",
            ) from error


def scan_day_files(
    database: duckdb.DuckDBPyConnection,
    paths: Sequence[Path],
    first: int,
    last: int,
    where: str,
    values: Sequence[object],
) -> list[StoredEvent]:
    """Return the messages of the files from `last` down to `first` for which `where` holds.

    Raises:
        FileNotFoundError: A file is gone: its day was dropped.
        StoreUnreadable: A file is damaged; it is named where `paths` is one.
    """
    missing = next((path for path in paths if not path.exists()), None)
    if missing is not None:
        raise FileNotFoundError(missing)
    sql = f'{_SELECT} AND {where} ORDER BY "offset" DESC'
    try:
        spelled = [_spell(path) for path in paths]
        rows: list[Row] = database.execute(sql, [spelled, first, last, *values]).fetchall()
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise StoreUnreadable(
            f"The file {paths[0].name} of a closed day cannot be read: it is damaged.",
            hint="Restore it in the folder history from a backup. The other days can be read.",
        ) from error
    return [to_event(row) for row in rows]


def _make_view(
    database: duckdb.DuckDBPyConnection, log: LogFile, columns: Sequence[str], first: int, types: Sequence[str]
) -> None:
    wanted = ", ".join(f'"{name}"' for name in columns)
    database.register("model", to_table([]))
    database.execute(f"CREATE TEMP TABLE live AS SELECT {wanted} FROM model")  # noqa: S608
    unread = [name if name in columns or name == "offset" else _EMPTY[name] for name in SCHEMA.names]
    of_types = f"AND type IN ({', '.join('?' * len(types))})" if types else ""
    sql = f"SELECT {', '.join(unread)} FROM events WHERE offset >= ? {of_types} ORDER BY offset"  # noqa: S608
    with snapshot(log) as connection:
        layout = read_layout(connection)
        start, live_first = max(layout.start, first), max(layout.live_first, first)
        files = list_closed_files(connection, start, layout.live_first - 1)
        rows = connection.execute(sql, (live_first, *types))
        while batch := rows.fetchmany(_COPIED_ROWS):
            database.register("batch", to_table(batch))
            database.execute(f"INSERT INTO live SELECT {wanted} FROM batch")  # noqa: S608
        for block in list_blocks(connection, live_first, layout.last):
            if types and block.type not in types:
                continue
            database.register("batch", _to_table(block, block.read(connection, live_first, layout.last)))
            database.execute(f"INSERT INTO live SELECT {wanted} FROM batch")  # noqa: S608
    parts = [f"SELECT {wanted} FROM live"]  # noqa: S608
    if files:
        folder = history_folder(log.path)
        paths = ", ".join("'" + _spell(folder / file.name).replace("'", "''") + "'" for file in files)
        between = f'"offset" BETWEEN {start} AND {layout.live_first - 1}'
        parts.append(f"SELECT {wanted} FROM read_parquet([{paths}]) WHERE {between}")  # noqa: S608
    database.execute(f"CREATE TEMP VIEW events AS {' UNION ALL '.join(parts)}")


def _to_table(block: Block, columns: pa.Table) -> pa.Table:
    """Return the last messages of a block as `SCHEMA` has them."""
    count = columns.num_rows
    same = {
        "source_id": block.source_id,
        "type": block.type,
        "name": None,
        "received_at": from_millis(block.received_at),
    }
    arrays = {
        "offset": pa.array(range(block.last - count + 1, block.last + 1), pa.int64()),
        **{name: pa.repeat(pa.scalar(value, SCHEMA.field(name).type), count) for name, value in same.items()},
        **{name: columns[name] for name in columns.column_names},
    }
    return pa.table([arrays[name] for name in SCHEMA.names], schema=SCHEMA)


def _spell(path: Path) -> str:
    return re.sub(r"([*?\[])", r"[\1]", str(path))  # else a pattern that names other files, or none


_EMPTY = dict.fromkeys(SCHEMA.names, "NULL") | {
    "source_id": "''",
    "message_id": "''",
    "type": "''",
    "received_at": "0",
    "body": "x''",
}
