"""From received to delivered: what became of the events of each source in a time."""

from __future__ import annotations

from dataclasses import dataclass

from core.events.counts import Span, count_codes_by_source
from core.events.event_log import open_event_log
from core.events.validate import SOURCE_DISABLED
from core.profiles.counts import Built, count_built
from core.workspaces.spaces import list_connected_sources
from core.workspaces.workspace import Workspace

FILTERED_CODES = frozenset({SOURCE_DISABLED.code})
"""Codes by which events are kept out on purpose; every other code is a failure."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events of one source, or of all. Every event that came is in one of failed, filtered and `accepted`.

    Every accepted one is in one of `reached` a profile, `dropped` by an identity rule or an event filter, `waiting` to
    be read by the builder, and `unread` because no space reads the source, or did not then.
    """

    accepted: int = 0
    failed: int = 0
    filtered: int = 0
    reached: int = 0
    dropped: int = 0
    waiting: int = 0
    unread: int = 0

    @property
    def received(self) -> int:
        """All that came."""
        return self.accepted + self.failed + self.filtered


def sum_up(workspace: Workspace, space_id: str | None, span: Span) -> dict[str, Delivery]:
    """Return what became of the events of each source; the empty source is no known one. O(counts of the span).

    Args:
        workspace: Whose events.
        space_id: The space whose profiles count; None where there is none.
        span: When the events were received.
    """
    log = open_event_log(workspace)
    built = count_built(workspace, space_id, span) if space_id else {}
    connected = list_connected_sources(workspace, space_id) if space_id else set()
    found = {}
    for source_id, codes in count_codes_by_source(log, span).items():
        accepted = codes.pop("", 0)
        filtered = sum(number for code, number in codes.items() if code in FILTERED_CODES)
        reached, dropped, unread = built.get(source_id, Built(0, 0))
        waiting = max(accepted - reached - dropped - unread, 0)
        if source_id not in connected:
            waiting, unread = 0, unread + waiting
        failed = sum(codes.values()) - filtered
        found[source_id] = Delivery(accepted, failed, filtered, reached, dropped, waiting, unread)
    return found


def add_up(deliveries: list[Delivery]) -> Delivery:
    """Return the sum."""
    names = ("accepted", "failed", "filtered", "reached", "dropped", "waiting", "unread")
    return Delivery(**{name: sum(getattr(each, name) for each in deliveries) for name in names})
