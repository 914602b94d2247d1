"""The purchases of CDNOW's customers as messages of an event log: real people, who came back or did not."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.clock import to_iso
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.workspaces.workspace import Workspace
from tests.feeding import SOURCE, Feed

SAMPLE = Path(__file__).parent / "data" / "cdnow_sample.csv"
FIRST_DAY = datetime(1997, 1, 1, tzinfo=UTC)
LEARNED_DAYS = HELD_OUT_DAYS = 39 * 7
END = FIRST_DAY + timedelta(days=LEARNED_DAYS + HELD_OUT_DAYS)
WINDOW_DAYS = 120
EVENT = "Order Completed"
DOCUMENT: dict[str, Any] = {"targets": [EVENT], "amount_property": "revenue", "window_days": WINDOW_DAYS}


def read_purchases_file(path: Path = SAMPLE) -> list[dict[str, str]]:
    """Return a row a purchase: customer_id, purchased_on, quantity, amount_usd."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def feed_purchases(workspace: Workspace, rows: Sequence[dict[str, str]]) -> Feed:
    """Send each purchase, and build the profiles of the customers."""
    feed = Feed(workspace, types=("user_id",))
    entries = []
    for number, row in enumerate(rows):
        message: dict[str, Any] = {
            "type": "track",
            "event": EVENT,
            "userId": row["customer_id"],
            "messageId": f"cd-{number}",
            "timestamp": to_iso(datetime.fromisoformat(row["purchased_on"]).replace(tzinfo=UTC)),
            "properties": {"revenue": float(row["amount_usd"]), "quantity": int(row["quantity"])},
        }
        entries.append(to_log_entry(SOURCE, message, END))
    open_event_log(workspace).append(entries)
    feed.build()
    return feed
