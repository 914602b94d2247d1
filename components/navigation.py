"""Every screen with its file, label and address: the menu is built from it, and links go by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

_HERE = "screen_drawn"
PAGES_FOLDER = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True, slots=True)
class Screen:
    """One page of the app. `group` is its menu heading; a hidden one is reached by a link or by its address only."""

    file: str
    label: str
    icon: str
    url_path: str
    group: str
    is_hidden: bool = False
    is_default: bool = False

    @property
    def path(self) -> str:
        """The name `st.page_link` and `st.switch_page` know the page by: relative to shell/main.py."""
        return f"../pages/{self.file}"

    @property
    def exists(self) -> bool:
        """Say whether the page's file is there."""
        return (PAGES_FOLDER / self.file).is_file()


_SET_UP, _OBSERVE, _MANAGE = "Set up", "Observe", "Manage"
SCREENS = (
    Screen(
        "getting_started.py",
        "Getting started with Segment",
        ":material/rocket_launch:",
        "getting-started",
        _SET_UP,
        is_default=True,
    ),
    Screen(
        "select_data_sources.py",
        "Select data sources",
        ":material/checklist:",
        "select-data-sources",
        _SET_UP,
        is_hidden=True,
    ),
    Screen(
        "connect_warehouse.py",
        "Connect data warehouse",
        ":material/cable:",
        "connect-warehouse",
        _SET_UP,
        is_hidden=True,
    ),
    Screen(
        "connect_website.py", "Connect your website", ":material/language:", "connect-website", _SET_UP, is_hidden=True
    ),
    Screen(
        "connect_mobile.py",
        "Connect your mobile apps",
        ":material/smartphone:",
        "connect-mobile",
        _SET_UP,
        is_hidden=True,
    ),
    Screen("define_model.py", "Define Model", ":material/code:", "define-model", _SET_UP, is_hidden=True),
    Screen(
        "select_mappings.py",
        "Select mappings",
        ":material/conversion_path:",
        "select-mappings",
        _SET_UP,
        is_hidden=True,
    ),
    Screen(
        "identifiers_and_traits.py",
        "Add identifiers and traits",
        ":material/fingerprint:",
        "identifiers-and-traits",
        _SET_UP,
        is_hidden=True,
    ),
    Screen(
        "check_configuration.py",
        "Check configuration",
        ":material/fact_check:",
        "check-configuration",
        _SET_UP,
        is_hidden=True,
    ),
    Screen(
        "connect_existing_workspace.py",
        "Connect an existing workspace to Flex",
        ":material/link:",
        "connect-existing-workspace",
        _SET_UP,
        is_hidden=True,
    ),
    Screen("syncs.py", "Syncs", ":material/sync:", "syncs", _OBSERVE),
    Screen("profile_explorer.py", "Profile explorer", ":material/person_search:", "profile-explorer", _OBSERVE),
    Screen("traits.py", "Traits", ":material/calculate:", "traits", _OBSERVE),
    Screen("predictions.py", "Predictions", ":material/online_prediction:", "predictions", _OBSERVE),
    Screen("identity_violations.py", "Identity violations", ":material/gpp_maybe:", "identity-violations", _OBSERVE),
    Screen("delivery_overview.py", "Delivery overview", ":material/monitoring:", "delivery-overview", _OBSERVE),
    Screen("event_debugger.py", "Event debugger", ":material/bug_report:", "event-debugger", _OBSERVE),
    Screen("spaces.py", "Spaces", ":material/deployed_code:", "spaces", _MANAGE),
    Screen("overview.py", "Your Segment Overview", ":material/hub:", "overview", _MANAGE),
    Screen("add_source.py", "Add a source", ":material/add_circle:", "add-source", _MANAGE, is_hidden=True),
    Screen("source.py", "Source", ":material/input:", "source", _MANAGE, is_hidden=True),
    Screen("warehouses.py", "Warehouses", ":material/database:", "warehouses", _MANAGE),
    Screen("profiles_sync.py", "Profiles sync", ":material/table_view:", "profiles-sync", _MANAGE),
    Screen("profile_api.py", "Profile API", ":material/api:", "profile-api", _MANAGE),
    Screen("privacy.py", "Privacy", ":material/policy:", "privacy", _MANAGE),
    Screen("workspace_settings.py", "Workspace settings", ":material/tune:", "workspace-settings", _MANAGE),
)


def list_screens() -> Iterator[Screen]:
    """Yield the screens whose file exists, in menu order."""
    return (screen for screen in SCREENS if screen.exists)


def find_screen(url_path: str) -> Screen:
    """Return the screen with this address.

    Raises:
        KeyError: No screen has it; a programming error.
    """
    for screen in SCREENS:
        if screen.url_path == url_path:
            return screen
    raise KeyError(url_path)


def go_to(url_path: str, **query: str) -> None:
    """Leave this page for the one at `url_path`; nothing after this call runs."""
    st.switch_page(find_screen(url_path).path, query_params=query or None)


def enter(url_path: str) -> None:
    """Remember which screen is drawn, for the links on it."""
    st.session_state[_HERE] = url_path


def draw_link(
    url_path: str,
    *,
    label: str | None = None,
    icon: str | None = None,
    help: str | None = None,
    query: Mapping[str, str] | None = None,
    key: str | None = None,
) -> None:
    """Draw a link to the screen at `url_path`, with `query` in its address; nothing where its page does not exist.

    `key` tells links apart that lead from a page to itself with one label and query.
    """
    screen = find_screen(url_path)
    if not screen.exists:
        return
    label, icon = label or screen.label, icon or screen.icon
    if query and st.session_state.get(_HERE) == url_path:
        # a page link changes what its own page shows and leaves the address as it was: a refresh would go back
        key = key or f"link {label} {sorted(query.items())}"
        if st.button(label, icon=icon, help=help, type="tertiary", key=key, on_click=_set_widgets, args=(query,)):
            _turn_to(query)
            st.rerun()
    else:
        st.page_link(screen.path, label=label, icon=icon, help=help, query_params=query or None)


def _set_widgets(query: Mapping[str, str]) -> None:
    """Set the widgets that keep their value in the address; nobody else may change it there."""
    for name in set(query) & set(st.session_state):
        st.session_state[name] = query[name]


def _turn_to(query: Mapping[str, str]) -> None:
    """Give this page another address, but for what its widgets keep there."""
    for name in set(st.query_params) - set(query) - set(st.session_state):
        del st.query_params[name]
    for name in set(query) - set(st.session_state):
        st.query_params[name] = query[name]
