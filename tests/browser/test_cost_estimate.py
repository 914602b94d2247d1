"""What a query costs, at the Preview button: in a sentence while the person types on, and agreed to when very high."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from core.setup.guided_setup import connect_warehouse
from core.workspaces.workspace import open_workspace
from tests import guided
from tests.browser.conftest import ROOT, serve
from tests.emulators.bigquery.wire import ROOT as API
from tests.emulators.bigquery.wire import Wire, write_key
from tests.emulators.recording import Reply, Request, run_recorder

SLOW_MS = 30_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app on a BigQuery whose every query would read 3 TB."""

    def intercept(request: Request) -> Reply | None:
        if request.path.startswith(f"{API}/datasets") and request.method == "GET":
            return Reply.of({"datasets": [], "tables": []})
        return None

    home = tmp_path_factory.mktemp("home")
    with run_recorder(Wire(statistics={"totalBytesProcessed": str(3 * 1024**4)}, intercept=intercept).answer) as google:
        workspace = open_workspace(str(home / "onramp"))
        guided.confirm(workspace)
        settings = {"location": "EU", "read_api": "rest", "api_endpoint": google.url}
        secrets = {"credentials": write_key(f"{google.url}/token")}
        connect_warehouse(workspace, kind="bigquery", name="Ads", settings=settings, secrets=secrets)
        workspace.close()
        with serve(ROOT / "app.py", home) as served:
            yield served


@pytest.mark.timeout(200)
def test_a_very_expensive_query_says_so_while_it_is_written_and_is_asked_for_before_it_runs(
    open_screen: Callable[..., object], address: str
) -> None:
    """W29, W30."""
    screen = open_screen("phone-dark")
    page = screen.open(f"{address}/define-model")
    page.get_by_role("textbox", name="SQL", exact=True).click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("select 1 as n")
    page.get_by_text(re.compile("to see ten records|again to go on")).wait_for(timeout=SLOW_MS)
    page.get_by_text("Reads 3 TB. BigQuery bills").wait_for(timeout=SLOW_MS)
    screen.settle()
    screen.shoot("estimate")
    page.get_by_role("button", name=re.compile("Preview$")).click()
    page.get_by_text("This query reads 3 TB.").wait_for(timeout=SLOW_MS)
    screen.settle()
    screen.shoot("estimate-asks")
    width = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0, "the page scrolls sideways"
    page.get_by_role("button", name="Run it anyway").click()
    page.get_by_text("The first 1 record").wait_for(timeout=SLOW_MS)
    screen.settle()
    screen.shoot("estimate-agreed")
