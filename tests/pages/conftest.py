"""The real pages without a browser: the whole app, on a home that a test has brought into the state it wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from components import navigation, running_query
from core.workspaces.workspace import Workspace
from tests.browser.conftest import ROOT

Visit = Callable[..., AppTest]
PATIENCE_S = 30.0


@pytest.fixture(scope="session", autouse=True)
def _scan_packages_once() -> Iterator[None]:
    """Streamlit reads the metadata of each installed package for each app that it tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture
def visit(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Open a page of the workspace as a new browser would: `visit("define_model.py", kind="duckdb")`."""
    monkeypatch.setenv("ONRAMP_HOME", str(workspace.home.root))
    monkeypatch.setattr(running_query, "QUICK_S", PATIENCE_S)  # a busy machine takes its time: nobody runs a page again
    st.cache_data.clear()

    def open_page(file: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "shell" / "main.py"), default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        (screen,) = (screen for screen in navigation.list_screens() if screen.file == file)
        if not screen.is_default:
            app._page_hash = calc_hash(screen.url_path)  # by its address; `switch_page` needs a run of the home page
        app.run()
        assert not app.exception, [error.value for error in app.exception]
        return app

    yield open_page
    st.cache_resource.clear()  # closes the workspace that the pages opened
