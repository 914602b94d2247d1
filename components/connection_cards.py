"""Sources and destinations as cards: what each is, whether it is enabled, and the switch with its consequences."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.enable_switch import draw_enable_switch, draw_state
from components.format import format_count
from components.navigation import draw_link
from components.plain_text import escape_markdown
from core.destinations.registry import get_definition as get_destination_definition
from core.destinations.store import DestinationRecord, set_destination_enabled
from core.setup.entitlements import PERMITTED_SOURCES, STAND_IN_SOURCES
from core.sources.store import Source, disable_source, enable_source
from core.syncs.sync import Sync
from core.workspaces.workspace import Workspace

_LABELS = {**PERMITTED_SOURCES, **STAND_IN_SOURCES, "flex": "Flex events", "personas": "Scores of predictions"}


def draw_source(
    workspace: Workspace, source: Source, *, messages: int, is_connected: bool, syncs: Sequence[Sync]
) -> None:
    """Draw one source: kind, state, messages so far, and who reads it."""
    facts = [
        _LABELS.get(source.kind, source.kind),
        format_count(messages, "message"),
        "feeds profiles" if is_connected else "feeds no profile space",
    ]
    names = ", ".join(f"“{sync.name}”" for sync in syncs)
    with st.container(border=True, key=f"source_{source.id}"):
        _draw_heading(source.name, source.enabled, is_protected=source.protected)
        st.caption(escape_markdown(" · ".join(facts)) + f" · `{source.slug}`")
        if syncs:
            st.caption(f"Read by {escape_markdown(names)}")
        if source.write_key:
            draw_link("source", label="Write key, instructions, changes", query={"id": source.id})
        if source.protected:
            why = "It links the workspace to Flex" if source.write_key else "Predictions write their scores through it"
            st.caption(f"{why}, so it can be neither disabled nor deleted.")
            return
        draw_enable_switch(
            "source",
            source.id,
            source.name,
            is_enabled=source.enabled,
            consequence="What it sends is refused from now on"
            + (f", and no run of {escape_markdown(names)} is started until it is enabled again." if syncs else "."),
            enable=lambda: enable_source(workspace, source.id),
            disable=lambda: disable_source(workspace, source.id),
        )


def draw_destination(workspace: Workspace, destination: DestinationRecord, *, syncs: Sequence[Sync]) -> None:
    """Draw one destination: kind, state, and which syncs write to it."""
    names = ", ".join(f"“{sync.name}”" for sync in syncs)
    with st.container(border=True, key=f"destination_{destination.id}"):
        _draw_heading(destination.name, destination.enabled, is_protected=False)
        st.caption(
            escape_markdown(get_destination_definition(destination.kind).label)
            + (f" · written by {escape_markdown(names)}" if syncs else " · no sync writes to it")
        )
        draw_enable_switch(
            "destination",
            destination.id,
            destination.name,
            is_enabled=destination.enabled,
            consequence="It receives nothing from now on"
            + (f", and no run of {escape_markdown(names)} is started until it is enabled again." if syncs else "."),
            enable=lambda: set_destination_enabled(workspace, destination.id, True),
            disable=lambda: set_destination_enabled(workspace, destination.id, False),
        )


def _draw_heading(name: str, is_enabled: bool, *, is_protected: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escape_markdown(name)}**")
        draw_state(is_enabled=is_enabled, is_protected=is_protected)
