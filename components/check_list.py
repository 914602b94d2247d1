"""Check results as rows: what was found, why, and how to fix it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

import streamlit as st

from components.format import format_count, format_duration
from components.plain_text import escape_markdown

_LOOKS: dict[str, tuple[str, Literal["green", "orange", "red", "blue", "gray"], str]] = {
    "passed": (":material/check_circle:", "green", "Passed"),
    "warning": (":material/warning:", "orange", "Warning"),
    "failed": (":material/cancel:", "red", "Failed"),
    "blocked": (":material/block:", "gray", "Not checked"),
    "running": (":material/progress_activity:", "blue", "Running"),
    "pending": (":material/pending:", "gray", "Waiting"),
}
_SENTENCE = re.compile(r"[A-Z][a-z].*\.")


class CheckLike(Protocol):
    """What a row needs of a check result."""

    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def cause(self) -> str | None: ...  # noqa: D102
    @property
    def evidence(self) -> object: ...  # noqa: D102
    @property
    def fix(self) -> str | None: ...  # noqa: D102
    @property
    def took_ms(self) -> int | None: ...  # noqa: D102


def draw_check_list(results: Iterable[CheckLike]) -> None:
    """Draw a row per result, in the order given, below one line that sums them up."""
    rows = list(results)
    if not rows:
        st.caption("No check has run yet.")
        return
    _draw_summary(rows)
    for row in rows:
        _draw_row(row)


def _draw_summary(rows: list[CheckLike]) -> None:
    with st.container(horizontal=True, gap="small"):
        for state, (icon, color, label) in _LOOKS.items():
            count = sum(row.state == state for row in rows)
            if count:
                text = format_count(count, "warning") if state == "warning" else f"{count} {label.lower()}"
                st.badge(text, icon=icon, color=color)


def _draw_row(row: CheckLike) -> None:
    icon, color, label = _LOOKS.get(str(row.state), _LOOKS["pending"])
    is_problem = str(row.state) in ("failed", "warning")
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":{color}[{icon}] **{escape_markdown(row.title)}**", width="stretch")
            took = f" · {format_duration(row.took_ms / 1000)}" if row.took_ms is not None else ""
            st.caption(f"{label}{took} · {row.code}", width="content")
        evidence = _evidence_text(row.evidence) if row.evidence else ""
        cause = escape_markdown(row.cause or "")
        if is_problem and cause:
            st.markdown(cause)
            cause = ""
        if cause or evidence:
            st.caption("  \n".join(text for text in (cause, evidence) if text))
        if row.fix and is_problem:
            _draw_fix(row.fix)


def _draw_fix(fix: str) -> None:
    if _SENTENCE.fullmatch(fix):
        st.markdown(f"**How to fix it:** {escape_markdown(fix)}")
        return
    st.caption("**How to fix it**")
    st.code(fix, language=None, wrap_lines=True)  # statements and commands are there to be copied


def _evidence_text(evidence: object) -> str:
    if isinstance(evidence, Mapping):
        return " · ".join(escape_markdown(f"{name}: {value}") for name, value in evidence.items())
    if isinstance(evidence, list | tuple):
        return " · ".join(escape_markdown(str(item)) for item in evidence)
    return escape_markdown(str(evidence))
