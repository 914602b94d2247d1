"""Identity violations: what identity rules kept from happening, by rule, with message and profile."""

import streamlit as st

from components.address import draw_older_newer, draw_select, read_number
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.format import format_count, format_number
from components.navigation import draw_link
from components.state import get_workspace
from components.violation_list import MEANINGS, draw_violations
from core.identity.resolve import VIOLATION_LABELS
from core.profiles.violations import count_violations, list_violations
from core.workspaces.spaces import list_spaces

PAGE_SIZE = 100

workspace = get_workspace()
st.title("Identity violations", anchor=False)
st.caption(
    "What an identity rule kept from happening. Nothing is lost: each message stays in the event log, and most still"
    " reach a profile without the identifier that was passed over."
)

with error_panel("reading the violations"):
    spaces = list_spaces(workspace)
    counts = count_violations(workspace, spaces[0].id) if spaces else {}
    if not counts:
        draw_empty_state(
            ":material/gpp_good:",
            "No violations",
            "When a message carries a blocked value, no identifier, or would tie too many values to one person, it is"
            " listed here with the rule that spoke.",
        )
        st.stop()
    rules = sorted(counts, key=lambda rule: (-counts[rule], rule))
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
    draw_link("identifiers-and-traits", label="Identity rules", icon=":material/fingerprint:")
    found = list_violations(workspace, spaces[0].id, rule=rule, before=read_number("before"), limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    draw_violations(workspace, shown, key=f"violations_{rule}_{shown[0].log_offset if shown else 0}")
    draw_older_newer("before", oldest=shown[-1].log_offset if shown else 0, has_older=len(found) > PAGE_SIZE)
