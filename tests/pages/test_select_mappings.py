"""The page Select mappings: what it shows about all rows, and what it does not make before it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.setup import guided_setup
from core.setup.guided_setup import Setup
from core.workspaces.workspace import Workspace, open_workspace
from tests import guided
from tests.new_home import new_home

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("ONRAMP_HOME", str(tmp_path / "home"))
    opened = open_workspace(new_home(tmp_path / "home"))
    yield opened
    opened.close()


def open_page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "shell" / "main.py"), default_timeout=60)
    app.run()
    app.switch_page("../pages/select_mappings.py").run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def texts(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.caption, *app.error))


def save(workspace: Workspace, setup: Setup, *leave_out: str) -> None:
    mapping = guided.make_mapping(setup.space_id)
    for field in leave_out:
        mapping = mapping.without(field)
    guided_setup.save_draft_mapping(workspace, mapping)


def test_a_complete_mapping_is_checked_on_all_rows(workspace: Workspace) -> None:
    save(workspace, guided.define(workspace, rows=40))
    app = open_page()
    assert "Checked on all 40 rows" in texts(app)
    assert "Checking all rows" not in texts(app)


def test_figures_follow_rows_that_changed_in_the_warehouse(workspace: Workspace) -> None:
    save(workspace, guided.define(workspace, rows=40))
    app = open_page()
    guided.change_file(workspace, "DELETE FROM customers WHERE id IN ('c1', 'c2')")
    app.run()
    assert "Checked on all 38 rows" in texts(app)


def test_an_incomplete_mapping_shows_no_figures_and_says_what_is_missing(workspace: Workspace) -> None:
    save(workspace, guided.define(workspace), "user_id")
    app = open_page()
    assert "Checked on" not in texts(app)
    assert app.button(key="create_mapping").disabled


def test_a_check_that_fails_is_explained_in_its_place(workspace: Workspace) -> None:
    save(workspace, guided.define(workspace))
    (workspace.home.warehouses / guided.FILE).unlink()
    app = open_page()
    assert any("is gone" in error.value for error in app.error)
    assert not app.button(key="create_mapping").disabled


def test_the_test_record_is_made_when_it_is_looked_at(workspace: Workspace) -> None:
    save(workspace, guided.define(workspace))
    app = open_page()
    assert not app.json
    app.session_state["test_record"] = True
    app.run()
    assert '"userId"' in app.json[0].value
