"""One table for each track event: which there are, what a batch adds to them, and what found no place.

The warehouse's catalog says which tables and columns there are, so that nothing has to be kept about them: a run that
was cut after it made one finds it. A table that does not have the columns that Onramp gives to every event is somebody
else's, and is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.profiles_sync.happened import SENT, Row
from core.profiles_sync.layout import EVENT_COLUMNS, SEQ, STAGE_PREFIX, STAGED, TABLES, ColumnKind, SyncedTable
from core.profiles_sync.names import name_table
from core.profiles_sync.properties import Value, choose_kind, fit, flatten
from core.warehouses.definition import Kind, TableInfo

MAX_TABLES = 300
MAX_COLUMNS = 200
"""Of properties, in one table."""
MAX_NOTES = 20

_OURS = frozenset({*(table.name for table in TABLES), *(f"{STAGE_PREFIX}{table.name}" for table in STAGED)})
_KINDS = {
    Kind.TEXT: ColumnKind.TEXT,
    Kind.FLOAT: ColumnKind.FLOAT,
    Kind.BOOLEAN: ColumnKind.BOOLEAN,
    Kind.TIMESTAMPTZ: ColumnKind.TIME,
}
_WORDS: Mapping[ColumnKind | None, str] = {
    ColumnKind.FLOAT: "number",
    ColumnKind.BOOLEAN: "boolean",
    ColumnKind.TIME: "time",
}
_Columns = dict[str, ColumnKind | None]
"""By name; None for a type that Onramp makes no column of."""


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What the events of a batch need: tables and columns that are missing, values to stage, and tables to fill.

    `filled` have the columns that the values are for; `counts` are their new rows.
    """

    made: Sequence[SyncedTable]
    added: Mapping[str, Mapping[str, ColumnKind]]
    values: Sequence[Row]
    filled: Sequence[SyncedTable]
    counts: Mapping[str, int]


class EventTables:
    """The tables of events in one schema, as its catalog said and as batches since have added to them."""

    def __init__(self, catalog: Iterable[TableInfo] = ()) -> None:
        self._columns: dict[str, _Columns] = {}
        self._others: set[str] = set()
        for table in catalog:
            columns: _Columns = {column.name.lower(): _KINDS.get(column.kind) for column in table.columns}
            name = table.name.lower()
            if columns.keys() >= EVENT_COLUMNS.keys():
                self._columns[name] = columns
            else:
                self._others.add(name)
        self._homeless: Counter[str] = Counter()
        self._mistaken: Counter[str] = Counter()
        self._narrow: dict[str, dict[str, None]] = {}
        self._misfits: Counter[tuple[str, str]] = Counter()

    @property
    def names(self) -> Sequence[str]:
        """The tables that there are."""
        return sorted(self._columns)

    def take(self, calls: Sequence[Row]) -> EventBatch:
        """Return what these track calls need, and count it as there."""
        made, added, filled = list[SyncedTable](), dict[str, Mapping[str, ColumnKind]](), list[SyncedTable]()
        values: list[Row] = []
        counts: dict[str, int] = {}
        for name, events in self._sort(calls).items():
            new = self._find_new(name, [columns for _, columns in events])
            if name not in self._columns:
                made.append(SyncedTable(name, {**EVENT_COLUMNS, **new}))
                self._columns[name] = dict(EVENT_COLUMNS)
            elif new:
                added[name] = new
            self._columns[name] |= new
            told = [row for seq, columns in events for row in self._tell(name, seq, columns)]
            used = {str(row["name"]) for row in told} - {""}
            own = {column: kind for column, kind in self._columns[name].items() if column in used and kind is not None}
            filled.append(SyncedTable(name, {**EVENT_COLUMNS, **own}))
            values += told
            counts[name] = len(events)
        return EventBatch(made, added, values, filled, counts)

    def tell_notes(self) -> list[str]:
        """Return a sentence for each thing that found no place in a table of its event; all of it is in `track`."""
        notes = [
            f"{_count_calls(count)} no table of its event: the schema has something else named {name}."
            for name, count in self._mistaken.items()
        ]
        if self._homeless:
            names = ", ".join(repr(name) for name, _ in self._homeless.most_common(3))
            calls = _count_calls(self._homeless.total(), f" of events such as {names}")
            notes.append(f"{calls} no table of its event: there are {MAX_TABLES} already.")
        for table, columns in self._narrow.items():
            more, names = len(columns), ", ".join(list(columns)[:3])
            has = "has" if more == 1 else "have"
            notes.append(
                f"{table} has {MAX_COLUMNS} columns of properties: {more:,} more, such as {names}, {has} none."
            )
        for (table, column), count in self._misfits.most_common():
            word = _WORDS.get(self._columns[table][column], "value of its type")
            rows = "1 row" if count == 1 else f"{count:,} rows"
            notes.append(f"{table}.{column} is NULL in {rows}: what was sent is no {word}.")
        rest = len(notes) - MAX_NOTES
        return notes if rest <= 0 else [*notes[:MAX_NOTES], f"There are {rest:,} more notes like these."]

    def _sort(self, calls: Sequence[Row]) -> dict[str, list[tuple[object, dict[str, Value]]]]:
        by_table: dict[str, list[tuple[object, dict[str, Value]]]] = {}
        for call in calls:
            event = call["event"]
            if not isinstance(event, str) or not event:
                continue
            name = name_table(event, _OURS)
            if name in self._others:
                self._mistaken[name] += 1
            elif name not in self._columns and len(self._columns.keys() | by_table.keys()) >= MAX_TABLES:
                self._homeless[event] += 1
            else:
                by_table.setdefault(name, []).append((call[SEQ], flatten(call[SENT])))
        return by_table

    def _find_new(self, table: str, events: Sequence[Mapping[str, Value]]) -> dict[str, ColumnKind]:
        known = self._columns.get(table, EVENT_COLUMNS)
        seen: dict[str, list[Value]] = {}
        for columns in events:
            for name, value in columns.items():
                if name not in known and value != "":
                    seen.setdefault(name, []).append(value)
        room = MAX_COLUMNS + len(EVENT_COLUMNS) - len(known)
        for name in list(seen)[room:]:
            self._narrow.setdefault(table, {})[name] = None
        return {name: choose_kind(seen[name]) for name in list(seen)[:room]}

    def _tell(self, table: str, seq: object, columns: Mapping[str, Value]) -> Iterator[Row]:
        yield {"target": table, SEQ: seq, "name": ""}
        known = self._columns[table]
        for name, value in columns.items():
            if name not in known:
                continue
            text = fit(value, known[name])
            if text is not None:
                yield {"target": table, SEQ: seq, "name": name, "value": text}
            elif value != "":
                self._misfits[table, name] += 1


def _count_calls(count: int, which: str = "") -> str:
    return f"1 call{which} has" if count == 1 else f"{count:,} calls{which} have"
