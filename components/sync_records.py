"""The records of one finished run: searched, filtered by outcome and reason, and each looked at closely."""

from __future__ import annotations

import json
import math
from typing import Any

import streamlit as st

from components.address import draw_select
from components.choice_table import draw_choice_table
from components.error_panel import error_panel
from components.format import NONE, format_count, format_number
from components.navigation import draw_link
from components.plain_text import draw_strong, escape_markdown
from components.sync_words import OPERATIONS, OUTCOMES, describe_reason
from core.syncs.records import count_records, get_records_path, search_records
from core.syncs.run import SyncRun
from core.workspaces.workspace import Workspace

PAGE_SIZE = 100


def draw_records(workspace: Workspace, run: SyncRun) -> None:
    """Draw the search over the run's records; nothing where the run ended before it had any."""
    if not get_records_path(workspace, run.id).exists():
        return
    st.subheader("Records of this run", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search", placeholder="Key, reason or payload", key="records_text", bind="query-params", width=280
        )
        outcome = draw_select(
            "Outcome",
            list(OUTCOMES),
            name="outcome",
            describe=lambda name: OUTCOMES[name],
            placeholder="All outcomes",
            width=180,
        )
        code = _draw_reason_filter(run)
    with error_panel("searching the records"):
        _draw_page(workspace, run, (text or "").strip() or None, outcome, code)


def _draw_reason_filter(run: SyncRun) -> str | None:
    reasons = run.sheet.reasons if run.sheet else {}
    if not reasons:
        return None
    codes = sorted(reasons, key=lambda code: (-reasons[code], code))
    return draw_select(
        "Reason",
        codes,
        name="reason",
        describe=lambda code: f"{describe_reason(code)} ({format_number(reasons[code])})",
        placeholder="All reasons",
        width=340,
    )


def _draw_page(workspace: Workspace, run: SyncRun, text: str | None, outcome: str | None, code: str | None) -> None:
    home = str(workspace.home.root)
    total = _count(workspace, home, run.id, text, outcome, code)
    if total == 0:
        is_filtered = text or outcome or code
        st.info(
            "No record matches." if is_filtered else "Nothing was sent or refused. Unchanged records are not listed.",
            icon=":material/search_off:" if is_filtered else ":material/check:",
        )
        return
    pages = math.ceil(total / PAGE_SIZE)
    page = 1
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{format_count(total, 'record')}, those not delivered first.")
        if pages > 1:
            page = st.pagination(pages, key=f"records_page_{run.id}_{text}_{outcome}_{code}")
    records = _search(workspace, home, run.id, text, outcome, code, (page - 1) * PAGE_SIZE)
    ids = [f"{place}:{record['key']}" for place, record in enumerate(records)]
    chosen = draw_choice_table(
        {
            "Key": [record["key"] or NONE for record in records],
            "Outcome": [OUTCOMES[record["outcome"]] for record in records],
            "Change": [OPERATIONS[record["operation"]] for record in records],
            **_list_reasons(records),
            "Payload": [record["payload"] or "" for record in records],
        },
        ids,
        None,
        key=f"records_{run.id}_{page}_{text}_{outcome}_{code}",
        alt="Records of the run with their outcome and reason",
    )
    if chosen in ids:
        _draw_record(records[ids.index(chosen)])
    else:
        st.caption("Pick a row to see the whole record.")


def _list_reasons(records: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the columns of reasons and fields, without one that would be empty."""
    columns = {
        "Reason": [str(record["reason"] or "") for record in records],
        "Field": [str(record["field"] or "") for record in records],
    }
    return {heading: cells for heading, cells in columns.items() if any(cells)}


def _draw_record(record: dict[str, Any]) -> None:
    with st.container(border=True):
        draw_strong(str(record["key"] or "No key"))
        st.caption(f"{OUTCOMES[record['outcome']]} · {OPERATIONS[record['operation']].lower()}")
        if record["reason"]:
            field = f" Field: `{record['field']}`." if record["field"] else ""
            st.markdown(f"{escape_markdown(record['reason'])}{field} :gray[`{record['code']}`]")
        payload = _read_payload(record["payload"])
        st.json(payload, expanded=2) if isinstance(payload, dict) else st.code(payload, language=None, wrap_lines=True)
        with st.container(horizontal=True):
            if record["message_id"] and record["outcome"] == "delivered":
                draw_link("event-debugger", label="The message", query={"event_text": record["message_id"]})
            user_id = payload.get("user_id") if isinstance(payload, dict) else None
            if isinstance(user_id, str) and user_id:
                draw_link("profile-explorer", label="The profile", query={"id": f"user_id:{user_id}"})


def _read_payload(text: str | None) -> dict[str, Any] | str:
    try:
        payload = json.loads(text or "{}")
    except ValueError:  # a refused payload is kept in part only
        return str(text)
    return payload if isinstance(payload, dict) else str(text)


# The records of a run that is over never change, so what was read once is kept.
@st.cache_data(show_spinner=False, max_entries=256)
def _count(
    _workspace: Workspace, home: str, run_id: str, text: str | None, outcome: str | None, code: str | None
) -> int:
    return count_records(_workspace, run_id, text=text, outcome=outcome, code=code)


@st.cache_data(show_spinner=False, max_entries=64)
def _search(
    _workspace: Workspace, home: str, run_id: str, text: str | None, outcome: str | None, code: str | None, offset: int
) -> list[dict[str, Any]]:
    found = search_records(_workspace, run_id, text=text, outcome=outcome, code=code, limit=PAGE_SIZE, offset=offset)
    return found.to_pylist()
