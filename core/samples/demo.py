"""The demo inside a workspace: its warehouse, made once, and the history of its Flex events and of its online shop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge
from pathlib import Path

import duckdb
import orjson

from core.errors import InvalidField, StorageFull
from core.events.event_log import LogEntry, open_event_log
from core.events.message import parse_time, to_log_entry
from core.samples.demo_events import (
    DEFAULT_ENGAGEMENTS,
    HISTORY_DAYS,
    INVENTED,
    Message,
    demo_flex_events,
    further_flex_events,
)
from core.samples.demo_people import DemoTruth
from core.samples.demo_shop import DEFAULT_SHOPPERS, SHOP_DAYS, invent_shoppers, shop_messages
from core.samples.demo_visitors import DEFAULT_VISITORS, demo_visitor_messages
from core.samples.demo_warehouse import DEFAULT_CUSTOMERS, Progress, build_demo_warehouse, demo_truth
from core.setup.entitled import create_entitled_source
from core.sources.store import Source, ensure_flex_source, list_sources
from core.warehouses.store import WarehouseRecord, list_warehouses, save_warehouse
from core.workspaces.spaces import connect_source, list_spaces
from core.workspaces.workspace import Workspace

DEMO_FILE = "demo.duckdb"
DEMO_WAREHOUSE_NAME = "Demo warehouse"
DEMO_SHOP_NAME = "Online shop"
_BATCH_MESSAGES = 2_000
_LOOKED_BACK = 50
"""Newest messages of a source that may be somebody's own, sent with its write key."""
BEHIND = timedelta(hours=6)
"""The shop sends some 150 messages a day, Flex some 210."""
_FEWEST_CUSTOMERS = 2_000
"""The shop has 1,500 of them."""


def count_customers() -> int:
    """Return how many customers the demo has: `ONRAMP_DEMO_CUSTOMERS`, else 20,000. Calls and chats go by it.

    Raises:
        InvalidField: It is no number, or not one that the demo can have.
    """
    text = os.environ.get("ONRAMP_DEMO_CUSTOMERS") or str(DEFAULT_CUSTOMERS)
    if not (text.isascii() and text.isdigit() and _FEWEST_CUSTOMERS <= int(text[:9]) <= DEFAULT_CUSTOMERS):
        raise InvalidField(
            f"The demo cannot have {text[:20]!r} customers.",
            hint=f"Set ONRAMP_DEMO_CUSTOMERS to a number from {_FEWEST_CUSTOMERS:,} to {DEFAULT_CUSTOMERS:,}.",
        )
    return int(text)


def get_demo_truth() -> DemoTruth:
    """Return what is true of the demo's customers."""
    return demo_truth(customers=count_customers())


def ensure_demo_warehouse(workspace: Workspace, progress: Progress | None = None) -> WarehouseRecord:
    """Return the demo warehouse, making its file and its record where they are missing. Safe to call again.

    The file is written under another name and renamed when complete, so a crash leaves no half of it.

    Raises:
        StorageFull: The file (about 10 MB) cannot be written.
    """
    ensure_demo_file(workspace, progress)
    for record in list_warehouses(workspace):
        if record.kind == "duckdb" and record.settings.get("path") == DEMO_FILE:
            return record
    return save_warehouse(workspace, kind="duckdb", name=DEMO_WAREHOUSE_NAME, settings={"path": DEMO_FILE})


def ensure_demo_file(workspace: Workspace, progress: Progress | None = None) -> str:
    """Make the demo warehouse's file where it is missing, and return its name, the setting of its warehouse.

    Raises:
        StorageFull: The file cannot be written.
    """
    path = workspace.home.warehouses / DEMO_FILE
    if not path.exists():
        _build(path, progress)
    return DEMO_FILE


def demo_messages(truth: DemoTruth, until: datetime) -> Iterator[Message]:
    """Yield the history of the Flex source that ends at `until`, oldest first: engagements and the web chat."""
    parts = (
        demo_flex_events(truth, until=until, engagements=_share_of(DEFAULT_ENGAGEMENTS)),
        demo_visitor_messages(truth, until=until, visitors=_share_of(DEFAULT_VISITORS)),
    )
    return merge(*parts, key=lambda message: str(message["timestamp"]))


def append_demo_events(workspace: Workspace, progress: Progress | None = None, *, until: datetime | None = None) -> int:
    """Write what Flex sent of the demo's customers until now, and return how many messages are new there.

    The history ends where the source was made. Later calls go on where the newest message stands, once that is some
    hours old, and complete a history that was interrupted: the messages have the same ids each time.
    """
    source, until = ensure_flex_source(workspace), until or workspace.now()
    log = open_event_log(workspace)
    before = log.count_by_source().get(source.id, 0)
    tell = progress or (lambda _what, _share: None)
    tell("inventing Flex engagements", 0.0)
    messages = list(_list_flex(get_demo_truth(), source.created_at, until, read_newest_invented(workspace, source)))
    for start in range(0, len(messages), _BATCH_MESSAGES):
        tell("writing Flex events", 0.3 + 0.7 * start / len(messages))
        log.append([_entry(source.id, message) for message in messages[start : start + _BATCH_MESSAGES]])
    tell("Flex events written", 1.0)
    return log.count_by_source().get(source.id, 0) - before


def append_demo_orders(workspace: Workspace, progress: Progress | None = None, *, until: datetime | None = None) -> int:
    """Write what some customers did in the demo's online shop until now, and return how many messages are new.

    The shop is a source of its own, connected with its whole history at once: thirteen months before the source was
    made. Later calls go on where the newest message stands, once that is some hours old.
    """
    source, until = _ensure_shop(workspace), until or workspace.now()
    newest = read_newest_invented(workspace, source)
    if newest is not None and not is_behind(newest, until):
        return 0
    opened_at = source.created_at - timedelta(days=SHOP_DAYS)
    log = open_event_log(workspace)
    before = log.count_by_source().get(source.id, 0)
    messages = list(shop_messages(invent_shoppers(_list_shoppers(), opened_at, until), until, since=newest))
    tell = progress or (lambda _what, _share: None)
    for start in range(0, len(messages), _BATCH_MESSAGES):
        tell("writing orders of the shop", start / len(messages))
        part = messages[start : start + _BATCH_MESSAGES]
        log.append([to_log_entry(source.id, message, until) for message in part])
    return log.count_by_source().get(source.id, 0) - before


def find_demo_shop(workspace: Workspace) -> Source | None:
    """Return the source of the demo's shop; a source of that name without an invented message is somebody's own."""
    named = next((each for each in list_sources(workspace, kind="http") if each.name == DEMO_SHOP_NAME), None)
    return named if named is not None and read_newest_invented(workspace, named) is not None else None


def read_newest_invented(workspace: Workspace, source: Source) -> datetime | None:
    """Return when the newest invented message of the source happened; None where it has none."""
    for event in open_event_log(workspace).search(source_id=source.id, limit=_LOOKED_BACK):
        message = orjson.loads(event.body)
        context = message.get("context")
        if isinstance(context, dict) and context.get("demo") == INVENTED:
            return parse_time(message["timestamp"])
    return None


def is_behind(newest: datetime, now: datetime) -> bool:
    """Say whether a source of the demo whose newest invented message happened then has to go on."""
    return now - newest >= BEHIND


def _list_flex(truth: DemoTruth, made_at: datetime, until: datetime, newest: datetime | None) -> Iterator[Message]:
    if newest is None or newest < made_at:
        history = demo_messages(truth, made_at)
        yield from (each for each in history if newest is None or (parse_time(each["timestamp"]) or made_at) >= newest)
    if is_behind(max(newest or made_at, made_at), until):
        a_day = _share_of(DEFAULT_ENGAGEMENTS // HISTORY_DAYS)
        yield from further_flex_events(truth, made_at, until, since=newest, engagements_a_day=a_day)


def _share_of(number: int) -> int:
    return number * count_customers() // DEFAULT_CUSTOMERS


def _list_shoppers() -> list[str]:
    """Return the customers that the sample SQL model keeps, in the order in which they find the shop."""
    known = sorted(record.record_id for record in get_demo_truth().contacts if record.is_complete)
    step = max(1, len(known) // DEFAULT_SHOPPERS)
    return [user_id for start in range(step) for user_id in known[start::step]]


def _ensure_shop(workspace: Workspace) -> Source:
    found = next((each for each in list_sources(workspace, kind="http") if each.name == DEMO_SHOP_NAME), None)
    source = found or create_entitled_source(workspace, kind="http", name=DEMO_SHOP_NAME)
    for space in list_spaces(workspace)[:1]:
        connect_source(workspace, space.id, source.id)
    return source


def _entry(source_id: str, message: dict[str, object]) -> LogEntry:
    at = parse_time(message["timestamp"])
    if at is None:
        raise ValueError("the demo made a message without a timestamp")
    # received when it happened: the demo stands for a workspace that was connected all along
    return to_log_entry(source_id, message, at)


def _build(path: Path, progress: Progress | None) -> None:
    customers = count_customers()
    draft = path.with_name(f".{path.stem}.{os.getpid()}.making")
    try:
        draft.unlink(missing_ok=True)
        build_demo_warehouse(draft, customers=customers, progress=progress)
        draft.replace(path)
    except (OSError, duckdb.IOException) as error:
        raise StorageFull(
            f"The demo warehouse cannot be written to {path.parent}.",
            hint="Free at least 50 MB on its disk, check that you may write there, and try again.",
        ) from error
    finally:
        for leftover in path.parent.glob(f"{draft.name}*"):
            leftover.unlink(missing_ok=True)
