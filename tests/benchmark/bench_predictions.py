"""Training and scoring over a shop's whole history, beside what DuckDB needs to read the same messages and their times.

`--rows` counts customers; each has about 23 messages in thirteen months.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import report

from core.clock import FixedClock, to_millis
from core.events.event_log import open_event_log
from core.events.history.relation import open_events
from core.events.message import to_log_entry
from core.predictions.facts import open_facts
from core.predictions.prediction import Job, parse_definition
from core.predictions.run import run_job
from core.predictions.store import create_prediction, request_job
from core.profiles.progress import write_offset
from core.samples.demo_shop import SHOP_DAYS, invent_shoppers, shop_messages
from core.storage.bulk import upsert_rows
from core.storage.tables import identifiers, profile_messages, profiles
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace, open_workspace

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
OPENED_AT = NOW - timedelta(days=SHOP_DAYS)
AT_ONCE = 1_000
PURCHASE = {"targets": ["Order Completed"], "window_days": 30}
LIFETIME_VALUE = {"targets": ["Order Completed"], "amount_property": "revenue"}


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    arguments = report.make_parser(__doc__, rows=8_000).parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="onramp-predictions-") as folder:
        workspace = open_workspace(folder, clock=FixedClock(NOW))
        space_id = ensure_space(workspace).id
        messages = _fill(workspace, space_id, arguments.rows)
        found = report.Report(f"predictions over {messages:,} messages of {arguments.rows:,} customers")
        bare = found.add(report.measure("bare DuckDB: read, parse the times", messages, lambda: _read_bare(workspace)))
        definition = parse_definition("purchase", dict(PURCHASE))
        facts = found.add(
            report.measure("facts of a prediction", messages, lambda: _read_facts(workspace, space_id, definition))
        )
        found.ratios["facts, times bare DuckDB"] = facts.seconds / bare.seconds
        for kind, document in (("purchase", PURCHASE), ("lifetime_value", LIFETIME_VALUE)):
            made = create_prediction(workspace, space_id, kind, document)
            trained = _time(lambda prediction_id=made.id: run_job(workspace, prediction_id))  # type: ignore[misc]
            found.add(report.Measurement(f"{kind}: train, test, score, write scores", trained, messages))
            request_job(workspace, made.id, Job.SCORE)
            scored = _time(lambda prediction_id=made.id: run_job(workspace, prediction_id))  # type: ignore[misc]
            found.add(report.Measurement(f"{kind}: score again, write changes", scored, messages))
        workspace.close()
    found.print(as_json=arguments.json)
    return 0


def _fill(workspace: Workspace, space_id: str, customers: int) -> int:
    """Write the log, and the profiles as the builder would have made them."""
    log, at, written = open_event_log(workspace), to_millis(NOW), 0
    for start in range(0, customers, AT_ONCE):  # the messages of many people at once need more memory than the work
        users = [f"c{number}" for number in range(start, min(start + AT_ONCE, customers))]
        shoppers = invent_shoppers(users, OPENED_AT, NOW, joins_a_day=len(users) / SHOP_DAYS)
        with workspace.database.transaction() as connection:
            people = [(space_id, f"use_{each.user_id}", at, 1, at, None, 0, "{}") for each in shoppers]
            upsert_rows(connection, profiles, people)
            names = [(space_id, "user_id", each.user_id, f"use_{each.user_id}", at, at, 1, "src") for each in shoppers]
            upsert_rows(connection, identifiers, names)
        messages = list(shop_messages(shoppers, NOW))
        offsets = log.append([to_log_entry("src", message, NOW) for message in messages])
        rows = [
            (space_id, offset, f"use_{message['userId']}", "track")
            for offset, message in zip(offsets, messages, strict=True)
        ]
        with workspace.database.transaction() as connection:
            upsert_rows(connection, profile_messages, rows)
            write_offset(connection, space_id, log.last_offset(), NOW)
        written += len(messages)
    return written


def _read_bare(workspace: Workspace) -> None:
    with open_events(open_event_log(workspace), ("offset", "name", "body")) as database:
        database.execute(
            "CREATE TEMP TABLE bare AS SELECT name, epoch_ms(try_cast(json_extract_string(body, '$.timestamp') "
            "AS TIMESTAMPTZ)) AS at_ms FROM events"
        )


def _read_facts(workspace: Workspace, space_id: str, definition: object) -> None:
    with open_facts(workspace, space_id, definition, NOW):  # type: ignore[arg-type]
        pass


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    report.run(main)
