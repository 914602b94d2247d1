"""The conditions of a computed trait: a row each, with property, operator and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from components.state import TRAIT_CONDITIONS
from components.trait_words import OPERATORS
from core.traits.conditions import MAX_CONDITIONS

_NO_VALUE = ("exists", "not_exists")


def draw_conditions(
    scope: str, initial: Sequence[Mapping[str, object]], properties: Sequence[str]
) -> list[dict[str, object]]:
    """Draw the rows and **Add condition**, and return the conditions as they stand.

    Args:
        scope: Tells the conditions of one trait from those of another.
        initial: The conditions at the beginning.
        properties: The properties to choose from; others can be typed.
    """
    rows = TRAIT_CONDITIONS.read(scope)
    if rows is None:
        rows = list(range(len(initial)))
        TRAIT_CONDITIONS.write(rows, scope)
    found = []
    st.caption("Only where all of this holds" if rows else "Every such event counts")
    for number in rows:
        before = initial[number] if number < len(initial) else {}
        with st.container(horizontal=True, vertical_alignment="bottom", key=f"condition_{scope}_{number}"):
            found.append(draw_condition(f"{scope}_{number}", before, properties))
            if st.button("", icon=":material/delete:", help="Take this condition out", key=f"out_{scope}_{number}"):
                TRAIT_CONDITIONS.write([each for each in rows if each != number], scope)
                st.rerun()
    if st.button(
        "Add condition", icon=":material/add:", key=f"add_condition_{scope}", disabled=len(rows) >= MAX_CONDITIONS
    ):
        TRAIT_CONDITIONS.write([*rows, max([*rows, len(initial) - 1]) + 1], scope)
        st.rerun()
    return found


def draw_condition(key: str, before: Mapping[str, object], properties: Sequence[str]) -> dict[str, object]:
    """Draw one condition and return it as it stands; its property is empty until one is chosen."""
    name = str(before.get("property") or "")
    options = list(dict.fromkeys([*([name] if name else []), *properties]))
    path = st.selectbox(
        "Property",
        options,
        index=0 if name else None,
        accept_new_options=True,
        placeholder="Choose or type",
        key=f"property_{key}",
        width=150,
    )
    operators = list(OPERATORS)
    operator = st.selectbox(
        "Is",
        operators,
        index=operators.index(str(before.get("operator", "equals"))),
        format_func=lambda each: OPERATORS[each],
        key=f"operator_{key}",
        width=130,
    )
    condition: dict[str, object] = {"property": path or "", "operator": operator}
    if operator in _NO_VALUE:
        return condition
    value = before.get("value")
    text = ", ".join(map(str, value)) if isinstance(value, list) else str("" if value is None else value)
    is_list = operator.endswith("one_of")
    hint = "a, b, c" if is_list else "2026-11-24" if operator.endswith("date") else ""
    typed = st.text_input("Value", value=text, placeholder=hint, key=f"value_{key}", width=105)
    split = [part.strip() for part in typed.split(",") if part.strip()]
    return {**condition, "value": split if is_list else typed.strip()}
