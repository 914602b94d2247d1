"""Why an event was refused, and the way back: mend it, or enable its source, and take it once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from components.address import forget, keep
from components.confirm import confirm
from components.error_panel import error_panel
from components.format import format_count
from components.navigation import draw_link
from components.plain_text import escape_markdown
from components.state import REPLAY_REPORT, read_widget
from core.events.refused import RefusedEvent
from core.events.replay import ReplayReport, count_replayable, find_draft_fault, replay, replay_all, write_draft
from core.sources.store import Source, enable_source
from core.workspaces.workspace import Workspace

EDITOR_HEIGHT_PX = 300
AT_THE_SENDER = "Correct it where it is sent, so that the next ones are taken. This one can be mended here."
ADVICE: Mapping[str, str] = {
    "source_disabled": "Enable the source; what waits can then be replayed as it is.",
    "unknown_source": "Copy the write key from the source's page into the sender. This one can be given to a source.",
    "too_many_events": "Have the sender make smaller batches. This one can be replayed as it is.",
    "payload_too_large": "Send less in one event, such as a link instead of a file. Shorten this one to replay it.",
    "empty_batch": "Nothing was lost: the request held no event.",
    "bad_signature": "Save the auth token of the Twilio account in the source's settings.",
}


def draw_refusal(workspace: Workspace, event: RefusedEvent, source: Source | None, takers: Sequence[Source]) -> None:
    """Draw the reason with what to do, and **Fix and replay**.

    Args:
        workspace: Whose event.
        event: What was refused.
        source: Its source; None where none is known, or it is gone.
        takers: The sources that an event of no known source may be given to.
    """
    if event.replayed_as is not None:
        st.success("Replayed: it is in the log now.", icon=":material/replay:")
        draw_link("event-debugger", label=f"Message #{event.replayed_as}", query={"message": str(event.replayed_as)})
        return
    st.error(
        f"**Refused: {escape_markdown(event.reason)}**\n\n{ADVICE.get(event.code, AT_THE_SENDER)}\n\n"
        f":small[`{event.code}`]",
        icon=":material/block:",
    )
    if event.source_id and source is None:
        st.caption("Its source has been deleted, so it cannot be replayed.")
        return
    if source is not None and not source.enabled:
        if st.button(f"Enable {source.name}", icon=":material/toggle_on:", key=f"enable_{source.id}"):
            enable_source(workspace, source.id)
            st.rerun()
        return
    if source is not None and find_draft_fault(workspace, event, write_draft(event)) is None:
        _draw_many(workspace, event, source)
    with st.expander("Fix and replay", icon=":material/build:", expanded=event.code not in ADVICE):
        _draw_editor(workspace, event, takers if source is None else [])


def draw_replay_report() -> None:
    """Say once what a replay did."""
    if text := REPLAY_REPORT.take():
        st.success(text, icon=":material/replay:")


def _draw_editor(workspace: Workspace, event: RefusedEvent, takers: Sequence[Source]) -> None:
    taker_id = None
    if not event.source_id:
        names = {taker.id: taker.name for taker in takers if taker.enabled}
        taker_id = st.selectbox(
            "Count it for",
            list(names),
            index=None,
            placeholder="Choose a source",
            format_func=lambda source_id: names[source_id],
            key=f"taker_{event.number}",
        )
    key = f"draft_{event.number}"
    st.text_area("The event, as JSON", write_draft(event), key=key, height=EDITOR_HEIGHT_PX)
    text = read_widget(key)
    fault = find_draft_fault(workspace, event, text)
    if fault is None:
        st.caption(":green[:material/check_circle:] It would be taken.")
    else:
        st.caption(f":red[:material/error:] {escape_markdown(fault.reason)} `{fault.code}`")
    is_ready = fault is None and bool(event.source_id or taker_id)
    if st.button("Replay", type="primary", key=f"replay_{event.number}", disabled=not is_ready):
        with error_panel("replaying the event") as attempt:
            done = replay(workspace, event.number, text, source_id=taker_id)
            made = "Replayed as" if done.is_new else "The log had this messageId already: it is"
            REPLAY_REPORT.write(f"{made} message #{done.offset}. Profiles follow within seconds.")
        if not attempt.failed:
            forget("refused")
            keep("message", done.offset)
            st.rerun()


def _draw_many(workspace: Workspace, event: RefusedEvent, source: Source) -> None:
    count = count_replayable(workspace, source.id, event.code)
    if count < 2:
        return
    events = format_count(count, "event")
    if st.button(f"Replay all {events} …", icon=":material/replay:", key=f"replay_all_{source.id}_{event.code}"):
        confirm(
            f"Replay {events}?",
            f"{events} of **{escape_markdown(source.name)}** were refused with `{event.code}`. They are taken as they"
            " are, oldest first, each with its own messageId. What still breaks a rule stays here.",
            lambda: REPLAY_REPORT.write(_describe(replay_all(workspace, source.id, event.code))),
            confirm_label="Replay all",
        )


def _describe(report: ReplayReport) -> str:
    parts = [f"{format_count(report.replayed, 'event')} replayed."]
    if report.known:
        parts.append(f"{format_count(report.known, 'event')} had been taken before, by messageId.")
    if still := report.still_refused.total():
        codes = ", ".join(f"`{code}`" for code in report.still_refused)
        parts.append(f"{format_count(still, 'event')} still cannot be taken: {codes}.")
    return " ".join(parts)
