"""The words of syncs: states, modes with their consequences, schedules. One place for the wizard and the syncs page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core.syncs.records import MESSAGES
from core.syncs.run import RunState, SyncRun
from core.syncs.sync import INTERVALS_MINUTES

MODES: Mapping[str, str] = MappingProxyType(
    {
        "upsert": "Added and updated records",
        "mirror": "Added, updated and deleted records",
        "add": "Added records only",
        "update": "Updated records only",
        "delete": "Deleted records only",
    }
)
CONSEQUENCES: Mapping[str, str] = MappingProxyType(
    {
        "upsert": "New and changed rows are sent. A row that disappears changes nothing on its profile.",
        "mirror": "As above, and a row that disappears clears the traits it had set. The profile itself stays.",
        "add": "Only rows never sent before. Later changes of a row are not sent.",
        "update": "Only changes. The first run sends nothing: what it finds is what changes are compared with.",
        "delete": "Only rows that disappear: the traits they had set are cleared. The first run sends nothing.",
    }
)
DELETING_MODES = ("mirror", "delete")
OPERATIONS: Mapping[str, str] = MappingProxyType({"added": "Added", "updated": "Updated", "deleted": "Deleted"})
OUTCOMES: Mapping[str, str] = MappingProxyType({"delivered": "Delivered", "rejected": "Rejected", "held": "Held back"})
_STATES = {
    RunState.QUEUED: ("Waiting to start", "gray"),
    RunState.EXTRACTING: ("In progress · reading rows", "blue"),
    RunState.COMPARING: ("In progress · comparing", "blue"),
    RunState.DELIVERING: ("In progress · delivering", "blue"),
    RunState.SUCCEEDED: ("Successful", "green"),
    RunState.PARTLY_SUCCEEDED: ("Partially successful", "orange"),
    RunState.FAILED: ("Failed", "red"),
    RunState.CANCELLED: ("Cancelled", "gray"),
}


def describe_state(run: SyncRun) -> tuple[str, str]:
    """Return the run's state in words, and its colour."""
    return ("Cancelling", "orange") if run.is_cancelling else _STATES[run.state]


def describe_reason(code: str) -> str:
    """Return a reason code in words; one without words shows as it is, with its underscores as spaces."""
    return MESSAGES.get(code, code.replace("_", " ").capitalize()).rstrip(".")


def describe_interval(minutes: int | None) -> str:
    """Return a schedule in words.

    Example:
        >>> describe_interval(None), describe_interval(30), describe_interval(60), describe_interval(480)
        ('Manual', 'Every 30 minutes', 'Every hour', 'Every 8 hours')
    """
    if minutes is None:
        return "Manual"
    if minutes == 1440:
        return "Every day"
    hours, rest = divmod(minutes, 60)
    if rest:
        return f"Every {minutes} minutes"
    return "Every hour" if hours == 1 else f"Every {hours} hours"


SCHEDULES: Mapping[int | None, str] = MappingProxyType(
    {minutes: describe_interval(minutes) for minutes in (None, *INTERVALS_MINUTES)}
)
