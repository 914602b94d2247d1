"""Add a source: choose its kind, fill in its form, then install and test it on its own page (W94, W95)."""

import streamlit as st

from components.entitlement_meter import draw_meters
from components.error_panel import error_panel
from components.field_input import draw_field, forget_secrets
from components.navigation import draw_link, go_to
from components.state import get_workspace
from core.settings import split_secrets
from core.setup.entitled import create_entitled_source
from core.setup.entitlements import Entitled, get_usage
from core.sources.definition import SourceDefinition
from core.sources.registry import DEFINITIONS, get_definition

OFFERED = {each.kind: each for each in DEFINITIONS if each.has_write_key and not each.is_auto_created}

workspace = get_workspace()


def draw_kinds() -> None:
    """Draw the kinds, and go on with the chosen one."""
    labels = {kind: each.label for kind, each in OFFERED.items()}
    kind = st.radio(
        "What sends the events?",
        list(OFFERED),
        format_func=labels.get,
        captions=[each.summary for each in OFFERED.values()],
        key="source_kind",
    )
    if st.button("Next", type="primary", key="next_kind"):
        st.query_params["kind"] = kind
        st.rerun()
    st.caption("Rows of a data warehouse come by a sync: connect the warehouse in the guided setup.")


def draw_form(definition: SourceDefinition) -> None:
    """Draw the form, and create the source."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(definition.label, anchor=False)
        if st.button("Choose another kind", type="tertiary", key="other_kind", icon=":material/arrow_back:"):
            st.query_params.pop("kind")
            st.rerun()
    st.caption(definition.summary)
    with st.form("source", border=True, width=560):
        label = "Website Name" if definition.kind == "javascript" else "Name"
        name = st.text_input(label, max_chars=128, key="source_name")
        typed = {each.name: draw_field(each, f"source_{each.name}") for each in definition.settings}
        pressed = st.form_submit_button("Create Source", type="primary")
    if pressed:
        settings, secrets = split_secrets(definition, typed)
        with error_panel("creating the source") as attempt:
            made = create_entitled_source(
                workspace, kind=definition.kind, name=name, settings=settings, secrets=secrets
            )
        if not attempt.failed:
            forget_secrets(definition, "source_")
            go_to("source", id=made.id)


with error_panel("adding a source"):
    st.title("Add a source", anchor=False)
    draw_link("overview", icon=":material/arrow_back:")
    usage = get_usage(workspace, Entitled.SOURCES)
    if not usage.remaining:
        st.info(
            f"**{usage.sentence}** No other one can be added. Delete one that you no longer need; everything that"
            " exists goes on working.",
            icon=":material/block:",
        )
        st.stop()
    kind = st.query_params.get("kind")
    if kind in OFFERED:
        draw_form(get_definition(kind))
    else:
        draw_kinds()
    st.divider()
    draw_meters((usage,))
