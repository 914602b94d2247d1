"""The history of computed traits, beside the bare DuckDB queries for the same answers over the same files.

A bare query reads the same closed days, picks the same messages by type, name and condition, and gives for each profile
the value and the newest time: what a trait shows of itself. It has to be told who is who as well: the user ids of each
profile are read from the store and joined. That finds the right profile here, where every message carries a user id and
none was merged or refused for a limit; a trait has to be right everywhere, so it reads from the store whose each single
message is. It does so once for all traits that are to be computed, as after a rebuild or when several are added; then
each is counted. A trait that is added by itself is counted alone, and whose its messages are is read for it. Writing
brings states and values to the profiles, which takes as long as there are people, not events.
Processor time tells the ratio on a machine that does other work.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import report
from many_events import START, close_days
from sqlalchemy import Connection, select

from core.clock import FixedClock, to_millis
from core.events.event_log import EventLog, open_event_log
from core.events.history.layout import history_folder
from core.events.history.relation import connect, open_events
from core.identity.rules import add_identifiers
from core.profiles.build import ProfileBuilder
from core.profiles.progress import read_offset, write_offset
from core.storage.tables import computed_traits, identifiers, profile_messages
from core.traits.computed_trait import ComputedTrait
from core.traits.definition import compile_trait
from core.traits.engine import ComputedTraitEngine
from core.traits.history import EVENT_COLUMNS
from core.traits.history_count import HistoryCount
from core.traits.owner_map import Offsets, OwnerMap
from core.traits.owners import read_owners
from core.traits.store import count_owners, create_trait, delete_trait, list_traits
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace, open_workspace

_BUILT_ROWS = 100_000
_AT = "epoch_ms(CAST(body->>'$.timestamp' AS TIMESTAMP))"
_FROM = "FROM read_parquet($files) JOIN who USING (user_id) WHERE"
_ORDERS = f"{_FROM} type = 'track' AND name = 'Order Completed'"
_PRICE = "CAST(body->>'$.properties.price' AS DOUBLE)"
TRAITS = {
    "page views, half of the events": (
        "event_counter",
        {"message_type": "page"},
        f"SELECT profile_id, count(*), max({_AT}) {_FROM} type = 'page' GROUP BY 1",
    ),
    "orders above 50, of a tenth": (
        "event_counter",
        {
            "event": "Order Completed",
            "conditions": [{"property": "price", "operator": "greater_than", "value": 50}],
        },
        f"SELECT profile_id, count(*), max({_AT}) {_ORDERS} AND {_PRICE} > 50 GROUP BY 1",
    ),
    "sum of orders, a tenth": (
        "aggregation",
        {"event": "Order Completed", "property": "price", "aggregate": "sum"},
        f"SELECT profile_id, sum({_PRICE}), max({_AT}) {_ORDERS} GROUP BY 1",
    ),
    "last currency, a tenth": (
        "last",
        {"event": "Order Completed", "property": "currency"},
        f"SELECT profile_id, arg_max(body->>'$.properties.currency', {_AT}), max({_AT}) {_ORDERS} GROUP BY 1",
    ),
}


@dataclass
class Timer:
    """What was done, with the time and processor time of the best run of each."""

    repeat: int
    found: report.Report
    rows: int
    spent: dict[str, tuple[float, float]] = field(default_factory=dict)

    def run(self, name: str, work: Callable[[], object]) -> None:
        runs = []
        for _ in range(self.repeat):
            started, processor = time.perf_counter(), time.process_time()
            work()
            runs.append((time.perf_counter() - started, time.process_time() - processor))
        self.spent[name] = min(run[0] for run in runs), min(run[1] for run in runs)
        note = f"{self.spent[name][1]:.2f} s of processor time"
        self.found.add(report.Measurement(name, self.spent[name][0], self.rows, tuple(run[0] for run in runs), note))

    def compare(self, name: str, ours: Sequence[str], bare: Sequence[str]) -> None:
        for part, what in enumerate(("time", "processor time")):
            sums = [sum(self.spent[each][part] for each in names) for names in (ours, bare)]
            self.found.ratios[f"{name}, {what}"] = sums[0] / sums[1]


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=1_000_000)
    parser.add_argument("--people", type=int, default=20_000, help="how many people sent them (default 20,000)")
    parser.add_argument("--traits", type=int, default=len(TRAITS), help="how many of the traits")
    parser.add_argument("--home", help="keep the events in this folder, and use those of an earlier run")
    arguments = parser.parse_args(argv)
    rows: int = arguments.rows
    found = report.Report(f"the history of computed traits, {rows:,} events, {arguments.people:,} people")
    with ExitStack() as stack:
        folder = arguments.home or stack.enter_context(tempfile.TemporaryDirectory(prefix="onramp-traits-"))
        workspace = open_workspace(folder, clock=FixedClock(START.replace(year=START.year + 1)))
        stack.callback(workspace.close)
        log, space_id = open_event_log(workspace), ensure_space(workspace).id
        with workspace.database.reading() as connection:
            is_filled = read_offset(connection, space_id) == rows
        if not is_filled:
            close_days(log, rows, 30, users=2 * arguments.people)
            _fill(workspace, log, space_id, rows, arguments.people)
        race = _Race(workspace, log, space_id, rows, Timer(arguments.repeat, found, rows))
        race.run(list(islice(TRAITS.items(), arguments.traits)))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found.facts["peak of this process"] = f"{peak:,.0f} MB"
    found.print(as_json=arguments.json)
    return 0


@dataclass(frozen=True)
class _Race:
    workspace: Workspace
    log: EventLog
    space_id: str
    rows: int
    timer: Timer

    def run(self, traits: Sequence[tuple[str, tuple[str, dict[str, object], str]]]) -> None:
        timer = self.timer
        for trait in list_traits(self.workspace, self.space_id):
            delete_trait(self.workspace, trait.id)
        made = [
            create_trait(self.workspace, self.space_id, name=name, kind=kind, definition=definition)
            for name, (kind, definition, _) in traits
        ]
        people = [self._ask(trait, bare) for trait, (_, (_, _, bare)) in zip(made, traits, strict=True)]
        with open_events(self.log, EVENT_COLUMNS) as database, self._open_map(database) as who:
            timer.run("whose each message is", who.read)
            for trait, wanted in zip(made, people, strict=True):
                self._count(f"{trait.name}: counted", wanted, partial(_count_people, database, who, trait))
        for trait, wanted in zip(made, people, strict=True):
            self._count(f"{trait.name}: counted alone", wanted, partial(self._count_alone, trait))
        counted = [f"{trait.name}: counted" for trait in made]
        bare = [f"{trait.name}: bare query" for trait in made]
        timer.compare("all traits / bare queries", ["whose each message is", *counted], bare)
        for trait in made:
            timer.compare(trait.name, [f"{trait.name}: counted"], [f"{trait.name}: bare query"])
            timer.compare(f"{trait.name}, alone", [f"{trait.name}: counted alone"], [f"{trait.name}: bare query"])
        timer.repeat = 1
        timer.run("all traits in the profiles", self._build)
        timer.compare("all traits in the profiles / bare queries", ["all traits in the profiles"], bare)
        self._check(made, people)

    def _ask(self, trait: ComputedTrait, bare: str) -> int:
        people: list[int] = []

        def ask() -> None:
            with connect(self.log) as database, self.workspace.database.reading() as connection:
                table = identifiers.c
                query = select(table.value, table.profile_id).where(
                    table.space_id == self.space_id, table.type == "user_id"
                )
                known = connection.execute(query).all()
                names = pa.table({"user_id": [row[0] for row in known], "profile_id": [row[1] for row in known]})
                database.register("who", names)
                files = f"{history_folder(self.log.path)}/*.parquet"
                people.append(len(database.execute(bare, {"files": files}).fetchall()))

        self.timer.run(f"{trait.name}: bare query", ask)
        return people[-1]

    def _count(self, name: str, people: int, count: Callable[[], int]) -> None:
        counted: list[int] = []
        self.timer.run(name, lambda: counted.append(count()))
        if counted[-1] != people:
            raise SystemExit(f"{counted[-1]} people were counted, and {people} by the bare query")

    def _count_alone(self, trait: ComputedTrait) -> int:
        with open_events(self.log, EVENT_COLUMNS) as database, self._open_map(database) as who:
            return _count_people(database, who, trait)

    def _build(self) -> None:
        ProfileBuilder(self.workspace, self.space_id, ComputedTraitEngine()).build()

    def _check(self, traits: Sequence[ComputedTrait], people: Sequence[int]) -> None:
        with self.workspace.database.reading() as connection:
            done = connection.execute(select(computed_traits.c.computed_to)).scalars().all()
        if set(done) != {self.rows} or [count_owners(self.workspace, trait) for trait in traits] != list(people):
            raise SystemExit("the builder did not compute the histories")

    @contextmanager
    def _open_map(self, database: duckdb.DuckDBPyConnection) -> Iterator[OwnerMap]:
        def read(only: Offsets | None) -> Iterator[pa.Table]:
            with self.workspace.database.reading() as connection:
                yield from read_owners(connection, self.space_id, 1, self.rows, only)

        with OwnerMap(database, 1, self.rows, read) as who:
            yield who


def _count_people(database: duckdb.DuckDBPyConnection, who: OwnerMap, trait: ComputedTrait) -> int:
    """Count the trait, read what everybody has, and return how many have it."""
    return sum(1 for _ in HistoryCount(database, compile_trait(trait), who).read(lambda: to_millis(START)))


def _fill(workspace: Workspace, log: EventLog, space_id: str, rows: int, people: int) -> None:
    """Make profiles, each of two user ids, and say whose each message is, as the builder would in hours."""
    add_identifiers(workspace, space_id, ["user_id"])
    at_ms, count = to_millis(START), "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1)"
    traits = f"""'{{"email":["u' || i || '@example.com",{at_ms},0,null],"name":["Ada ' || i || '",{at_ms},0,null]}}'"""
    with workspace.database.transaction() as connection:
        connection.exec_driver_sql(
            f"{count} INSERT INTO profiles SELECT ?, printf('use_%026d', i), ?, 0, ?, NULL, 0, {traits} FROM n",
            (people, space_id, at_ms, at_ms),
        )
        connection.exec_driver_sql(
            f"""{count} INSERT INTO identifiers
            SELECT ?, 'user_id', 'u' || i, printf('use_%026d', i % ?), ?, ?, 0, 'src_web' FROM n ORDER BY 3""",
            (2 * people, space_id, people, at_ms, at_ms),
        )
        for index in profile_messages.indexes:
            index.drop(connection)
    for path in sorted(history_folder(log.path).glob("*.parquet")):
        with workspace.database.transaction() as connection:
            _own(connection, space_id, path, people)
    with workspace.database.transaction() as connection:
        for index in profile_messages.indexes:  # at once: row by row it takes longer than all the rest
            index.create(connection)
        write_offset(connection, space_id, rows, workspace.now())


def _own(connection: Connection, space_id: str, path: Path, people: int) -> None:
    with duckdb.connect() as database:
        result = database.execute(
            """SELECT to_json({o: "offset", p: CAST(user_id[2:] AS BIGINT) % ?, t: type}) FROM read_parquet(?)""",
            [people, str(path)],
        )
        while some := result.fetchmany(_BUILT_ROWS):
            connection.exec_driver_sql(
                """INSERT INTO profile_messages
                SELECT ?, value->>'o', printf('use_%026d', value->>'p'), value->>'t' FROM json_each(?)""",
                (space_id, f"[{','.join(row[0] for row in some)}]"),
            )


if __name__ == "__main__":
    report.run(main)
