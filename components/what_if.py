"""See what would change: identity rules that are not saved yet, tried on the real log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from components.error_panel import error_panel
from components.format import format_count, format_number, shorten
from components.state import WHAT_IF
from core.identity.caps import get_caps
from core.identity.edits import RuleEdit, propose
from core.identity.resolve import VIOLATION_LABELS, Caps
from core.identity.rules import list_rules
from core.profiles.what_if import Part, Sample, WhatIf, WhatIfProgress, ask_what_if
from core.workspaces.workspace import Workspace

LINE_CHARS = 90


def draw_what_if(workspace: Workspace, space_id: str, edits: Sequence[RuleEdit], *, caps: Caps | None = None) -> None:
    """Draw the button, and below it what these edits would change; an answer about other edits is not shown."""
    about = repr((space_id, edits, caps))
    asked = st.button("See what would change", icon=":material/query_stats:", key="what_if")
    if asked:
        WHAT_IF.clear()
        with error_panel("trying the rules"):
            WHAT_IF.write((about, _ask(workspace, space_id, edits, caps)))
    answer = WHAT_IF.read()
    if answer is not None and answer[0] == about:
        _draw(answer[1])


def _ask(workspace: Workspace, space_id: str, edits: Sequence[RuleEdit], caps: Caps | None) -> WhatIf:
    rules = propose(list_rules(workspace, space_id), edits)
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text="Trying the rules on the log")
        st.button("Stop", key="what_if_stop")  # pressing anything ends this run, and the try with it

    def show(progress: WhatIfProgress) -> None:
        done = format_number(progress.done)
        bar.progress(progress.done / progress.total, text=f"{done} of {format_count(progress.total, 'message')}")

    found = ask_what_if(workspace, space_id, rules, caps or get_caps(workspace, space_id), progress=show)
    place.empty()
    return found


def _draw(found: WhatIf) -> None:
    with st.container(border=True):
        if found.changes_nothing:
            st.markdown(f"**No profile would change.** {format_count(found.messages, 'message')} were tried.")
        else:
            st.markdown(
                f"**{format_count(found.profiles_before, 'profile')} would be {format_number(found.profiles_after)}.**"
                f" {format_count(found.messages, 'message')} were tried."
            )
        if found.merging:
            into = format_number(found.merged_into)
            st.markdown(f":material/call_merge: {format_count(found.merging, 'profile')} would become {into}.")
            _draw_samples(found.merges, "together")
        if found.splitting:
            into = format_number(found.split_into)
            st.markdown(
                f":material/call_split: {format_count(found.splitting, 'profile')} would fall apart into {into}."
            )
            _draw_samples(found.splits, "apart")
        for words, counts in (("would belong to nobody any more", found.lost), ("would be new", found.gained)):
            if counts:
                st.markdown(f":material/fingerprint: {_list_counts(counts)} {words}.")
        _draw_violations(found)
        st.caption(
            "As a rebuild by these rules would give, compared with the profiles as they are. Saving changes new data"
            " only; **Build all profiles again**, on the page **Spaces**, applies the rules to everything."
        )


def _draw_samples(samples: Sequence[Sample], word: str) -> None:
    with st.expander(f"The largest, {word}"):
        for sample in samples:
            lines = [shorten(_describe(part), LINE_CHARS) for part in sample.parts]
            if sample.count > len(lines):
                lines.append(f"and {format_count(sample.count - len(lines), 'more')}")
            with st.container(border=True):
                st.text("\n".join(lines))  # plain: Markdown would make links of e-mail addresses


def _describe(part: Part) -> str:
    shown = ", ".join(f"{each.type} {each.value}" for each in part.identifiers)
    more = part.count - len(part.identifiers)
    return f"{shown} and {format_number(more)} more" if more > 0 else shown


def _draw_violations(found: WhatIf) -> None:
    rules = dict.fromkeys([*found.violations_before, *found.violations_after])
    changed = [rule for rule in rules if found.violations_before.get(rule, 0) != found.violations_after.get(rule, 0)]
    if changed:
        table = {
            "Violations": [VIOLATION_LABELS.get(rule, rule) for rule in changed],
            "Now": [format_number(found.violations_before.get(rule, 0)) for rule in changed],
            "Then": [format_number(found.violations_after.get(rule, 0)) for rule in changed],
        }
        st.dataframe(pd.DataFrame(table), hide_index=True)


def _list_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{format_number(number)} × `{type_}`" for type_, number in counts.items())
