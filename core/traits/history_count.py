"""Count the whole history of one trait with DuckDB: the messages of the log, by whose they are, into states.

1. One reading of the log's files picks the messages that count, with what counts of them and when they happened; where
   SQL is not certain of one, the query asks the code that counts live messages (`history_pick.py`).
2. Meanwhile the store tells whose each message is (`owner_map.py`).
3. One grouping makes the states (`history_group.py`). Those of one part are written as JSON by the query; those of
   windows and of different values are put together here, person by person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb
import numpy as np
import orjson

from core.traits.definition import CompiledTrait
from core.traits.history_group import make_group_sql, make_state_sql, to_part
from core.traits.history_pick import make_filter, pick_messages
from core.traits.kinds import State, Values
from core.traits.owner_map import Offsets, OwnerMap
from core.traits.states import Counted, note_newest, read_counted
from core.traits.windows import Lifetime, Session, Sliding

_FETCHED_ROWS = 10_000
_RARE = 8  # where fewer than one in eight counts, each is looked up: else an index is read through faster
_LOOKED_AT = 50  # the newest fiftieth of the messages tells beforehand whether few count


class HistoryCount:
    """The states of one trait over the messages of an owner map.

    Args:
        database: Has the table `events` (`core/events/history/relation.py`) and a bound on its memory.
        trait: The trait.
        who: Whose each message is; made on the same connection. Where few messages can count, only theirs are read.

    Attributes:
        observed: How many messages were left to the code that counts live ones, a hundred times slower than SQL.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection, trait: CompiledTrait, who: OwnerMap) -> None:
        self._database = database
        self._trait = trait
        database.execute("SET preserve_insertion_order = false")  # which takes memory
        with ThreadPoolExecutor(1) as beside:
            reading = None if who.is_whole or _is_rare(database, trait, who) else beside.submit(who.read)
            self.observed = pick_messages(database, trait, who.first, who.last)
            if reading is not None:
                reading.result()
        if not who.is_whole:
            who.read(_list_picked(database, (who.last - who.first) // _RARE))
        database.execute(f"CREATE OR REPLACE TABLE counted AS {make_group_sql(trait)}")

    def estimate_people(self) -> int:
        """Return about how many people or accounts there are."""
        ((people,),) = self._database.execute("SELECT approx_count_distinct(owner) FROM counted").fetchall()
        return int(people)

    def read(self, now_ms: Callable[[], int]) -> Iterator[Counted]:
        """Yield each person, or account, once, in the order of their ids, with what the state gives at `now_ms`."""
        trait = self._trait
        if isinstance(trait.window, Lifetime) and not isinstance(trait.kind, Values):
            yield from _read_written(self._database, trait, now_ms)
            return
        rows = _fetch(self._database, "SELECT * FROM counted ORDER BY owner, number")
        for owner, its in groupby(rows, key=itemgetter(0)):
            state: State = {}
            for number, part in groupby(its, key=itemgetter(1)):
                _add_counted(state, trait, number, list(part))
            yield read_counted(trait, owner, state, now_ms())


def _read_written(
    database: duckdb.DuckDBPyConnection, trait: CompiledTrait, now_ms: Callable[[], int]
) -> Iterator[Counted]:
    state, value = make_state_sql(trait.kind)
    sql = f"""SELECT owner, '{{' || {state} || ',"at":' || at_ms || ',"offset":' || "offset" || '}}' AS state,
        {value} AS value, at_ms, "offset" FROM counted ORDER BY owner"""  # noqa: S608
    for owner, text, shown, at_ms, log_offset in _fetch(database, sql):
        if shown is None:
            yield read_counted(trait, owner, orjson.loads(text), now_ms())
        else:
            yield Counted(owner, text, shown, None, at_ms, log_offset)


def _fetch(database: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[Any, ...]]:
    result = database.cursor().execute(sql)
    while rows := result.fetchmany(_FETCHED_ROWS):
        yield from rows


def _add_counted(state: State, trait: CompiledTrait, number: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add one part: the rows that share a number, of a kind that keeps values a row each, else one row."""
    window = trait.window
    part: State = {}
    for _, _, _, at_ms, log_offset, *counted in rows:
        window.kind.merge(part, to_part(window.kind, counted), window.part_cap)
        note_newest(state, at_ms, log_offset)
    if isinstance(window, Sliding):
        window.merge(state, {"parts": {str(number): part}})
    elif isinstance(window, Session):
        window.merge(state, {"sessions": [[min(row[2] for row in rows), max(row[3] for row in rows), part]]})
    else:
        window.merge(state, part)


def _is_rare(database: duckdb.DuckDBPyConnection, trait: CompiledTrait, who: OwnerMap) -> bool:
    """Say whether few messages are of the trait's type and name, by the newest ones."""
    some = max((who.last - who.first) // _LOOKED_AT, 1)
    wanted = make_filter(trait, max(who.first, who.last - some), who.last)
    ((named,),) = database.execute(f"SELECT count(*) FROM events WHERE {wanted}").fetchall()  # noqa: S608
    return bool(named * _RARE <= some)


def _list_picked(database: duckdb.DuckDBPyConnection, most: int) -> Offsets | None:
    """Return the offsets of the messages that count; None where there are more than `most`."""
    ((picked,),) = database.execute("SELECT count(*) FROM picked").fetchall()
    if picked > most:
        return None
    found = database.execute('SELECT "offset" FROM picked ORDER BY "offset"').fetchnumpy()
    return np.asarray(found["offset"], np.int64)
