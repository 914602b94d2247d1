"""Tokens of the Profile API on a page: made, shown once, revoked."""

from __future__ import annotations

import streamlit as st

from components.confirm import confirm
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.format import format_time
from components.plain_text import escape_markdown
from components.state import NEW_PROFILE_TOKEN
from core.workspaces.profile_tokens import (
    MAX_NAME_CHARS,
    NewProfileToken,
    ProfileToken,
    create_token,
    list_tokens,
    revoke_token,
)
from core.workspaces.workspace import Workspace


def draw_tokens(workspace: Workspace, space_id: str) -> None:
    """Draw the space's tokens, and a form that makes another one."""
    _draw_new(space_id)
    tokens = list_tokens(workspace, space_id)
    if not tokens:
        draw_empty_state(
            ":material/key:",
            "No token yet",
            "Make one for each program that reads profiles: each can then be revoked.",
        )
    for token in tokens:
        _draw_token(workspace, token)
    with (
        st.form("create_token", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input(
            "Program that will use it",
            placeholder="Agent desktop",
            max_chars=MAX_NAME_CHARS,
            key="token_name",
            width=320,
        )
        may_delete = st.checkbox("May delete identifiers", key="token_may_delete")
        is_pressed = st.form_submit_button("Create token", icon=":material/add:")
    if is_pressed:
        with error_panel("making a token"):
            NEW_PROFILE_TOKEN.write(create_token(workspace, space_id, name or "", may_delete=may_delete))
            st.rerun()


def _draw_new(space_id: str) -> None:
    """Show the token that was made last, once: the next run of the page has forgotten it."""
    made: NewProfileToken | None = NEW_PROFILE_TOKEN.take()
    if made is not None and made.token.space_id == space_id:
        with st.container(border=True, key="token_once"):
            st.markdown(
                f":material/key: **{escape_markdown(made.token.name)}**: copy the token now. It is not shown again."
            )
            st.code(made.text, language=None, wrap_lines=True)


def _draw_token(workspace: Workspace, token: ProfileToken) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"token_{token.id}"):
        state = f"created {format_time(token.created_at)}"
        if token.revoked_at is not None:
            state = f"revoked {format_time(token.revoked_at)}"
        if token.may_delete:
            state += " · may delete identifiers"
        st.markdown(
            f"**{escape_markdown(token.name)}** :gray[· ends in `{token.last_chars}` · {state}]", width="stretch"
        )
        if token.revoked_at is None and st.button("Revoke …", key=f"revoke_{token.id}"):
            confirm(
                "Revoke a token",
                f"Whatever uses **{escape_markdown(token.name)}** is answered with 401 from now on, within a second.",
                lambda: revoke_token(workspace, token.id),
                confirm_label="Revoke it",
                warning="A revoked token cannot be brought back; make another one instead.",
            )
