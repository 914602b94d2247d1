"""What people did some days before `NOW`, for the tests of what predictions read and need."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from core.clock import to_iso
from core.events.event_log import LogEntry, open_event_log
from core.events.message import to_log_entry
from core.predictions.facts import Facts, open_facts
from core.predictions.prediction import PredictionDefinition, parse_definition
from core.workspaces.workspace import Workspace
from tests.conftest import NOW
from tests.feeding import SOURCE, Feed
from tests.shop import CHURN


def define(kind: str = "churn", **document: Any) -> PredictionDefinition:
    return parse_definition(kind, {**CHURN, **document})


class Past:
    """Sends messages that happened some days before `NOW`."""

    def __init__(self, workspace: Workspace, types: tuple[str, ...] = ("user_id", "email", "anonymous_id")) -> None:
        self.workspace = workspace
        self.feed = Feed(workspace, types)
        self._sent = 0
        self._entries: list[LogEntry] = []

    def send(self, days_ago: float, event: str = "Order Completed", type_: str = "track", **fields: Any) -> None:
        self._sent += 1
        message = {"type": type_, "messageId": f"p-{self._sent}", "timestamp": to_iso(NOW - timedelta(days=days_ago))}
        message |= {"event": event} if type_ == "track" else {}
        self._entries.append(to_log_entry(SOURCE, {**message, **fields}, NOW))

    def build(self) -> None:
        """Have what was sent reach profiles."""
        open_event_log(self.workspace).append(self._entries)
        self._entries = []
        self.feed.build()

    def open(self, definition: PredictionDefinition) -> AbstractContextManager[Facts]:
        self.build()
        return open_facts(self.workspace, self.feed.space_id, definition, NOW)
