"""The history of a computed trait, beside the bare DuckDB query for the same answer over the same files.

The bare query finds people by the user id that each event carries, so it need not be told whose a message is after
merges, and it knows how every property is spelled. Counting is what the trait does up to the states; writing brings
them and their values to the profiles, which takes as long as there are people, not events. Processor time tells the
ratio on a machine that does other work.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

import report
from many_events import START, close_days
from sqlalchemy import select

from core.clock import FixedClock, to_millis
from core.events.event_log import EventLog, open_event_log
from core.events.history.layout import history_folder
from core.events.history.relation import connect, open_events
from core.identity.rules import add_identifiers
from core.profiles.build import ProfileBuilder
from core.profiles.progress import write_offset
from core.storage.bulk import upsert_rows
from core.storage.tables import computed_traits, profile_messages, profiles
from core.traits.computed_trait import ComputedTrait
from core.traits.definition import compile_trait
from core.traits.engine import ComputedTraitEngine
from core.traits.history import EVENT_COLUMNS
from core.traits.history_count import HistoryCount
from core.traits.owners import read_owners
from core.traits.store import count_owners, create_trait
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace, open_workspace

_BUILT_ROWS = 100_000
_WHO = "CAST(user_id[2:] AS INTEGER) % $people"
_AT = "epoch_ms(CAST(body->>'$.timestamp' AS TIMESTAMP))"
_ORDERS = "FROM read_parquet($files) WHERE type = 'track' AND name = 'Order Completed'"
_PRICE = "CAST(body->>'$.properties.price' AS DOUBLE)"
TRAITS = {
    "page views, half of the events": (
        "event_counter",
        {"message_type": "page"},
        f"SELECT {_WHO}, count(*), max({_AT}) FROM read_parquet($files) WHERE type = 'page' GROUP BY 1",
    ),
    "orders above 50, of a tenth": (
        "event_counter",
        {
            "event": "Order Completed",
            "conditions": [{"property": "price", "operator": "greater_than", "value": 50}],
        },
        f"SELECT {_WHO}, count(*), max({_AT}) {_ORDERS} AND {_PRICE} > 50 GROUP BY 1",
    ),
    "sum of orders, a tenth": (
        "aggregation",
        {"event": "Order Completed", "property": "price", "aggregate": "sum"},
        f"SELECT {_WHO}, sum({_PRICE}), max({_AT}) {_ORDERS} GROUP BY 1",
    ),
    "last currency, a tenth": (
        "last",
        {"event": "Order Completed", "property": "currency"},
        f"SELECT {_WHO}, arg_max(body->>'$.properties.currency', {_AT}), max({_AT}) {_ORDERS} GROUP BY 1",
    ),
}


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=1_000_000)
    parser.add_argument("--people", type=int, default=5_000, help="how many people sent them (default 5,000)")
    parser.add_argument("--traits", type=int, default=len(TRAITS), help="how many of the traits")
    arguments = parser.parse_args(argv)
    rows: int = arguments.rows
    found = report.Report(f"the history of a computed trait, {rows:,} events, {arguments.people:,} people")
    with tempfile.TemporaryDirectory(prefix="onramp-traits-") as folder:
        workspace = open_workspace(folder, clock=FixedClock(START.replace(year=START.year + 1)))
        log = open_event_log(workspace)
        close_days(log, rows, 30)
        space_id = _fill(workspace, log, rows, arguments.people)
        for name, (kind, definition, bare) in islice(TRAITS.items(), arguments.traits):
            trait = create_trait(workspace, space_id, name=name, kind=kind, definition=definition)
            _race(found, workspace, log, rows, trait, bare, arguments.people, arguments.repeat)
        workspace.close()
    found.print(as_json=arguments.json)
    return 0


def _fill(workspace: Workspace, log: EventLog, rows: int, people_: int) -> str:
    """Make profiles, each of several user ids, and say whose each message is, as the builder would in an hour."""
    space_id = ensure_space(workspace).id
    add_identifiers(workspace, space_id, ["user_id"])
    now_ms = to_millis(START)
    with workspace.database.transaction() as connection:
        people = ((space_id, f"use_{user:026d}", now_ms, 0, now_ms, None, 0, "{}") for user in range(people_))
        _insert(lambda some: upsert_rows(connection, profiles, some), people)
    for path in sorted(history_folder(log.path).glob("*.parquet")):
        with connect(log) as database, workspace.database.transaction() as connection:
            result = database.execute('SELECT "offset", user_id, type FROM read_parquet(?)', [str(path)])
            owned = (
                (space_id, offset, f"use_{int(user[1:]) % people_:026d}", type_)
                for offset, user, type_ in iter(result.fetchone, None)
            )
            _insert(lambda some: upsert_rows(connection, profile_messages, some), owned)
    with workspace.database.transaction() as connection:
        write_offset(connection, space_id, rows, workspace.now())
    return space_id


def _insert(write: Callable[[Sequence[tuple[object, ...]]], None], rows: Iterator[tuple[object, ...]]) -> None:
    while some := list(islice(rows, _BUILT_ROWS)):
        write(some)


def _race(
    found: report.Report,
    workspace: Workspace,
    log: EventLog,
    rows: int,
    trait: ComputedTrait,
    bare: str,
    people_: int,
    repeat: int,
) -> None:
    people: list[int] = []
    spent: dict[str, list[float]] = {"bare": [], "ours": []}

    def ask() -> None:
        started = time.process_time()
        with connect(log) as database:
            values = {"people": people_, "files": f"{history_folder(log.path)}/*.parquet"}
            people.append(len(database.execute(bare, values).fetchall()))
        spent["bare"].append(time.process_time() - started)

    def count() -> None:
        started = time.process_time()
        with open_events(log, EVENT_COLUMNS) as database, workspace.database.reading() as connection:
            owners = partial(read_owners, connection, trait.space_id, 1, rows)
            counted = sum(1 for _ in HistoryCount(database, compile_trait(trait), 1, rows, owners))
        spent["ours"].append(time.process_time() - started)
        if counted != people[-1]:
            raise SystemExit(f"{counted} people were counted, and {people[-1]} by the bare query")

    base = found.add(report.measure(f"{trait.name}: bare query", rows, ask, repeat=repeat))
    ours = found.add(report.measure(f"{trait.name}: states counted", rows, count, repeat=repeat))
    found.ratios[f"{trait.name}: states counted / bare query"] = ours.seconds / base.seconds
    found.ratios[f"{trait.name}: the same in processor time"] = min(spent["ours"]) / min(spent["bare"])
    started = time.perf_counter()
    ProfileBuilder(workspace, trait.space_id, ComputedTraitEngine()).build()
    whole = time.perf_counter() - started
    with workspace.database.reading() as connection:
        done = connection.execute(
            select(computed_traits.c.computed_to).where(computed_traits.c.id == trait.id)
        ).scalar()
    if done != rows or count_owners(workspace, trait) != people[-1]:
        raise SystemExit("the builder did not compute the history")
    note = f"of which writing {people[-1]:,} people {whole - ours.seconds:.1f} s"
    found.add(report.Measurement(f"{trait.name}: in the profiles", whole, rows, note=note))


if __name__ == "__main__":
    report.run(main)
