"""Identity violations: what identity rules kept from happening, with what needs a person first, and filters."""

import streamlit as st

from components.address import draw_older_newer, draw_select, keep, read_number
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.format import format_count, format_number
from components.identity_alarms import draw_alarms
from components.navigation import draw_link
from components.space_choice import choose_space
from components.state import get_workspace
from components.violation_list import MEANINGS, draw_violations
from core.identity.resolve import VIOLATION_LABELS
from core.profiles.violations import count_types, count_violations, list_violations

PAGE_SIZE = 100

workspace = get_workspace()
st.title("Identity violations", anchor=False)
st.caption(
    "What an identity rule kept from happening. Nothing is lost: each message stays in the event log, and most still"
    " reach a profile without the identifier that was passed over."
)

with error_panel("reading the violations"):
    space = choose_space(workspace)
    everything = {} if space is None else count_violations(workspace, space.id)
    if space is None or not everything:
        draw_empty_state(
            ":material/gpp_good:",
            "No violations",
            "When a message carries a blocked value, no identifier, or would tie too many values to one person, it is"
            " listed here with the rule that spoke.",
        )
        st.stop()
    draw_alarms(workspace, space.id)
    types = count_types(workspace, space.id)
    left, middle, right = st.columns(3)
    with middle:
        type_ = draw_select(
            "Identifier",
            sorted(types, key=lambda each: (-types[each], each)),
            name="type",
            describe=lambda each: f"{each} ({format_number(types[each])})",
            placeholder="All identifiers",
            resets=("before", "rule"),
        )
    with right:
        value = st.text_input(
            "Value, exactly",
            key="value",
            bind="query-params",
            on_change=keep,
            args=("before", None),
            placeholder="ada@example.org",
        )
    value = (value or "").strip() or None
    is_filtered = type_ is not None or value is not None
    counts = count_violations(workspace, space.id, type=type_, value=value) if is_filtered else everything
    rules = sorted(counts, key=lambda rule: (-counts[rule], rule))
    with left:
        rule = draw_select(
            "Rule",
            rules,
            name="rule",
            describe=lambda code: f"{VIOLATION_LABELS.get(code, code)} ({format_number(counts[code])})",
            placeholder=f"All rules ({format_number(sum(counts.values()))})",
            resets=("before",),
        )
    for code in [rule] if rule else rules:
        label = VIOLATION_LABELS.get(code, code)
        st.markdown(f"**{format_count(counts[code], 'time')}** · {label}  \n:small[:gray[{MEANINGS.get(code, '')}]]")
    draw_link("spaces", label="Identity rules", icon=":material/fingerprint:")
    found = list_violations(
        workspace, space.id, rule=rule, type=type_, value=value, before=read_number("before"), limit=PAGE_SIZE + 1
    )
    if not found:
        st.caption("No violation is like this.")
    shown = found[:PAGE_SIZE]
    draw_violations(workspace, shown, key=f"violations_{rule}_{type_}_{value}_{shown[0].log_offset if shown else 0}")
    draw_older_newer("before", oldest=shown[-1].log_offset if shown else 0, has_older=len(found) > PAGE_SIZE)
