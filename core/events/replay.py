"""Replaying refused events: taken once more, by the rules of the tracking API, as new events of the log.

A replay that is interrupted is done again without a second event: it keeps the message id, and where the event has
none, its number among the refused events makes one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
from sqlalchemy import select

from core.errors import IllegalTransition, InvalidEvent, NotFound
from core.events.event_log import LogEntry, open_event_log
from core.events.intake import take
from core.events.limits import read_limits
from core.events.message import MAX_MESSAGE_ID_CHARS
from core.events.refused import RefusedEvent, count_waiting, get_refused, list_waiting, mark_replayed
from core.events.validate import SOURCE_DISABLED, Fault
from core.sources.store import Source, get_source
from core.storage.tables import suppressed_users
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

_AT_ONCE = 500


class Replayed(NamedTuple):
    """The event that a replay made, or found in the log already."""

    offset: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What became of many refused events; `still_refused` counts by code those that still cannot be taken."""

    replayed: int = 0
    known: int = 0
    still_refused: Counter[str] = field(default_factory=Counter)


def write_draft(event: RefusedEvent) -> str:
    """Return the event as JSON to edit: as received, without a message id that cannot be kept."""
    try:
        message = orjson.loads(event.body)
    except orjson.JSONDecodeError:
        return event.body.decode(errors="replace")
    if isinstance(message, dict) and not _is_usable_id(message.get("messageId")):
        message.pop("messageId", None)
    return orjson.dumps(message, option=orjson.OPT_INDENT_2).decode()


def find_draft_fault(workspace: Workspace, event: RefusedEvent, text: str) -> Fault | None:
    """Return why `text` would be refused if it replaced `event` now; None if it would be taken."""
    try:
        message = _read_draft(text)
        _take(workspace, event, event.source_id, message, _find_suppressed(workspace, [message]))
    except InvalidEvent as error:
        return Fault(error.code, error.message)
    return None


def replay(workspace: Workspace, number: int, text: str | None = None, *, source_id: str | None = None) -> Replayed:
    """Take a refused event once more, as `text` where that is given, and return the event it became.

    Args:
        workspace: Where it is.
        number: The event's number among the refused ones.
        text: The event, mended, as JSON; without it, as it was received.
        source_id: The source it shall count for, where none was known.

    Raises:
        NotFound: There is no such refused event, or its source has been deleted.
        IllegalTransition: It has been replayed, or its source is disabled.
        InvalidEvent: It is refused again; `code` says why. Nothing was written.
    """
    log = open_event_log(workspace)
    event = get_refused(log, number)
    if event.replayed_as is not None:
        raise IllegalTransition(
            f"Refused event {number} has been replayed already, as message #{event.replayed_as}.",
            hint="Look at that message.",
        )
    source = _require_source(workspace, event.source_id or source_id or "")
    draft = write_draft(event) if text is None else text
    message = _read_draft(draft)
    entry = _take(workspace, event, source.id, message, _find_suppressed(workspace, [message]))
    (offset,) = log.append([entry])
    mark_replayed(log, {number: offset})
    after = {"message": offset, "source": source.name, "edited": text is not None and text != write_draft(event)}
    _record(workspace, str(number), {"code": event.code}, after)
    return Replayed(offset, _is_new(workspace, offset, entry))


def count_replayable(workspace: Workspace, source_id: str, code: str) -> int:
    """Return how many events of the source were refused with this code and wait to be replayed."""
    return count_waiting(open_event_log(workspace), source_id, code)


def replay_all(workspace: Workspace, source_id: str, code: str) -> ReplayReport:
    """Take once more, as they are and oldest first, all events of a source that were refused with `code`.

    What still cannot be taken stays among the refused events. A call that was interrupted is made again.

    Raises:
        NotFound: The source has been deleted.
        IllegalTransition: It is disabled.
    """
    log, source = open_event_log(workspace), _require_source(workspace, source_id)
    replayed = known = last = 0
    still: Counter[str] = Counter()
    while events := list_waiting(log, source_id, code, after=last, limit=_AT_ONCE):
        last = events[-1].number
        entries, faults = _take_all(workspace, events, source.id)
        still.update(faults)
        newest = log.last_offset()
        offsets = log.append(list(entries.values()))
        mark_replayed(log, dict(zip(entries, offsets, strict=True)))
        new = len({offset for offset in offsets if offset > newest})
        replayed, known = replayed + new, known + len(offsets) - new
    report = ReplayReport(replayed, known, still)
    after = {"source": source.name, "replayed": replayed, "known": known, "still_refused": still.total()}
    _record(workspace, code, None, after)
    return report


def _require_source(workspace: Workspace, source_id: str) -> Source:
    if not source_id:
        raise NotFound(
            "No source is known for this event: nobody had its write key.",
            hint="Choose the source it shall count for.",
        )
    try:
        source = get_source(workspace, source_id)
    except NotFound as error:
        raise NotFound(
            "The source of this event has been deleted, so it cannot be replayed.",
            hint="The event stays here until its time is over. A new source takes new events.",
        ) from error
    if not source.enabled:
        raise IllegalTransition(
            f"The source {source.name!r} is disabled.", code=SOURCE_DISABLED.code, hint="Enable it, then replay."
        )
    return source


def _read_draft(text: str) -> object:
    try:
        message: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent(
            f"This is not JSON: {error.msg}, in line {error.lineno}, column {error.colno}.",
            hint="Mend the text there.",
            code="bad_request",
        ) from error
    if isinstance(message, dict) and isinstance(message.get("batch"), list) and "type" not in message:
        raise InvalidEvent(
            "This is a whole request, not one event.",
            hint="Keep one event of its batch, and replay that.",
            code="bad_request",
        )
    return message


def _take_all(
    workspace: Workspace, events: Sequence[RefusedEvent], source_id: str
) -> tuple[dict[int, LogEntry], list[str]]:
    messages, entries, faults = dict[int, object](), dict[int, LogEntry](), list[str]()
    for event in events:
        try:
            messages[event.number] = _read_draft(write_draft(event))
        except InvalidEvent as error:
            faults.append(error.code)
    suppressed = _find_suppressed(workspace, messages.values())
    for event in events:
        if event.number in messages:
            try:
                entries[event.number] = _take(workspace, event, source_id, messages[event.number], suppressed)
            except InvalidEvent as error:
                faults.append(error.code)
    return entries, faults


def _take(
    workspace: Workspace, event: RefusedEvent, source_id: str, message: object, suppressed: frozenset[str]
) -> LogEntry:
    if isinstance(message, dict) and not message.get("messageId"):
        message = {**message, "messageId": f"replay-{event.number}"}
    taken = take(
        source_id,
        [message],
        received_at=workspace.now(),
        suppressed=suppressed,
        skew_at=event.received_at,
        limits=read_limits(),
    )
    if taken.entries:
        return taken.entries[0]
    if taken.refusals:
        refusal = taken.refusals[0]
        raise InvalidEvent(refusal.reason, hint="Mend the event, then replay it.", code=refusal.code)
    raise InvalidEvent(
        "This user asked not to be recorded, so the event is not taken.",
        hint="Leave it, or lift the suppression first.",
        code="user_suppressed",
    )


def _find_suppressed(workspace: Workspace, messages: Iterable[object]) -> frozenset[str]:
    user_ids = [message.get("userId") for message in messages if isinstance(message, dict)]
    asked = {user_id for user_id in user_ids if isinstance(user_id, str)}
    if not asked:
        return frozenset()
    query = select(suppressed_users.c.user_id).where(suppressed_users.c.user_id.in_(asked))
    with workspace.database.reading() as connection:
        return frozenset(connection.execute(query).scalars())


def _is_usable_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_MESSAGE_ID_CHARS


def _is_new(workspace: Workspace, offset: int, entry: LogEntry) -> bool:
    return any(event.body == entry.body for event in open_event_log(workspace).get_many([offset]))


def _record(workspace: Workspace, object_id: str, before: dict[str, object] | None, after: dict[str, object]) -> None:
    with workspace.database.transaction() as connection:
        record_change(connection, workspace, "replayed", "refused_event", object_id, before=before, after=after)
