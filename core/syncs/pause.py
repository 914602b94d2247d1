"""What pauses a sync that is itself enabled: its source or its destination is disabled."""

from __future__ import annotations

from dataclasses import dataclass

from core.destinations.store import get_destination
from core.errors import ConfigurationError
from core.sources.store import list_sources
from core.syncs.sync import Sync
from core.workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Pause:
    """Which of a sync's two ends is disabled. `end` is `source` or `destination`."""

    end: str
    name: str


def find_pause(workspace: Workspace, sync: Sync) -> Pause | None:
    """Return what pauses the sync: until it is enabled again no slot of the schedule starts a run, and none fails."""
    for source in list_sources(workspace):
        if source.id == sync.source_id and not source.enabled:
            return Pause("source", source.name)
    destination = get_destination(workspace, sync.destination_id)
    return None if destination.enabled else Pause("destination", destination.name)


def require_unpaused(workspace: Workspace, sync: Sync) -> None:
    """Refuse to go on while the sync is paused.

    Raises:
        ConfigurationError: Its source or its destination is disabled.
    """
    pause = find_pause(workspace, sync)
    if pause is not None:
        raise ConfigurationError(f"The {pause.end} {pause.name!r} is disabled.", hint="Enable it, then sync again.")
