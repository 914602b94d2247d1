"""What a page keeps between runs: the opened workspace and the session's values. Nothing else touches session state."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from components.error_panel import error_panel
from core.storage.home import DEFAULT_HOME
from core.workspaces.workspace import Workspace, open_workspace

T = TypeVar("T")


class SessionValue(Generic[T]):
    """One value of a browser session, with its default; `scope` tells several of a kind apart.

    Example:
        `SELECTED_RUN.write(run.id, sync.id)` and later `SELECTED_RUN.read(sync.id)`.
    """

    def __init__(self, name: str, default: Callable[[], T]) -> None:
        self.name = name
        self._default = default

    def key(self, *scope: str) -> str:
        """Return the session key; also usable as the `key=` of a widget, which then keeps its value here."""
        return "/".join(("onramp", self.name, *scope))

    def read(self, *scope: str) -> T:
        """Return the value, or a fresh default where none was written."""
        key = self.key(*scope)
        value: T = st.session_state[key] if key in st.session_state else self._default()
        return value

    def write(self, value: T, *scope: str) -> None:
        """Keep `value` for the rest of the session."""
        st.session_state[self.key(*scope)] = value

    def clear(self, *scope: str) -> None:
        """Forget the value."""
        st.session_state.pop(self.key(*scope), None)

    def take(self, *scope: str) -> T:
        """Return the value and forget it: for things shown once."""
        value = self.read(*scope)
        self.clear(*scope)
        return value


class Undo(NamedTuple):
    """A change just made that can be taken back: what it did, in a sentence, and how to undo it."""

    sentence: str
    take_back: Callable[[], object]


# --- the session's values; a page adds its own here, so that no two pages use one name for two things
EDITOR: SessionValue[dict[str, object]] = SessionValue("editor", dict)
EDITOR_TEXT: SessionValue[str | None] = SessionValue("editor_text", lambda: None)
CHOICE: SessionValue[dict[str, Any] | None] = SessionValue("choice", lambda: None)
UNDO: SessionValue[Undo | None] = SessionValue("undo", lambda: None)
IMPORT_REPORT: SessionValue[Any] = SessionValue("import_report", lambda: None)
SEEN_SETUP: SessionValue[Any] = SessionValue("seen_setup", lambda: None)
SEEN_DRAFT: SessionValue[Any] = SessionValue("seen_draft", lambda: None)
CHANGING_CONNECTION: SessionValue[bool] = SessionValue("changing_connection", lambda: False)
CONNECTION_REPORT: SessionValue[Any] = SessionValue("connection_report", lambda: None)
PREVIEW_WANTED: SessionValue[bool] = SessionValue("preview_wanted", bool)
AGREED_COST: SessionValue[tuple[str, str] | None] = SessionValue("agreed_cost", lambda: None)
REPLAY_REPORT: SessionValue[str] = SessionValue("replay_report", str)
LIVE_PAGE: SessionValue[Any] = SessionValue("live_page", lambda: None)
HELD_PLACE: SessionValue[Any] = SessionValue("held_place", lambda: None)
PREDICTION_CHECK: SessionValue[Any] = SessionValue("prediction_check", lambda: None)
SQL_TRAITS_CHECK: SessionValue[Any] = SessionValue("sql_traits_check", lambda: None)
TRAIT_CONDITIONS: SessionValue[list[int] | None] = SessionValue("trait_conditions", lambda: None)
SPACE: SessionValue[str | None] = SessionValue("space", lambda: None)
NEW_PROFILE_TOKEN: SessionValue[Any] = SessionValue("new_profile_token", lambda: None)
REGULATION_USERS: SessionValue[str] = SessionValue("privacy_users", str)
REGULATION_SURE: SessionValue[bool] = SessionValue("privacy_sure", bool)
REGULATION_ASKED: SessionValue[bool] = SessionValue("privacy_asked", bool)
WHAT_IF: SessionValue[tuple[str, Any] | None] = SessionValue("what_if", lambda: None)
CHOOSING_TRAITS: SessionValue[bool] = SessionValue("choosing_traits", lambda: False)


def get_workspace() -> Workspace:
    """Return the workspace of `ONRAMP_HOME`, opened once per process.

    Where it cannot be opened, the page shows why and what to do, and stops.
    """
    home = Path(os.environ.get("ONRAMP_HOME") or DEFAULT_HOME).expanduser().resolve()
    workspace = None
    with error_panel("opening the workspace"):
        workspace = _open(str(home), os.environ.get("ONRAMP_DATABASE_URL"))
    if workspace is None:
        st.stop()
    return workspace


@st.cache_resource(show_spinner=False, on_release=Workspace.close)
def _open(home: str, database_url: str | None) -> Workspace:
    return open_workspace(home, database_url=database_url)


def read_component(key: str, name: str) -> object:
    """Return what the browser component mounted under `key` last reported as `name`; None before it did."""
    state = st.session_state.get(key)
    return None if state is None else state.get(name)


def write_component(key: str, name: str, value: object) -> None:
    """Set a component's reported value from Python; call before the component is drawn in this run."""
    st.session_state[key] = {name: value}


def read_widget(key: str) -> Any:
    """Return the value of a widget; None before it was drawn."""
    return st.session_state.get(key)


def write_widget(key: str, value: object) -> None:
    """Set a widget's value from Python; call before the widget is drawn in this run."""
    st.session_state[key] = value


def forget_widget(key: str) -> None:
    """Forget what was typed into a widget; call before the widget is drawn in this run."""
    st.session_state.pop(key, None)


def viewer_zone() -> tzinfo:
    """Return the time zone of the person's browser; UTC where it is not known."""
    name = st.context.timezone
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def is_dark() -> bool:
    """Say whether the person sees the dark theme."""
    return st.context.theme.type == "dark"
