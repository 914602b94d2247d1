"""The pieces of the Define Model screen: samples, preview, columns, worst rows, unique identifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import streamlit as st

from components.column_profile import draw_column_profiles
from components.format import format_count, format_duration, format_number
from components.preview_table import draw_preview_table, to_frame
from components.running_query import get_queries, run_query
from core.sql_models.column_profile import PROFILE_TIMEOUT_S, ColumnProfile, profile_columns
from core.sql_models.key_check import CHECK_TIMEOUT_S, KeyCheck, check_key, propose_key
from core.sql_models.preview import PREVIEW_TIMEOUT_S, Preview, preview
from core.sql_models.templates import list_templates
from core.sql_models.worst_rows import TIMEOUT_S, WorstRows, find_worst_rows
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import Kind
from core.warehouses.registry import open_warehouse
from core.warehouses.store import WarehouseRecord
from core.warehouses.warehouse import Warehouse
from core.workspaces.workspace import Workspace

T = TypeVar("T")


class _Question(NamedTuple):
    """A question about the model: its slot, what a person reads while it is asked, and how long it may take."""

    slot: str
    label: str
    timeout_s: float


_PREVIEW = _Question("preview", "Running the query", PREVIEW_TIMEOUT_S)
_COLUMNS = _Question("columns", "Reading all rows", PROFILE_TIMEOUT_S)
_WORST_ROWS = _Question("worst_rows", "Looking for rows that could cause trouble", TIMEOUT_S)
_KEY = _Question("key", "Looking for duplicates in all rows", CHECK_TIMEOUT_S)
SLOTS = (_PREVIEW.slot, _COLUMNS.slot, _WORST_ROWS.slot, _KEY.slot)


def draw_templates(dialect: str) -> str | None:
    """Draw the sample queries (W29, W100-W106); return the one that a person takes."""
    taken = None
    with st.expander("Sample SQL queries", icon=":material/lightbulb:"):
        st.caption(
            "For Salesforce data. Each gives the phone in E.164, such as +14155550123, because callers are looked up by"
            " it. Only one phone field can be the one to look up by; the comments say how to use another, how to take"
            " fewer columns, and what to adjust where your numbers look different."
        )
        for template in list_templates(dialect):
            st.markdown(f"**{template.label}**  \n:gray[{template.description}]")
            if st.button("Use this query", key=f"sample_{template.name}", icon=":material/south_west:"):
                taken = template.sql
            with st.popover("Show it", type="tertiary"):
                st.code(template.sql, language="sql", wrap_lines=True)
    return taken


def ask_preview(workspace: Workspace, record: WarehouseRecord, sql: str) -> Preview:
    """Return the first ten records (W30); while the query runs, time and Cancel are drawn and the page stops."""
    return _ask(workspace, record, _PREVIEW, (sql,), lambda warehouse, cancel: preview(warehouse, sql, cancel=cancel))


def ask_columns(workspace: Workspace, record: WarehouseRecord, sql: str) -> Sequence[ColumnProfile]:
    """Return what every column holds over all rows; as `ask_preview`."""
    return _ask(
        workspace, record, _COLUMNS, (sql,), lambda warehouse, cancel: profile_columns(warehouse, sql, cancel=cancel)
    )


def is_asked(record: WarehouseRecord, sql: str) -> bool:
    """Say whether this session has asked for the preview of exactly this text."""
    return get_queries().has(_PREVIEW.slot, (record.id, sql))


def forget_answers() -> None:
    """Forget what the warehouse answered, so that it is asked again."""
    get_queries().forget(*SLOTS)


def draw_preview_hint(sql: str, previewed_sql: str) -> None:
    """Draw what to do before there is a preview of `sql`."""
    if not sql.strip():
        st.caption("Write a query, or take one of the samples.")
    elif previewed_sql:
        st.info("The SQL has changed since its preview. Preview it again to go on.", icon=":material/edit:")
    else:
        st.caption("Press **Preview** to see ten records.")


def draw_preview(result: Preview) -> None:
    """Draw the first records."""
    st.subheader("Preview", anchor=False)
    shown = format_count(result.rows.num_rows, "record")
    st.caption(f"The first {shown} · {format_duration(result.took_ms / 1000)}" if result.rows.num_rows else "No record")
    for warning in result.warnings:
        st.warning(warning, icon=":material/warning:")
    draw_preview_table(result)
    unzoned = [column for column in result.columns if column.kind is Kind.TIMESTAMP]
    if unzoned:
        names = ", ".join(f"`{column.name}`" for column in unzoned)
        zone = unzoned[0].zone
        st.caption(f"The times of {names} name no time zone and count as {zone}, a setting of the connection.")


def draw_column_view(
    workspace: Workspace, record: WarehouseRecord, sql: str, profiles: Sequence[ColumnProfile]
) -> None:
    """Draw per column null share, distinct count, longest value and samples, over all rows; and the worst rows."""
    key = propose_key(profiles).column
    found: tuple[WorstRows, ...] = _ask(
        workspace,
        record,
        _WORST_ROWS,
        (sql,),
        lambda warehouse, cancel: find_worst_rows(warehouse, sql, key, profiles, cancel=cancel),
    )
    columns, worst = st.tabs(["Every column, all rows", "Worst rows"])
    with columns:
        draw_column_profiles(profiles)
    with worst:
        if not found:
            st.success("Nothing stands out.", icon=":material/check_circle:")
        for group in found:
            st.markdown(f"**{group.title}**  \n:gray[{group.explanation}]")
            st.dataframe(to_frame(group.rows), hide_index=True)


def draw_key_choice(
    workspace: Workspace,
    record: WarehouseRecord,
    sql: str,
    profiles: Sequence[ColumnProfile],
    result: Preview,
    saved: str | None,
) -> str | None:
    """Draw the choice of the unique identifier column, verified on all rows, and return it; duplicates are shown."""
    proposal = propose_key(profiles)
    names = [column.name for column in result.columns]
    first = saved if saved in names else proposal.column
    st.subheader("Unique identifier", anchor=False)
    chosen = st.selectbox(
        "Column that names each record",
        names,
        index=names.index(first) if first in names else None,
        help=proposal.reason,
        placeholder="Choose a column",
        key="key_column",
    )
    if chosen is None or chosen != proposal.column:  # else the check below says it
        st.caption(proposal.reason)
    if chosen is None:
        return None
    check: KeyCheck = _ask(
        workspace,
        record,
        _KEY,
        (sql, chosen),
        lambda warehouse, cancel: check_key(warehouse, sql, chosen, cancel=cancel),
    )
    if check.ok:
        st.success(f"`{chosen}` is unique and filled in all {format_number(check.rows)} rows.", icon=":material/key:")
    else:
        st.warning(
            f"{_count_rows(check.duplicate_rows, 'shares', 'share')} a value of `{chosen}` and"
            f" {_count_rows(check.nulls, 'has', 'have')} none. The sync rejects these rows, each with its reason, and"
            " sends the others.",
            icon=":material/warning:",
        )
        if check.duplicates.num_rows:
            st.dataframe(to_frame(check.duplicates), hide_index=True)
    return chosen


def _count_rows(count: int, one: str, many: str) -> str:
    return f"{format_count(count, 'row')} {one if count == 1 else many}"


def _ask(
    workspace: Workspace,
    record: WarehouseRecord,
    question: _Question,
    about: tuple[str, ...],
    put: Callable[[Warehouse, CancelToken], T],
) -> T:
    def ask(cancel: CancelToken) -> T:
        with open_warehouse(workspace, record.id) as warehouse:
            return put(warehouse, cancel)

    return run_query(
        ask, slot=question.slot, about=(record.id, *about), label=question.label, timeout_s=question.timeout_s
    )
