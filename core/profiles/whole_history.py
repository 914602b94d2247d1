"""The identifiers of a whole log as numbers, which is what `core.identity.resolve_all` takes.

DuckDB finds them and numbers them, and keeps what does not fit into its memory on the disk; the arrays of numbers take
some 40 bytes a message. Messages of which SQL is not certain are read by the code that reads live messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from core.events.event_log import EventLog, StoredEvent
from core.events.json_sql import MACROS, quote
from core.events.message import MessageType
from core.identity.resolve import ViolationRule
from core.identity.resolve_all import History, Numbers
from core.identity.rule import IdentifierRule
from core.profiles.apply import find_identifiers, make_profile_id, read_messages
from core.profiles.deleted_identifiers import DeletedIdentifier
from core.profiles.garbage import without_garbage_collection
from core.profiles.identity_sql import IdentitySql, make_blocked_sql, make_identity_sql
from core.profiles.reading import SpaceReading
from core.workspaces.spans import is_between

COLUMNS = ("offset", "source_id", "type", "body")
"""What the table `events` must have."""
PAST = "\x1f"  # no value that is taken holds a control character
PIECE_MESSAGES = 100_000
_READ_MESSAGES = 5_000
_MESSAGES = pa.schema({"offset": pa.int64(), "at_ms": pa.int64(), "is_alias": pa.bool_()})
_SEEN = pa.schema({"offset": pa.int64(), "seq": pa.int16(), "type": pa.string(), "value": pa.string()})
_TABLES = """
    SET parquet_metadata_cache = true;
    CREATE TABLE messages ("offset" BIGINT, at_ms BIGINT, is_alias BOOLEAN);
    CREATE TABLE seen ("offset" BIGINT, seq SMALLINT, type VARCHAR, value VARCHAR);
"""
_NUMBER = """CREATE TABLE numbered AS
    SELECT row_number() OVER () - 1 AS number, type, value FROM (SELECT DISTINCT type, value FROM seen)"""

_ITS = "past.type = seen.type AND past.value = seen.value AND past.log_offset"
_PAST = f"""UPDATE seen SET value = value || ? || (SELECT count(*) FROM past WHERE {_ITS} < seen."offset")
    WHERE EXISTS (SELECT 1 FROM past WHERE {_ITS} >= seen."offset")"""  # noqa: S608 - our own SQL
_FORGOTTEN = """SELECT log_offset, number FROM numbered JOIN (
        SELECT *, row_number() OVER (PARTITION BY type, value ORDER BY log_offset) - 1 AS life FROM past
    ) AS past ON numbered.type = past.type AND numbered.value = past.value || ? || life ORDER BY ALL"""


class WholeHistory:
    """Reads a log and counts what its messages are refused for.

    Args:
        log: The log.
        database: Has its table `events` (`core/events/history/relation.py`). The tables `messages` that count, `seen`
            (offset, seq, type, value) and `numbered` (number, type, value) are made in it.
        reading: What the space reads.
        rules: Which identifiers count.
        deleted: Identifiers that were deleted up to where it is read to.
    """

    def __init__(
        self,
        log: EventLog,
        database: duckdb.DuckDBPyConnection,
        reading: SpaceReading,
        rules: Sequence[IdentifierRule],
        deleted: Sequence[DeletedIdentifier],
    ) -> None:
        self._log = log
        self._database = database
        self._reading = reading
        self._rules = rules
        self._deleted = deleted
        self._columns: dict[str, Numbers] | None = None
        self.violations = Counter[str]()
        database.execute(MACROS + _TABLES)
        sql = make_identity_sql(rules)
        self._find_sql = _write_find(sql, reading)
        self._seen_sql = _write_seen(sql, make_blocked_sql(rules))

    def __len__(self) -> int:
        """Return how many messages count."""
        return len(self.offsets)

    @property
    def offsets(self) -> Numbers:
        """The offset of each message that counts, growing; once all are read."""
        return self._load()["offset"]

    def read(self, last_offset: int) -> Iterator[int]:
        """Read the messages up to `last_offset`, and yield after each piece how far it has come."""
        for first in range(1, last_offset + 1, PIECE_MESSAGES):
            last = min(first + PIECE_MESSAGES - 1, last_offset)
            if any(is_between(each.spans, first, last) for each in self._reading.filters):
                self._read_one_by_one(first, last)
            else:
                self._read_at_once(first, last)
            yield last

    def number(self) -> History:
        """Number the identifiers of what was read; at least one message counts."""
        self._name_past_lives()
        self._database.execute(_NUMBER)
        columns, names = self._load(), [rule.type for rule in self._rules]
        numbers = 'SELECT number FROM seen JOIN numbered USING (type, value) ORDER BY "offset", seq'
        sizes = 'SELECT count(*) AS size FROM seen GROUP BY "offset" ORDER BY "offset"'
        types = "SELECT list_position(?, type) - 1 AS place FROM numbered ORDER BY number"
        ends = self._database.execute(sizes).fetchnumpy()["size"].astype(np.int64)
        return History(
            np.cumsum(ends) - ends,
            self._database.execute(numbers).fetchnumpy()["number"].astype(np.int64),
            self._database.execute(types, [names]).fetchnumpy()["place"].astype(np.int16),
            names,
            columns["at_ms"],
            columns["is_alias"].astype(bool),
        )

    def list_forgotten(self) -> list[tuple[int, int]]:
        """Return the identifiers that were deleted, each with the place of the first message behind that."""
        if not self._deleted:
            return []
        found = self._database.execute(_FORGOTTEN, [PAST]).fetchall()
        return [(int(np.searchsorted(self.offsets, offset, "right")), number) for offset, number in found]

    def make_ids(self, places: Sequence[int]) -> list[str]:
        """Return the ids of the profiles that these messages make."""
        offsets = self.offsets[list(places)].tolist()
        events = {event.offset: event for event in self._log.get_many(offsets)}
        return [make_profile_id(events[offset]) for offset in offsets]

    def _load(self) -> dict[str, Numbers]:
        if self._columns is None:
            self._columns = self._database.execute('SELECT * FROM messages ORDER BY "offset"').fetchnumpy()
        return self._columns

    def _name_past_lives(self) -> None:
        """Give values that were deleted since the number of their life: each life is somebody's own."""
        if self._deleted:
            names = ("type", "value", "log_offset")
            rows = pa.table({name: [getattr(each, name) for each in self._deleted] for name in names})  # noqa: F841
            self._database.execute("CREATE TABLE past AS SELECT * FROM rows")
            self._database.execute(_PAST, [PAST])

    def _read_at_once(self, first: int, last: int) -> None:
        database = self._database
        database.execute(self._find_sql, [first, last])
        database.execute(self._seen_sql)
        (sure,) = database.execute("SELECT count(*) FROM found WHERE is_sure").fetchone() or (0,)
        (blocked,) = database.execute("SELECT count(*) FROM found_seen WHERE is_blocked").fetchone() or (0,)
        database.execute('INSERT INTO seen SELECT "offset", seq, type, value FROM found_seen WHERE NOT is_blocked')
        (applied,) = database.execute(
            'INSERT INTO messages SELECT "offset", at_ms, is_alias FROM found'
            ' WHERE "offset" IN (SELECT "offset" FROM found_seen WHERE NOT is_blocked)'
        ).fetchone() or (0,)
        self._note(ViolationRule.VALUE_BLOCKED, blocked)
        self._note(ViolationRule.NO_IDENTIFIERS, sure - applied)
        unsure = database.execute('SELECT "offset" FROM found WHERE NOT is_sure').fetchnumpy()["offset"]
        for start in range(0, len(unsure), _READ_MESSAGES):
            self._take(self._log.get_many(unsure[start : start + _READ_MESSAGES].tolist()))

    def _note(self, rule: ViolationRule, count: int) -> None:
        if count:
            self.violations[str(rule)] += count

    def _read_one_by_one(self, first: int, last: int) -> None:
        at = first - 1
        while at < last:
            events = [event for event in self._log.read(at, _READ_MESSAGES) if event.offset <= last]
            if not events:
                return
            at = events[-1].offset
            self._take(self._reading.select(events).ours)

    def _take(self, events: Sequence[StoredEvent]) -> None:
        with without_garbage_collection():
            messages = read_messages(events, self._rules)
            find_identifiers(messages, self._rules)
            self.violations.update(str(each.rule) for message in messages for each in message.list_violations())
            rows, seen = list[tuple[int, int, bool]](), list[tuple[int, int, str, str]]()
            for message in messages:
                if message.is_applied:
                    offset = message.event.offset
                    rows.append((offset, message.at_ms, message.event.type == MessageType.ALIAS))
                    identifiers = enumerate(message.extracted.identifiers)
                    seen += [(offset, seq, *identifier) for seq, identifier in identifiers]
            _insert(self._database, "messages", _MESSAGES, rows)
            _insert(self._database, "seen", _SEEN, seen)


def _insert(
    database: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, rows: Sequence[tuple[object, ...]]
) -> None:
    if rows:
        columns = [pa.array(column, type_) for column, type_ in zip(zip(*rows, strict=True), schema.types, strict=True)]
        more = pa.table(columns, schema=schema)  # noqa: F841 - DuckDB finds it by its name
        database.execute(f"INSERT INTO {table} SELECT * FROM more")  # noqa: S608 - a table of ours


def _write_find(sql: IdentitySql, reading: SpaceReading) -> str:
    """Return SQL that makes the table `found` of the messages between two offsets, a column for each candidate."""
    spans = [
        f'source_id = {quote(source_id)} AND "offset" > {start}' + ("" if end is None else f' AND "offset" <= {end}')
        for source_id, its in sorted(reading.sources.items())
        for start, end in its
    ]
    is_ours = " OR ".join(f"({each})" for each in spans) or "false"
    paths = ", ".join(map(quote, sql.paths))
    columns = "".join(f", {each.value} AS c{number}" for number, each in enumerate(sql.candidates))
    return f"""CREATE OR REPLACE TEMP TABLE found AS
        WITH read AS (
            SELECT "offset", type, CAST(TRY(json_extract(body, [{paths}])) AS VARCHAR[]) AS x
            FROM events WHERE "offset" BETWEEN ? AND ? AND ({is_ours})
        )
        SELECT "offset", {sql.at_ms} AS at_ms, type = 'alias' AS is_alias,
            coalesce({sql.is_sure}, false) AS is_sure{columns} FROM read"""  # noqa: S608 - our own SQL; names are quoted


def _write_seen(sql: IdentitySql, is_blocked: str) -> str:
    """Return SQL that makes the table `found_seen` of the identifiers of `found` that are certain, each once."""
    parts = ["SELECT 0 AS \"offset\", 0 AS seq, '' AS type, '' AS value WHERE false"]
    for number, each in enumerate(sql.candidates):
        before = [f"c{place}" for place in range(number) if sql.candidates[place].type == each.type]
        is_new = "".join(f" AND c{number} IS DISTINCT FROM {column}" for column in before)
        parts.append(
            f'SELECT "offset", {number}, {quote(each.type)}, c{number} FROM found'  # noqa: S608 - as above
            f" WHERE is_sure AND c{number} IS NOT NULL{is_new}"
        )
    return f"""CREATE OR REPLACE TEMP TABLE found_seen AS
        SELECT *, coalesce({is_blocked}, false) AS is_blocked FROM ({" UNION ALL ".join(parts)})"""  # noqa: S608
