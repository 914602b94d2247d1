"""Rows of a warehouse to unified profiles, end to end, as one worker does it: profiles are built beside the delivery.

And its two halves one after the other, each alone on the machine: the sync into the event log, the build from it; then
a bare baseline: parse each message, write the same rows to the same tables, and not know whose a message is.
Then all of them are built again, beside those that are read.
Then events of people who are there, in any order; beside them to parse each and update one row by its key.
Then live events, one at a time: the builder takes the space, applies the event, commits, and gives the space back. Once
each as it comes, after the processor has idled until the event was on the disk, once a hundred that wait; beside them a
bare commit of one row that waits for the disk.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random

import orjson
import report
from bare_store import BareStore, open_bare
from big_sync import BigSync, open_big_sync
from store import add_store, use_store

from core.clock import to_iso
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.profiles.batch import BATCH_MESSAGES
from core.profiles.build import ProfileBuilder, rebuild
from core.profiles.lookup import count_profiles
from core.profiles.reading import EventFilter, read_reading
from core.syncs.run import get_run, request_run
from core.traits.engine import ComputedTraitEngine
from core.traits.store import add_recipes
from core.worker import Worker
from core.workspaces.spaces import list_connected_sources
from core.workspaces.spans import FROM_THE_START

LIMIT_S = 600.0
LIVE_EVENTS = 100
_COUNTED = "Flex - Engagement Initiated"
_BUILT = ("profiles", "identifiers", "profile_messages")


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=100_000)
    add_store(parser)
    arguments = parser.parse_args(argv)
    size = f"{arguments.rows:,} rows, 8 columns, 2 identifiers, 2 computed traits"
    found = report.Report(f"rows -> profiles, {size}, {arguments.store}")
    with use_store(arguments.store), open_big_sync(arguments.rows) as big:
        add_recipes(big.workspace, big.space.id, ["total_inbounds", "frequent_inbound_channel"])
        synced = _time(lambda: _require_delivered(big, arguments.rows))
        build = _time(lambda: _require_built(big, arguments.rows))
        bare, rebuilt = list[float](), list[float]()
        for _ in range(arguments.repeat):
            with open_bare(big.workspace, _BUILT) as store:
                bare.append(_write_bare(big, store))
            rebuild(big.workspace, big.space.id)
            rebuilt.append(_time(lambda: _require_built(big, arguments.rows)))
        with open_bare(big.workspace, _BUILT) as store:
            _write_bare(big, store)
            first = _append_events(big, arguments.rows)
            known, bare_known = _time(lambda: _require_counted(big, arguments.rows)), _update_bare(big, store, first)
            live, waiting = _apply_live_events(big), _apply_waiting_events(big)
            commits = [_time(lambda number=number: store.commit_row(number)) for number in range(LIVE_EVENTS)]
        selected = {count: _select(big, count) for count in (0, 1, 10)}
    with use_store(arguments.store), open_big_sync(arguments.rows) as big:
        add_recipes(big.workspace, big.space.id, ["total_inbounds", "frequent_inbound_channel"])
        worker = Worker(big.workspace)
        worker.start()
        worked = _time(lambda: _require_worked(big, arguments.rows))
        worker.stop()
    found.add(report.Measurement("end to end, one worker", worked, arguments.rows, note="request to last profile"))
    found.add(report.Measurement("sync: rows to event log", synced, arguments.rows, note="first run, durable"))
    found.add(report.Measurement("build: event log to profiles", build, arguments.rows))
    found.add(report.Measurement("bare: parse each message, write the same rows", min(bare), arguments.rows))
    again = tuple(round(run, 4) for run in rebuilt)
    found.add(report.Measurement("rebuild: all of them again, beside", min(rebuilt), arguments.rows, again))
    found.add(report.Measurement("build: events of people who are there", known, arguments.rows))
    found.add(report.Measurement("bare: parse each event, update one row", bare_known, arguments.rows))
    found.add(report.Measurement("a live event, from the log to a committed profile", statistics.median(live), 1))
    found.add(report.Measurement("the same, one of a hundred that wait", statistics.median(waiting), 1))
    found.add(report.Measurement("bare: one row to the disk", statistics.median(commits), 1))
    found.ratios["build / bare"] = build / min(bare)
    found.ratios["rebuild / build"] = min(rebuilt) / build
    found.ratios["events of people who are there / bare"] = known / bare_known
    for count, seconds in selected.items():
        found.add(report.Measurement(f"choosing what the space reads, {count} event filters", seconds, arguments.rows))
    found.facts["the slowest of 100 live events"] = f"{max(live) * 1000:.1f} ms"
    found.print(as_json=arguments.json)
    return 0


def _require_delivered(big: BigSync, rows: int) -> None:
    run = big.run()
    if run.sheet is None or not run.sheet.closes or run.sheet.delivered != rows:
        raise SystemExit(f"the run did not deliver every row: {run.state} {run.error} {run.sheet}")


def _require_built(big: BigSync, rows: int) -> None:
    report_ = ProfileBuilder(big.workspace, big.space.id, ComputedTraitEngine()).build()
    if report_.profiles_created != rows:
        raise SystemExit(f"the build did not make a profile a row: {report_}")


def _append_events(big: BigSync, count: int) -> int:
    """Append events of random customers to the log, most of which count for a trait; return the offset before them."""
    log, random, now = open_event_log(big.workspace), Random(1), datetime.now(UTC)
    source_id, first = min(list_connected_sources(big.workspace, big.space.id)), log.last_offset()
    names = (_COUNTED, "Order Completed", "Page Viewed")
    for start in range(0, count, BATCH_MESSAGES):
        entries = []
        for number in range(start, min(start + BATCH_MESSAGES, count)):
            user = f"c{random.randrange(count):09d}"
            message = {"type": "track", "event": random.choice(names), "userId": user, "anonymousId": f"a-{user}"}
            message |= {"messageId": f"known-{number}", "timestamp": to_iso(now + timedelta(milliseconds=number))}
            sent = {"direction": "Inbound", "channelType": random.choice(["SMS", "voice"]), "revenue": 12.5}
            entries.append(to_log_entry(source_id, {**message, "properties": sent}, now))
        log.append(entries)
    return first


def _require_counted(big: BigSync, count: int) -> None:
    report_ = ProfileBuilder(big.workspace, big.space.id, ComputedTraitEngine()).build()
    if (report_.applied, report_.profiles_created) != (count, 0):
        raise SystemExit(f"an event did not reach the person who is there: {report_}")


def _update_bare(big: BigSync, bare: BareStore, after: int) -> float:
    log, space_id = open_event_log(big.workspace), big.space.id
    started = time.perf_counter()
    while events := log.read(after, BATCH_MESSAGES):
        messages = [orjson.loads(event.body) for event in events]
        with bare.transaction():
            pairs = zip(events, messages, strict=True)
            bare.see([(event.offset, space_id, "user_id", each["userId"]) for event, each in pairs])
        after = events[-1].offset
    return time.perf_counter() - started


def _apply_live_events(big: BigSync) -> list[float]:
    builder = ProfileBuilder(big.workspace, big.space.id, ComputedTraitEngine())
    builder.build()  # the history of the traits
    found = []
    for number in range(LIVE_EVENTS):
        _send(big, number)
        found.append(_time(lambda: _require_applied(builder)))
    return found


def _apply_waiting_events(big: BigSync) -> list[float]:
    builder = ProfileBuilder(big.workspace, big.space.id, ComputedTraitEngine())
    for number in range(LIVE_EVENTS):
        _send(big, LIVE_EVENTS + number)
    return [_time(lambda: _require_applied(builder)) for _ in range(LIVE_EVENTS)]


def _send(big: BigSync, number: int) -> None:
    source_id, now = min(list_connected_sources(big.workspace, big.space.id)), datetime.now(UTC)
    message = {"type": "track", "event": _COUNTED, "userId": f"c{number:09d}", "messageId": f"live-{number}"}
    message |= {"timestamp": to_iso(now), "properties": {"direction": "Inbound", "channelType": "SMS"}}
    open_event_log(big.workspace).append([to_log_entry(source_id, message, now)])


def _require_applied(builder: ProfileBuilder) -> None:
    if builder.build(1).applied != 1:
        raise SystemExit("a live event did not reach a profile")


def _write_bare(big: BigSync, bare: BareStore) -> float:
    log, after = open_event_log(big.workspace), 0
    started = time.perf_counter()
    left = {table: iter(of_table) for table, of_table in bare.rows.items()}
    while events := log.read(after, BATCH_MESSAGES):
        for event in events:
            orjson.loads(event.body)
        with bare.transaction():
            for table, some in left.items():
                number = len(events) * len(bare.rows[table]) // len(bare.rows["profile_messages"])
                bare.insert(table, list(islice(some, number)))
        after = events[-1].offset
    return time.perf_counter() - started


def _select(big: BigSync, filters: int) -> float:
    """Return the processor time that the choice takes of a build; the filters hold from the first message on."""
    with big.workspace.database.reading() as connection:
        reading = read_reading(connection, big.space.id)
    queries = [f"type = 'track' and contains(event, 'Heartbeat {number}')" for number in range(filters - 1)]
    queries += ["match(traits.email, '*@nowhere.invalid')"] if filters else []
    held = tuple(EventFilter(query, query, query, FROM_THE_START) for query in queries)
    reading, log, after, taken = replace(reading, filters=held), open_event_log(big.workspace), 0, 0.0
    while events := log.read(after, BATCH_MESSAGES):
        started = time.process_time()
        reading.select(events)
        taken += time.process_time() - started
        after = events[-1].offset
    return taken


def _require_worked(big: BigSync, rows: int) -> None:
    run_id = request_run(big.workspace, big.sync.id).id
    deadline = time.monotonic() + LIMIT_S
    while count_profiles(big.workspace, big.space.id) < rows:
        if time.monotonic() > deadline:
            raise SystemExit(f"after {LIMIT_S:g} s the worker had not made a profile a row")
        time.sleep(0.05)
    run = get_run(big.workspace, run_id)
    if run.sheet is None or run.sheet.delivered != rows:
        raise SystemExit(f"the worker did not deliver every row: {run.state} {run.error}")


def _time(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    report.run(main)
