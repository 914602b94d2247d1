"""Moving where a sync's rows are compared: refused with the missing grant, then done; nothing is sent again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.syncs.state_place import StatePlace, read_state_place
from core.syncs.sync import Sync
from core.workspaces.workspace import open_workspace
from tests import guided
from tests.browser.conftest import ROOT, serve
from tests.crm import Crm
from tests.engines import PostgresEngine

SLOW_MS = 30_000


@dataclass
class Served:
    """An app with one sync of a warehouse whose login may read and not write."""

    address: str
    crm: Crm
    sync: Sync


@pytest.fixture
def served(tmp_path: Path, new_postgres_url: Callable[[], str]) -> Iterator[Served]:
    workspace = open_workspace(str(tmp_path / "home" / "onramp"))
    guided.confirm(workspace)
    engine = PostgresEngine(new_postgres_url(), user="state_reader")
    role = "DO $$ BEGIN CREATE ROLE state_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    engine.run(role, "GRANT USAGE ON SCHEMA crm TO state_reader")
    engine.run("ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT SELECT ON TABLES TO state_reader")
    crm = Crm(workspace, engine)
    sync = crm.make_sync()
    crm.run(sync)
    with serve(ROOT / "app.py", tmp_path / "home", ONRAMP_WORKER="off") as address:
        yield Served(address, crm, sync)
    workspace.close()


@pytest.mark.timeout(200)
def test_a_refused_move_names_the_grant_and_leaves_the_state_and_then_it_is_moved_both_ways(
    served: Served, open_screen: Callable[..., object]
) -> None:
    screen = open_screen("phone-dark")
    page = screen.open(f"{served.address}/syncs?view=settings")

    def move(button: str) -> None:
        page.get_by_role("button", name=re.compile(f"{button} …")).click()
        page.get_by_role("dialog").get_by_text("Nothing is sent again.").wait_for(timeout=SLOW_MS)
        page.get_by_role("dialog").get_by_role("button", name=re.compile("^Compare")).click()

    below = page.get_by_text("Forgets what was acknowledged")
    below.scroll_into_view_if_needed()
    screen.shoot("state-held-up")
    move("Try the warehouse again")
    page.get_by_role("dialog").get_by_text("CREATE SCHEMA __onramp").last.wait_for(timeout=SLOW_MS)
    screen.shoot("state-refused")
    held_up = read_state_place(served.crm.workspace, served.sync.id)
    assert held_up.is_held_up and held_up.now is StatePlace.LOCAL
    page.keyboard.press("Escape")
    served.crm.engine.run(held_up.grant)
    move("Try the warehouse again")
    page.get_by_text("The next run reads every row once").first.wait_for(timeout=SLOW_MS)
    served.crm.run(served.sync)
    page.reload()
    page.get_by_text("only rows that differ leave it").wait_for(timeout=SLOW_MS)
    screen.settle()
    below.scroll_into_view_if_needed()
    screen.shoot("state-inside")
    width = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0, "the page scrolls sideways"
    move("Compare here")
    page.get_by_text("what was sent is kept here").wait_for(timeout=SLOW_MS)
    served.crm.run(served.sync)
    assert read_state_place(served.crm.workspace, served.sync.id).now is StatePlace.LOCAL
    assert len(served.crm.list_sent(served.sync)) == 2
    screen.turn_to("/syncs")
    screen.shoot("state-run")
