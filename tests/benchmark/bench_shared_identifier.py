"""A value that very many people share, such as a shop's phone: the same history with it and with a phone for each.

What a rule refuses costs a line of its own, and nothing may grow with how many share the value. Then what a person does
about it: the alarms, a page of violations, and an undo whose family is everybody who shares the value.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import orjson
import report

from core.errors import CoreError
from core.events.event_log import LogEntry, open_event_log
from core.identity.rules import add_custom_identifier, add_identifiers
from core.profiles.alarms import read_alarms
from core.profiles.build import ProfileBuilder
from core.profiles.lookup import get_profile
from core.profiles.undo import Act, plan_split, split
from core.profiles.violations import count_violations, list_violations
from core.traits.engine import ComputedTraitEngine
from core.workspaces.spaces import connect_source, ensure_space
from core.workspaces.workspace import Workspace, open_workspace

SOURCE = "src_shop"
SHOP = "+14155550999"
START = datetime(2026, 11, 1, tzinfo=UTC)


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    arguments = report.make_parser(__doc__, rows=100_000).parse_args(argv)
    rows = arguments.rows
    found = report.Report(f"a phone that {rows:,} people share, 2 messages each")
    with open_shop(rows, lambda number: f"+1{number:010}") as (workspace, space_id):
        own = _time(lambda: _build(workspace, space_id))
    found.add(report.Measurement("build, a phone for each", own, 2 * rows))
    with open_shop(rows, lambda _: SHOP) as (workspace, space_id):
        shared = _time(lambda: _build(workspace, space_id))
        found.add(report.Measurement("build, one phone for all", shared, 2 * rows))
        (alarm,) = read_alarms(workspace, space_id).shared
        found.facts["the alarm"] = f"{alarm.identifier.value}, {alarm.people:,} people, {alarm.refusals:,} refusals"
        for name, work in (
            ("alarms", lambda: read_alarms(workspace, space_id)),
            ("violations counted by rule", lambda: count_violations(workspace, space_id)),
            (
                "a page of violations of the value",
                lambda: list_violations(workspace, space_id, type="phone", value=SHOP),
            ),
        ):
            found.add(report.measure(name, 1, work, repeat=arguments.repeat))
        _measure_undo(workspace, space_id, found, rows)
    found.ratios["one phone for all / a phone for each, time"] = shared / own
    found.print(as_json=arguments.json)
    return 0


@contextmanager
def open_shop(rows: int, phone: Callable[[int], str]) -> Iterator[tuple[Workspace, str]]:
    """A space whose people come twice, the second time with a phone."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(folder)
        space_id = ensure_space(workspace).id
        connect_source(workspace, space_id, SOURCE)
        add_identifiers(workspace, space_id, ["user_id", "email", "anonymous_id"])
        add_custom_identifier(workspace, space_id, "phone")
        open_event_log(workspace).append(_make_entries(rows, phone))
        yield workspace, space_id
        open_event_log(workspace).close()
        workspace.close()


def _make_entries(rows: int, phone: Callable[[int], str]) -> Iterator[LogEntry]:
    # a visitor, whom the last message makes one with the first customer: the merge that is undone
    yield _make_entry("first", START, anonymousId="web")
    for number in range(2 * rows):
        traits = {"n": number} if number < rows else {"n": number, "phone": phone(number % rows)}
        yield _make_entry(f"m{number}", START + timedelta(seconds=number), userId=f"u{number % rows}", traits=traits)
    yield _make_entry("last", START + timedelta(days=9), userId="u0", anonymousId="web")


def _make_entry(message_id: str, at: datetime, **fields: object) -> LogEntry:
    message = {"type": "identify", "messageId": message_id, "timestamp": at.isoformat(), **fields}
    return LogEntry(SOURCE, message_id, "identify", None, None, at, orjson.dumps(message))


def _build(workspace: Workspace, space_id: str) -> None:
    ProfileBuilder(workspace, space_id, ComputedTraitEngine()).build()


def _measure_undo(workspace: Workspace, space_id: str, found: report.Report, rows: int) -> None:
    merges = get_profile(workspace, space_id, "anonymous_id:web").merges
    if not merges:
        found.not_measured["undo"] = "nothing was merged"
        return
    engine, merged_id = ComputedTraitEngine(), merges[0].merged_id
    try:
        planned = _time(lambda: plan_split(workspace, space_id, Act.UNDO, merged_id, engine))
        undone = _time(lambda: split(workspace, space_id, Act.UNDO, merged_id, engine))
    except CoreError as error:
        found.not_measured["undo"] = error.message
        return
    found.add(report.Measurement("undo planned, family of everybody", planned, 2 * rows))
    found.add(report.Measurement("undo done, family of everybody", undone, 2 * rows))


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    report.run(main)
