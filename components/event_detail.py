"""One event: the call as its author wrote it, the JSON as it came, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import streamlit as st

from components.address import draw_views
from components.event_placement import draw_placements
from components.event_replay import draw_refusal
from components.format import format_time
from components.plain_text import draw_strong
from core.errors import UnknownConnector
from core.events.calls import write_call
from core.events.received import Received
from core.events.refused import RefusedEvent
from core.events.timestamps import CLOCK_OFF, FLAGS, TIMESTAMP_AHEAD, TIMESTAMP_UNREADABLE
from core.sources.definition import Language
from core.sources.registry import get_definition
from core.sources.store import Source
from core.workspaces.workspace import Workspace

MAX_SHOWN_CHARS = 200_000
FLAG_MEANINGS: Mapping[str, str] = {
    CLOCK_OFF: "The sender's clock is off by more than a day; the event's time was corrected by it.",
    TIMESTAMP_AHEAD: "The event's time is more than a day ahead.",
    TIMESTAMP_UNREADABLE: "The event's own time cannot be read; the time it was received stands for it.",
}


def draw_event(workspace: Workspace, event: Received, sources: Mapping[str, Source]) -> None:
    """Draw the event; a refused one with the reason, and a way to mend it."""
    source = sources.get(event.source_id)
    is_refused = isinstance(event, RefusedEvent)
    draw_strong(event.name or event.type or "Event")
    number = f"refused event {event.number}" if is_refused else f"message #{event.offset}"
    message_id = f" · `{event.message_id}`" if event.message_id else ""
    st.caption(f"{format_time(event.received_at)} · {number}{message_id}")
    if is_refused:
        draw_refusal(workspace, event, source, [each for each in sources.values() if each.write_key])
    views = {"pretty": "Pretty", "raw": "Raw"} | ({} if is_refused else {"went": "Where it went"})
    view = draw_views(views, name="as")
    if view == "went" and not is_refused:
        draw_placements(workspace, event, source)
    elif view == "raw":
        _draw_raw(event.body)
    else:
        _draw_pretty(event.body, _find_language(source))


def _draw_pretty(body: bytes, language: Language) -> None:
    message = _parse(body)
    call = write_call(message, language) if isinstance(message, dict) else None
    if not isinstance(message, dict) or call is None:
        st.caption("This is not one of the six calls, so it cannot be written as one. **Raw** shows what came.")
        return
    st.code(_cut(call.code), language=call.language, wrap_lines=True)
    st.caption(
        f"About as it was called with {language}; context that the library adds is left out."
        if language is not Language.HTTP
        else "About as it was sent; `$ONRAMP` is this server's address, `$WRITE_KEY` the source's key."
    )
    flags = message.get(FLAGS)
    for flag in flags if isinstance(flags, list) else []:
        st.caption(f":material/schedule: {FLAG_MEANINGS.get(flag, flag)}")


def _draw_raw(body: bytes) -> None:
    message = _parse(body)
    if message is None:
        st.code(_cut(body.decode(errors="replace")), language=None, wrap_lines=True)
        return
    st.code(_cut(json.dumps(message, indent=2, ensure_ascii=False)), language="json", wrap_lines=True)


def _parse(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _find_language(source: Source | None) -> Language:
    if source is None:
        return Language.HTTP
    try:
        return get_definition(source.kind).language
    except UnknownConnector:
        return Language.HTTP


def _cut(text: str) -> str:
    if len(text) <= MAX_SHOWN_CHARS:
        return text
    return f"{text[:MAX_SHOWN_CHARS]}\n… {len(text) - MAX_SHOWN_CHARS:,} more characters: `events search --json`"
