"""Where the rows of a sync are compared: shown with its reason, moved either way with nothing sent again, refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.storage.lease import hold_lease
from core.syncs.state_place import StatePlace, move_state, read_state_place
from tests import guided
from tests.crm import Crm
from tests.engines import PostgresEngine
from tests.pages.reading import list_buttons, press, read_plain


@pytest.fixture
def crm(workspace, new_postgres_url) -> Crm:
    return Crm(workspace, PostgresEngine(new_postgres_url()))


def test_an_embedded_warehouse_compares_nothing_and_offers_no_move(workspace, visit):
    guided.map_columns(workspace)
    guided.run_sync(workspace)
    app = visit("syncs.py", view="settings")
    assert "This engine compares nothing inside" in read_plain(app)
    assert "12 records are acknowledged." in read_plain(app)
    assert not [label for label in list_buttons(app) if label.startswith("Compare in")]


def test_it_says_where_and_why_and_asks_before_it_moves_the_state_either_way(workspace, crm, visit):
    sync = crm.make_sync()
    crm.run(sync)
    app = visit("syncs.py", view="settings")
    assert "only rows that differ leave it. 2 records are acknowledged." in read_plain(app)
    press(app, "Compare here …")
    shown = read_plain(app)
    assert "The copy in the warehouse's schema `__onramp` is dropped." in shown and "Nothing is sent again." in shown
    assert read_state_place(workspace, sync.id).chosen is StatePlace.WAREHOUSE, "asked, not done"
    move_state(workspace, sync.id, StatePlace.LOCAL)
    app = visit("syncs.py", view="settings")
    assert "Every row is read, and what was sent is kept here" in read_plain(app)
    press(app, "Compare in the warehouse …")
    assert "The next run reads every row once" in read_plain(app)


def test_a_login_that_may_not_write_sees_the_missing_grant_on_the_run_and_in_the_settings(
    workspace, new_postgres_url, visit
):
    engine = PostgresEngine(new_postgres_url(), user="reads_only")
    engine.run("CREATE ROLE reads_only LOGIN", "GRANT USAGE ON SCHEMA crm TO reads_only")
    engine.run("ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT SELECT ON TABLES TO reads_only")
    crm = Crm(workspace, engine)
    sync = crm.make_sync()
    crm.run(sync)
    assert "Every row was read and compared here. The login reads_only" in read_plain(visit("syncs.py"))
    app = visit("syncs.py", view="settings")
    (grant,) = [block.value for block in app.code]
    assert "__onramp" in grant and "reads_only" in grant
    assert list_buttons(app)["Try the warehouse again …"]
    engine.run(grant)
    workspace.clock.advance(timedelta(minutes=1))  # the newest run is told by its time
    crm.run(sync)
    app = visit("syncs.py", view="settings")
    assert "only rows that differ leave it" in read_plain(app) and not app.code
    assert "Try the warehouse again …" not in list_buttons(app)
    assert "compared here" not in read_plain(visit("syncs.py"))


def test_while_a_run_is_at_work_it_says_so(workspace, crm, visit):
    sync = crm.make_sync()
    with hold_lease(workspace.database, f"sync:{sync.id}"):
        app = visit("syncs.py", view="settings")
    assert "A run is at work. It is shown here when the run is over." in read_plain(app)
    assert not app.error and list_buttons(app)["Reset sync …"]
