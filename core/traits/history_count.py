"""Count the whole history of one trait with DuckDB: the events of the log, by whose they are, into states.

Most messages are counted by SQL. Those of which SQL is not certain (`core/traits/history_sql.py`) come beside the
counts and are observed one by one, by the code that counts live messages; so both give the same states.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from core.clock import from_millis
from core.events.message import MessageType, read_timestamp_ms
from core.traits.computed_trait import Aggregate, Scope
from core.traits.definition import CompiledTrait
from core.traits.history_sql import MACROS, TraitSql, make_trait_sql, quote
from core.traits.kinds import (
    MICROS,
    Earliest,
    EventCounter,
    Extreme,
    Latest,
    PropertyKind,
    State,
    Total,
    Values,
    tidy,
)
from core.traits.states import merge_into, note_newest, observe_into
from core.traits.windows import Session, Sliding

OWNERS = pa.schema({"owner": pa.string(), "offsets": pa.string()})
"""A profile and its messages: offsets as text, with commas between them. A profile may come in several rows."""
_FETCHED_ROWS = 10_000
_SPARSE = 20  # where fewer than one in twenty counts, each is looked up: else an index is read through faster
_PLACE = '(at_ms::HUGEINT * 9223372036854775808 + "offset")'  # time, then offset, in one number


class HistoryCount:
    """The states of one trait over the messages `first` to `last`, in the order of whose they are.

    Args:
        database: Has the table `events` (`core/events/history/relation.py`) and a bound on its memory.
        trait: The trait.
        first: The first offset that counts.
        last: The last one.
        owners: The profile of each message, as tables of `OWNERS`; asked for when some message counts, with the
            offsets of those that count where they are few.
    """

    def __init__(
        self,
        database: duckdb.DuckDBPyConnection,
        trait: CompiledTrait,
        first: int,
        last: int,
        owners: Callable[[Sequence[int] | None], Iterable[pa.Table]],
    ) -> None:
        self._database = database
        self._trait = trait
        database.execute(MACROS)
        _pick(database, trait, make_trait_sql(trait), first, last)
        (picked,) = database.execute("SELECT count(*) FROM picked").fetchone() or (0,)
        few = None if picked * _SPARSE > last - first else _list_offsets(database)
        _own(database, trait, owners(few) if picked else ())

    def estimate_people(self) -> int:
        """Return about how many people or accounts there are; fewer where SQL was not certain of many messages."""
        row = self._database.execute("SELECT approx_count_distinct(owner) FROM sure").fetchone()
        return int(row[0]) if row else 0

    def __iter__(self) -> Iterator[tuple[str, State]]:
        """Yield each person, or account, with the state."""
        trait, database = self._trait, self._database
        found = heapq.merge(_read_sure(database, trait), _read_unsure(database, trait), key=itemgetter(0))
        for owner, pieces in groupby(found, key=itemgetter(0)):
            state: State = {}
            for _, piece in pieces:
                merge_into(state, trait, piece)
            yield owner, state


def _read_sure(database: duckdb.DuckDBPyConnection, trait: CompiledTrait) -> Iterator[tuple[str, State]]:
    rows = _fetch(database, _count_sql(trait))
    for owner, its in groupby(rows, key=itemgetter(0)):
        state: State = {}
        for number, part in groupby(its, key=itemgetter(1)):
            _add_counted(state, trait, number, list(part))
        yield owner, state


def _read_unsure(database: duckdb.DuckDBPyConnection, trait: CompiledTrait) -> Iterator[tuple[str, State]]:
    rows = _fetch(database, 'SELECT owner, "offset", received, body FROM unsure ORDER BY owner, "offset"')
    accounts: dict[str, State] = {}  # whose a message is stands in it: accounts are few, and are kept until the end
    for owner, its in groupby(rows, key=itemgetter(0)):
        state: State = {}
        for _, log_offset, received, body in its:
            message = orjson.loads(body)
            taken, whose = trait.take_message(message), trait.find_owner(owner, message)
            if taken is not None and whose is not None:
                into = accounts.setdefault(whose, {}) if trait.scope is Scope.ACCOUNT else state
                observe_into(into, trait, taken, read_timestamp_ms(message, from_millis(received)), log_offset)
        if state:
            yield owner, state
    yield from sorted(accounts.items())


def _fetch(database: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[Any, ...]]:
    result = database.cursor().execute(sql)
    while rows := result.fetchmany(_FETCHED_ROWS):
        yield from rows


def _pick(database: duckdb.DuckDBPyConnection, trait: CompiledTrait, sql: TraitSql, first: int, last: int) -> None:
    """Make the table `picked`: the messages that count, and those that might, which keep their bodies."""
    wanted = f'type = {quote(trait.message_type)} AND "offset" BETWEEN {first} AND {last}'
    if trait.event is not None and trait.message_type == MessageType.TRACK:
        wanted += f" AND name = {quote(trait.event)}"
    paths = ", ".join(map(quote, sql.paths))
    is_sure = "is_wanted AND at_us IS NOT NULL" + (" AND account IS NOT NULL" if sql.owner else "")
    found = f"""SELECT "offset", received_at, body, CAST(TRY(json_extract(body, [{paths}])) AS VARCHAR[]) AS x
        FROM events WHERE {wanted}"""  # noqa: S608 - our own SQL; what people typed is quoted
    columns = ", ".join(f"{column} AS v{number}" for number, column in enumerate(sql.columns))
    named = f'SELECT "offset", received_at, body, {columns} FROM found'  # noqa: S608
    read = f"""SELECT "offset", received_at, body, ({sql.is_wanted}) AS is_wanted, {sql.value} AS value,
        {sql.at_us} AS at_us, {sql.owner or "NULL"} AS account FROM named"""  # noqa: S608
    picked = f"""SELECT "offset", at_us // 1000 AS at_ms, value, account,
        CASE WHEN {is_sure} THEN NULL ELSE body END AS body,
        CASE WHEN {is_sure} THEN NULL ELSE epoch_ms(received_at) END AS received
        FROM read WHERE is_wanted IS NOT FALSE"""  # noqa: S608
    database.execute(
        f"CREATE OR REPLACE TABLE picked AS WITH found AS ({found}), named AS ({named}), read AS ({read}) {picked}"
    )


def _list_offsets(database: duckdb.DuckDBPyConnection) -> list[int]:
    rows = database.execute('SELECT "offset" FROM picked ORDER BY "offset"').fetchall()
    return [offset for (offset,) in rows]


def _own(database: duckdb.DuckDBPyConnection, trait: CompiledTrait, owners: Iterable[pa.Table]) -> None:
    """Make the views `sure` and `unsure` of the picked messages, with whose they are; every cursor sees them."""
    database.execute('CREATE OR REPLACE TABLE owned ("offset" BIGINT, owner VARCHAR)')
    for batch in owners:
        database.register("batch", batch)
        database.execute(
            "INSERT INTO owned SELECT unnest(CAST(string_split(offsets, ',') AS BIGINT[])), owner FROM batch"
        )
    owner = "p.account" if trait.scope is Scope.ACCOUNT else "o.owner"
    joined = 'FROM picked p JOIN owned o ON p."offset" = o."offset"'
    sure = f'SELECT {owner} AS owner, p."offset", at_ms, value {joined} WHERE body IS NULL'
    unsure = f'SELECT o.owner, p."offset", received, body {joined} WHERE body IS NOT NULL'
    database.execute(f"CREATE OR REPLACE VIEW sure AS {sure}")
    database.execute(f"CREATE OR REPLACE VIEW unsure AS {unsure}")


def _count_sql(trait: CompiledTrait) -> str:
    """Return the query of (owner, part, part's start, end, newest at, newest offset, what its kind counts)."""
    window, kind = trait.window, trait.kind
    source, part = "sure", "0"
    if isinstance(window, Sliding):
        part = f"at_ms // {window.part_ms}"
    elif isinstance(window, Session):
        order = 'OVER (PARTITION BY owner ORDER BY at_ms, "offset"'
        is_new = f"CASE WHEN at_ms - lag(at_ms) {order}) <= {window.gap_ms} THEN 0 ELSE 1 END"
        marked = f"SELECT *, {is_new} AS is_new FROM sure"  # noqa: S608
        source = f"(SELECT *, sum(is_new) {order} ROWS UNBOUNDED PRECEDING) AS part FROM ({marked}))"  # noqa: S608
        part = "part"
    key = "lower(value)" if isinstance(kind, Values) and not kind.is_number else "value"
    group = "owner, number, key" if isinstance(kind, Values) else "owner, number"
    keyed = f"SELECT *, {part} AS number, {key} AS key FROM {source}"  # noqa: S608
    counted = f"min(at_ms), max(at_ms), max({_PLACE}), {_aggregate(kind)}"
    return f"SELECT owner, number, {counted} FROM ({keyed}) GROUP BY {group} ORDER BY {group}"  # noqa: S608


def _aggregate(kind: object) -> str:
    if isinstance(kind, EventCounter):
        return "count(*)"
    if isinstance(kind, Total):
        return f"count(*), CAST(sum(CAST(floor(value * {MICROS} + 0.5) AS HUGEINT)) AS VARCHAR)"
    if isinstance(kind, Extreme):
        return "min(value)" if kind.aggregate is Aggregate.MINIMUM else "max(value)"
    if isinstance(kind, Earliest):
        function = "max" if isinstance(kind, Latest) else "min"
        return f"arg_{function}(value, {_PLACE}), {function}({_PLACE})"
    return "count(*), min(value)"


def _add_counted(state: State, trait: CompiledTrait, number: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add one part: the rows that share a number, of a kind that keeps values a row each, else one row."""
    window = trait.window
    part: State = {}
    for _, _, _, _, newest, *counted in rows:
        window.kind.merge(part, _to_part(trait, counted), window.part_cap)
        note_newest(state, *_split_place(newest))
    if isinstance(window, Sliding):
        window.merge(state, {"parts": {str(number): part}})
    elif isinstance(window, Session):
        window.merge(state, {"sessions": [[min(row[2] for row in rows), max(row[3] for row in rows), part]]})
    else:
        window.merge(state, part)


def _to_part(trait: CompiledTrait, counted: Sequence[Any]) -> State:
    kind = trait.kind
    if isinstance(kind, EventCounter):
        return {"count": counted[0]}
    if isinstance(kind, Total):
        return {"count": counted[0], "micros": counted[1]}
    if isinstance(kind, Extreme):
        return {"number": tidy(counted[0])}
    if isinstance(kind, Earliest):
        return {"seen": [*_split_place(counted[1]), tidy(counted[0])]}
    count, value = counted
    shown = repr(tidy(value)) if isinstance(kind, PropertyKind) and kind.is_number else value
    return {"values": {shown.casefold(): [count, shown]}}


def _split_place(place: int) -> tuple[int, int]:
    return place >> 63, place & ((1 << 63) - 1)
