"""What has arrived from websites and apps, and the newest page or screen that shows that one of them works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from core.events.entry import StoredEvent
from core.events.event_log import open_event_log
from core.sources.registry import get_definition
from core.sources.store import Source
from core.workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What has arrived from a source.

    Attributes:
        events: How many messages of any type.
        shown_by: The type of the message that shows that the source works, `page` or `screen`; empty: none does.
        newest: The newest message of this type.
    """

    events: int
    shown_by: str
    newest: StoredEvent | None = field(repr=False)

    @property
    def is_seen(self) -> bool:
        """Whether a view was detected (W49, W57)."""
        return self.newest is not None

    @property
    def view_name(self) -> str:
        """What a person knows the newest view by: its name, else its page's title, else its path."""
        if self.newest is None:
            return ""
        if self.newest.name:
            return self.newest.name
        context = orjson.loads(self.newest.body).get("context")
        page = context.get("page") if isinstance(context, dict) else None
        found = (page.get("title"), page.get("path")) if isinstance(page, dict) else ()
        return next((text for text in found if isinstance(text, str) and text), "")


def list_arrivals(workspace: Workspace, sources: Sequence[Source]) -> list[Arrivals]:
    """Return what has arrived from each of n sources so far, in their order: n answers.

    Raises:
        UnknownConnector: A source is of a kind that does not exist.
        StorageFull, StoreUnreadable: The event log cannot be opened or read.
    """
    log = open_event_log(workspace)
    counts = log.count_by_source()
    found = list[Arrivals]()
    for source in sources:
        events, shown_by = counts.get(source.id, 0), get_definition(source.kind).shown_by or ""
        newest = log.search(source_id=source.id, type=shown_by, limit=1) if events and shown_by else []
        found.append(Arrivals(events, shown_by, newest[0] if newest else None))
    return found
