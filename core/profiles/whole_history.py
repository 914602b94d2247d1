"""The identifiers of a whole log as numbers, which is what `core.identity.resolve_all` takes.

They are numbered by DuckDB, which keeps what does not fit into its memory on the disk; the arrays of numbers take some
40 bytes a message.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from core.events.event_log import EventLog
from core.events.message import MessageType
from core.identity.resolve_all import History, Numbers
from core.identity.rule import Identifier, IdentifierRule
from core.profiles.apply import ReadMessage, find_identifiers, make_profile_id, read_messages
from core.profiles.deleted_identifiers import DeletedIdentifier
from core.profiles.garbage import without_garbage_collection
from core.profiles.reading import SpaceReading

BATCH_MESSAGES = 5_000
PAST = "\x1f"  # no value that is taken holds a control character
_SEEN = pa.schema({"place": pa.int64(), "seq": pa.int16(), "type": pa.string(), "value": pa.string()})
_NUMBER = """CREATE TABLE numbered AS
    SELECT row_number() OVER () - 1 AS number, type, value FROM (SELECT DISTINCT type, value FROM seen)"""


class WholeHistory:
    """Reads a log and counts what its messages are refused for.

    `offsets` are those of the messages that count, once they are all read. The tables `seen` and `numbered` (number,
    type, value) are made in `database`, which has none of these names.
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
        self._deleted: dict[tuple[str, str], list[int]] = {}
        for each in deleted:
            self._deleted.setdefault((each.type, each.value), []).append(each.log_offset)
        self._parts: list[np.ndarray[tuple[int, int], np.dtype[np.int64]]] = []
        self._count = 0
        self.violations = Counter[str]()
        database.execute("CREATE TABLE seen (place BIGINT, seq SMALLINT, type VARCHAR, value VARCHAR)")

    def __len__(self) -> int:
        """Return how many messages count."""
        return self._count

    @property
    def offsets(self) -> Numbers:
        """The offset of each message that counts, growing."""
        return self._columns()[:, 0]

    def read(self, last_offset: int) -> Iterator[int]:
        """Read the messages up to `last_offset`, and yield after each batch how far it has come."""
        at = 0
        while at < last_offset:
            with without_garbage_collection():
                events = [event for event in self._log.read(at, BATCH_MESSAGES) if event.offset <= last_offset]
                if not events:
                    return
                at = events[-1].offset
                self._take(read_messages(self._reading.select(events).ours, self._rules))
            yield at

    def number(self) -> History:
        """Number the identifiers of what was read; at least one message counts."""
        self._database.execute(_NUMBER)
        columns, names = self._columns(), [rule.type for rule in self._rules]
        numbers = "SELECT number FROM seen JOIN numbered USING (type, value) ORDER BY place, seq"
        types = "SELECT list_position(?, type) - 1 AS place FROM numbered ORDER BY number"
        sizes = columns[:, 3]
        return History(
            np.cumsum(sizes) - sizes,
            self._database.execute(numbers).fetchnumpy()["number"].astype(np.int64),
            self._database.execute(types, [names]).fetchnumpy()["place"].astype(np.int16),
            names,
            columns[:, 1],
            columns[:, 2].astype(bool),
        )

    def make_ids(self, places: Sequence[int]) -> list[str]:
        """Return the ids of the profiles that these messages make."""
        offsets = self.offsets[list(places)].tolist()
        events = {event.offset: event for event in self._log.get_many(offsets)}
        return [make_profile_id(events[offset]) for offset in offsets]

    def _take(self, messages: Sequence[ReadMessage]) -> None:
        find_identifiers(messages, self._rules)
        self.violations.update(str(each.rule) for message in messages for each in message.list_violations())
        rows, seen = list[tuple[int, int, bool, int]](), list[tuple[int, int, str, str]]()
        for message in messages:
            if message.is_applied:
                found, place = message.extracted.identifiers, self._count + len(rows)
                is_alias = message.event.type == MessageType.ALIAS
                rows.append((message.event.offset, message.at_ms, is_alias, len(found)))
                offset = message.event.offset
                seen += [(place, seq, each.type, self._name(each, offset)) for seq, each in enumerate(found)]
        self._add(rows, seen)

    def _name(self, identifier: Identifier, offset: int) -> str:
        """Return the value, with the number of its life where it was deleted since: each life is somebody's own."""
        places = self._deleted.get(identifier)
        if places is None or offset > places[-1]:
            return identifier.value
        return f"{identifier.value}{PAST}{bisect_left(places, offset)}"

    def _add(self, rows: Sequence[tuple[int, int, bool, int]], seen: Sequence[tuple[int, int, str, str]]) -> None:
        if not rows:
            return
        self._parts.append(np.array(rows, np.int64))
        self._count += len(rows)
        columns = [pa.array(column, type_) for column, type_ in zip(zip(*seen, strict=True), _SEEN.types, strict=True)]
        batch = pa.table(columns, schema=_SEEN)  # noqa: F841 - DuckDB finds it by its name
        self._database.execute("INSERT INTO seen SELECT * FROM batch")

    def _columns(self) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        if len(self._parts) != 1:
            self._parts = [np.concatenate([np.empty((0, 4), np.int64), *self._parts])]
        return self._parts[0]
