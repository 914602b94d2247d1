"""The form of a computed trait, with who would have it beside it while it is filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from components.error_panel import error_panel
from components.trait_conditions import draw_conditions
from components.trait_preview import draw_preview
from components.trait_words import (
    AGGREGATES,
    KIND_MEANINGS,
    KINDS,
    SCOPES,
    VALUE_TYPES,
    WINDOW_MEANINGS,
    WINDOWS,
)
from core.events.event_log import open_event_log
from core.traits.computed_trait import ComputedTrait, TraitKind
from core.traits.definition import MAX_SESSION_MINUTES, MAX_SLIDING_DAYS, MIN_SESSION_MINUTES
from core.traits.kinds import MIN_FREQUENCY
from core.traits.recipes import RECIPES, Recipe
from core.traits.store import MAX_NAME_CHARS
from core.traits.suggest import list_event_names, list_properties
from core.workspaces.workspace import Workspace

_OWN = "A trait of your own"
_CALLS = {"track": "Track calls", "page": "Page calls"}
_UNITS = {"minutes": 1, "hours": 60, "days": 1440}

Save = Callable[[str, str, dict[str, object]], object]


def draw_form(workspace: Workspace, space_id: str, trait: ComputedTrait | None, save: Save) -> bool:
    """Draw the form of a new trait, or of `trait`, and say whether it was saved by `save(name, kind, definition)`."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        base = _choose_base(trait)
        scope = trait.id if trait else f"new_{base.key}"
        name = st.text_input("Name", value=base.name, max_chars=MAX_NAME_CHARS, key=f"name_{scope}")
        kind, definition = _draw_definition(workspace, scope, base)
    with right:
        can_save = draw_preview(workspace, space_id, kind, definition, key=scope)
        label = "Save changes" if trait else "Create trait"
        if trait:
            st.caption("Its key stays. The history is computed anew, and values stay until then.")
        if st.button(label, type="primary", disabled=not (can_save and name.strip()), key="save_trait"):
            with error_panel("saving the trait") as attempt:
                save(name, kind, definition)
            return not attempt.failed
    return False


def _choose_base(trait: ComputedTrait | None) -> Recipe:
    if trait is not None:
        return Recipe(trait.name, "", trait.kind, trait.definition)
    recipes = {recipe.name: recipe for recipe in RECIPES}
    chosen = st.selectbox(
        "Start from",
        [_OWN, *recipes],
        format_func=lambda name: f"{name} (recommended)" if name in recipes and recipes[name].recommended else name,
        key="trait_base",
    )
    return recipes.get(chosen) or Recipe("", "", TraitKind.EVENT_COUNTER, {})


def _draw_definition(workspace: Workspace, scope: str, base: Recipe) -> tuple[str, dict[str, object]]:
    given: Mapping[str, Any] = base.definition
    kind = st.selectbox(
        "Kind",
        list(KINDS),
        index=list(KINDS).index(TraitKind(base.kind)),
        format_func=lambda each: KINDS[each],
        key=f"kind_{scope}",
    )
    st.caption(KIND_MEANINGS[kind])
    with st.container(border=True):
        st.markdown("**What counts**")
        definition = _draw_event(workspace, scope, given)
        properties = _suggest_properties(workspace, str(definition["message_type"]), definition.get("event"))
        if kind != TraitKind.EVENT_COUNTER:
            definition |= _draw_property(scope, kind, given, properties)
        definition["conditions"] = draw_conditions(scope, given.get("conditions") or (), properties)
    with st.container(border=True):
        st.markdown("**Whose, and when**")
        definition |= _draw_scope_and_window(scope, given)
    return str(kind), definition


def _draw_event(workspace: Workspace, scope: str, given: Mapping[str, Any]) -> dict[str, object]:
    call = st.segmented_control(
        "Calls",
        list(_CALLS),
        default=given.get("message_type", "track"),
        required=True,
        format_func=lambda each: _CALLS[each],
        key=f"call_{scope}",
    )
    event = given.get("event")
    names = list_event_names(open_event_log(workspace), workspace.now(), call)
    options = list(dict.fromkeys([*([event] if event else []), *names]))
    chosen = st.selectbox(
        "Event" if call == "track" else "Page name",
        options,
        index=0 if event else None,
        accept_new_options=True,
        placeholder="Choose or type an event" if call == "track" else "All pages",
        key=f"event_{scope}_{call}",
    )
    return {"message_type": call, "event": chosen or None}


def _draw_property(scope: str, kind: TraitKind, given: Mapping[str, Any], properties: list[str]) -> dict[str, object]:
    path = given.get("property")
    options = list(dict.fromkeys([*([path] if path else []), *properties]))
    found: dict[str, object] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        found["property"] = st.selectbox(
            "Property",
            options,
            index=0 if path else None,
            accept_new_options=True,
            placeholder="Choose or type",
            help="Dots lead inside: page.url. Letter case does not matter.",
            key=f"property_{scope}",
            width=260,
        )
        if kind == TraitKind.AGGREGATION:
            found["aggregate"] = _select("Aggregate", AGGREGATES, given.get("aggregate"), f"aggregate_{scope}")
        else:
            found["value_type"] = _select("Read as", VALUE_TYPES, given.get("value_type"), f"type_{scope}")
        if kind == TraitKind.MOST_FREQUENT:
            found["minimum_frequency"] = int(
                st.number_input(
                    "Seen at least",
                    min_value=MIN_FREQUENCY,
                    value=int(given.get("minimum_frequency", MIN_FREQUENCY)),
                    key=f"minimum_{scope}",
                    width=130,
                )
            )
    return found


def _draw_scope_and_window(scope: str, given: Mapping[str, Any]) -> dict[str, object]:
    whose = _select("Of", SCOPES, given.get("scope"), f"scope_{scope}", width=220)
    if whose == "account":
        st.caption("Events count for the account that they name: groupId, or context.groupId.")
    before: Mapping[str, Any] = given.get("window") or {"type": "lifetime"}
    window = st.radio(
        "Over",
        list(WINDOWS),
        index=list(WINDOWS).index(before["type"]),
        format_func=lambda each: WINDOWS[each],
        captions=[WINDOW_MEANINGS[each] for each in WINDOWS],
        key=f"window_{scope}",
    )
    document: dict[str, object] = {"type": window}
    if window == "sliding":
        document["days"] = int(
            st.number_input(
                "Days", min_value=1, max_value=MAX_SLIDING_DAYS, value=before.get("days", 30), key=f"days_{scope}"
            )
        )
    elif window == "session":
        document["inactivity_minutes"] = _draw_inactivity(scope, int(before.get("inactivity_minutes", 30)))
    return {"scope": str(whose), "window": document}


def _draw_inactivity(scope: str, minutes: int) -> int:
    unit = next(unit for unit, size in reversed(_UNITS.items()) if minutes % size == 0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = st.number_input(
            "Inactivity period", min_value=1, value=minutes // _UNITS[unit], key=f"inactivity_{scope}", width=160
        )
        chosen = st.selectbox("Unit", list(_UNITS), index=list(_UNITS).index(unit), key=f"unit_{scope}", width=130)
    st.caption(f"From {MIN_SESSION_MINUTES} minutes to {MAX_SESSION_MINUTES // 1440} days.")
    return int(count) * _UNITS[chosen]


def _select(label: str, options: Mapping[Any, str], value: object, key: str, width: int = 150) -> Any:
    keys = list(options)
    index = keys.index(value) if value in keys else 0
    return st.selectbox(label, keys, index=index, format_func=lambda each: options[each], key=key, width=width)


def _suggest_properties(workspace: Workspace, call: str, event: object) -> list[str]:
    if not event and call == "track":
        return []
    return list_properties(open_event_log(workspace), call, str(event) if event else None)
