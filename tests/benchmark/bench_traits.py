"""The history of a computed trait, beside the bare DuckDB query for the same answer over the same files.

The bare query groups by the user id that each event carries, so it need not know whose a message is after merges, and
it knows how every property is spelled. Counting is what the trait does up to the states; writing brings them and their
values to the profiles, which takes as long as there are people, not events.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import report
from many_events import START, close_days
from sqlalchemy import select

from core.clock import FixedClock, to_millis
from core.events.event_log import EventLog, open_event_log
from core.events.history.day_file import ROW_GROUP_EVENTS
from core.events.history.layout import history_folder
from core.events.history.relation import connect, open_events
from core.identity.rules import add_identifiers
from core.profiles.build import ProfileBuilder
from core.profiles.bulk import upsert_rows
from core.profiles.progress import write_offset
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

USERS = 200_000
_BUILT_ROWS = 100_000
_AT = "epoch_ms(CAST(body->>'$.timestamp' AS TIMESTAMP))"
_ORDERS = "FROM read_parquet(?) WHERE type = 'track' AND name = 'Order Completed'"
_PRICE = "CAST(body->>'$.properties.price' AS DOUBLE)"
TRAITS = {
    "page views, half of the events": (
        "event_counter",
        {"message_type": "page"},
        f"SELECT user_id, count(*), max({_AT}) FROM read_parquet(?) WHERE type = 'page' GROUP BY 1",
    ),
    "orders above 50, of a tenth": (
        "event_counter",
        {
            "event": "Order Completed",
            "conditions": [{"property": "price", "operator": "greater_than", "value": 50}],
        },
        f"SELECT user_id, count(*), max({_AT}) {_ORDERS} AND {_PRICE} > 50 GROUP BY 1",
    ),
    "sum of orders, a tenth": (
        "aggregation",
        {"event": "Order Completed", "property": "price", "aggregate": "sum"},
        f"SELECT user_id, sum({_PRICE}), max({_AT}) {_ORDERS} GROUP BY 1",
    ),
    "last currency, a tenth": (
        "last",
        {"event": "Order Completed", "property": "currency"},
        f"SELECT user_id, arg_max(body->>'$.properties.currency', {_AT}), max({_AT}) {_ORDERS} GROUP BY 1",
    ),
}


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=1_000_000)
    parser.add_argument("--times", type=int, default=1, help="the same events that many times, later each (default 1)")
    parser.add_argument("--traits", type=int, default=len(TRAITS), help="how many of the traits")
    arguments = parser.parse_args(argv)
    rows: int = arguments.rows * arguments.times
    found = report.Report(f"the history of a computed trait, {rows:,} events, up to {USERS:,} people")
    with tempfile.TemporaryDirectory(prefix="onramp-traits-") as folder:
        workspace = open_workspace(folder, clock=FixedClock(START.replace(year=START.year + 1)))
        log = open_event_log(workspace)
        close_days(log, arguments.rows, 1)
        space_id = _fill(workspace, log, arguments.rows)
        _repeat(workspace, log, space_id, arguments.rows, arguments.times)
        for name, (kind, definition, bare) in islice(TRAITS.items(), arguments.traits):
            trait = create_trait(workspace, space_id, name=name, kind=kind, definition=definition)
            _race(found, workspace, log, rows, trait, bare, arguments.repeat)
        workspace.close()
    found.print(as_json=arguments.json)
    return 0


def _fill(workspace: Workspace, log: EventLog, rows: int) -> str:
    """Make a profile a user, and say whose each message is: what the builder would have taken an hour for."""
    space_id = ensure_space(workspace).id
    add_identifiers(workspace, space_id, ["user_id"])
    now_ms = to_millis(START)
    with workspace.database.transaction() as connection:
        people = ((space_id, f"use_{user:026d}", now_ms, 0, now_ms, None, 0, "{}") for user in range(USERS))
        _insert(lambda some: upsert_rows(connection, profiles, some), people)
    for path in sorted(history_folder(log.path).glob("*.parquet")):
        with connect(log) as database, workspace.database.transaction() as connection:
            result = database.execute('SELECT "offset", user_id, type FROM read_parquet(?)', [str(path)])
            owned = (
                (space_id, offset, f"use_{int(user[1:]):026d}", type_)
                for offset, user, type_ in iter(result.fetchone, None)
            )
            _insert(lambda some: upsert_rows(connection, profile_messages, some), owned)
    with workspace.database.transaction() as connection:
        write_offset(connection, space_id, rows, workspace.now())
    return space_id


def _repeat(workspace: Workspace, log: EventLog, space_id: str, rows: int, times: int) -> None:
    """Have the same events once more with later offsets: people have more of them, as in a long history."""
    (base,) = history_folder(log.path).glob("*.parquet")
    for number in range(1, times):
        path = base.with_name(f"again_{number:04d}.parquet")
        with connect(log) as database:
            again = f'SELECT * REPLACE ("offset" + {number * rows} AS "offset") FROM read_parquet(?)'
            database.execute(
                f"COPY ({again}) TO '{path}' (COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_EVENTS})", [str(base)]
            )
        with log.writing() as connection:
            values = (number * rows + 1, (number + 1) * rows, "2026-10-01", path.name, 0, "{}")
            connection.execute("INSERT INTO closed_files VALUES (?, ?, ?, ?, ?, ?)", values)
            connection.execute("UPDATE sqlite_sequence SET seq = ?", ((number + 1) * rows,))
        with workspace.database.transaction() as connection:
            later = "SELECT space_id, log_offset + ?, profile_id, type FROM profile_messages WHERE log_offset <= ?"
            connection.exec_driver_sql(f"INSERT INTO profile_messages {later}", (number * rows, rows))
    with workspace.database.transaction() as connection:
        write_offset(connection, space_id, rows * times, workspace.now())


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
    repeat: int,
) -> None:
    people: list[int] = []

    def ask() -> None:
        with connect(log) as database:
            people.append(len(database.execute(bare, [f"{history_folder(log.path)}/*.parquet"]).fetchall()))

    def count() -> None:
        with open_events(log, EVENT_COLUMNS) as database, workspace.database.reading() as connection:
            owners = lambda: read_owners(connection, trait.space_id, 1, rows)  # noqa: E731 - asked for later
            counted = sum(1 for _ in HistoryCount(database, compile_trait(trait), 1, rows, owners))
        if counted != people[-1]:
            raise SystemExit(f"{counted} people were counted, and {people[-1]} by the bare query")

    base = found.add(report.measure(f"{trait.name}: bare query", rows, ask, repeat=repeat))
    ours = found.add(report.measure(f"{trait.name}: states counted", rows, count, repeat=repeat))
    found.ratios[f"{trait.name}: states counted / bare query"] = ours.seconds / base.seconds
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
