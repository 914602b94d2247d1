"""What goes of accounts when people are deleted (spec/profiles.md 2.3, 8): what was theirs, and what names them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import duckdb

from core.clock import FixedClock
from core.privacy.job import carry_out_due
from core.privacy.regulation import RegulationKind, RegulationStatus, list_regulations, request_regulation
from core.profiles.account_traits import AccountTraits, leave_values, write_account_traits
from core.profiles.api_page import PageRequest
from core.profiles.group_calls import follow_group_calls
from core.setup.sql_traits import create_sql_traits
from core.syncs.engine import execute_run
from core.syncs.run import SyncRun, request_run
from core.traits.api_accounts import is_known, read_account_traits
from core.traits.store import create_trait
from core.warehouses.store import save_warehouse
from core.workspaces.workspace import Workspace
from tests.feeding import Feed
from tests.unit.privacy.test_deletion import read_everything

ADA, MAIL = "ada-000001", "Ada@mail.example"
ROWS = [
    ("ada-alone", "nobody", 1),
    ("ada-and-eve", "eve@mail.example", 2),
    ("eve-alone", "ada@mail.example", 3),
    ("nobody-yet", "nobody", 4),
    ("ada-tracked", "nobody", 6),  # which only an event of hers names
    ("ada-000001", "nobody", 5),  # an account that happens to be called as the person is
]


def fill(workspace: Workspace) -> tuple[Feed, str]:
    """Ada with an account of her own and one with Eve, whom a query keeps traits of; returns its sync too."""
    feed = Feed(workspace)
    definition = {"message_type": "track", "event": "Bought", "scope": "account"}
    create_trait(workspace, feed.space_id, name="Bought", kind="event_counter", definition=definition)
    feed.identify(ADA, traits={"email": MAIL})
    feed.identify("eve-000001", traits={"email": "eve@mail.example"})
    for user, group in ((ADA, "ada-alone"), (ADA, "ada-and-eve"), ("eve-000001", "ada-and-eve")):
        feed.send("group", userId=user, groupId=group, traits={"plan": f"of {user}"})
        feed.track(user, "Bought", context={"groupId": group})
    feed.send("group", userId="eve-000001", groupId="eve-alone", traits={})
    feed.track(ADA, "Bought", context={"groupId": "ada-tracked"})
    feed.build()
    follow_group_calls(workspace, feed.space_id)
    with duckdb.connect(str(workspace.home.warehouses / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE accounts (id VARCHAR, mail VARCHAR, size INTEGER)")
        connection.executemany("INSERT INTO accounts VALUES (?, ?, ?)", ROWS)
    warehouse = save_warehouse(workspace, kind="duckdb", name="Shop", settings={"path": "shop.duckdb"})
    sql = "SELECT id AS group_id, mail AS owner, size FROM accounts"
    sync = create_sql_traits(workspace, feed.space_id, name="Owners", warehouse_id=warehouse.id, sql=sql)
    run(workspace, sync.id)
    tiers = [AccountTraits(feed.space_id, group_id, {"tier": f"tier {size}"}) for group_id, _, size in ROWS]
    with workspace.database.transaction() as connection:
        write_account_traits(connection, "syn_other", tiers, 0)
        # what deleted computed traits left: counted of Ada's messages too, naming her, and of others only
        left = {"ada-and-eve": [7], "eve-alone": ["eve@mail.example", MAIL], "nobody-yet": ["eve@mail.example"]}
        leave_values(connection, feed.space_id, "left", left, 0)
    return feed, sync.id


def run(workspace: Workspace, sync_id: str) -> SyncRun:
    workspace.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    return execute_run(workspace, request_run(workspace, sync_id).id)


def read(feed: Feed) -> dict[str, dict[str, Any]]:
    """Return the traits of each account as the Profile API gives them; none of an account that it does not know."""
    found = {}
    with feed.workspace.database.reading() as connection:
        for group_id, *_ in ROWS:
            page = read_account_traits(feed.workspace, connection, feed.space_id, group_id, PageRequest(limit=10))
            traits = dict(page.body["traits"])
            assert is_known(connection, feed.space_id, group_id) or not traits
            found[group_id] = {key: value for key, value in traits.items() if value is not None}
    return found


def test_what_accounts_say_of_a_deleted_person_goes_and_comes_again_only_from_the_warehouse(
    store_workspace: Workspace, clock: FixedClock
) -> None:
    feed, owners = fill(store_workspace)
    before = read(feed)
    assert before["ada-alone"] == {"plan": f"of {ADA}", "owner": "nobody", "size": 1, "tier": "tier 1", "bought": 1}
    assert before["ada-and-eve"]["bought"] == 2
    request_regulation(store_workspace, RegulationKind.DELETE_ONLY, [ADA])
    clock.advance(timedelta(seconds=5))
    carry_out_due(store_workspace)
    (regulation,) = list_regulations(store_workspace)
    assert regulation.status is RegulationStatus.FINISHED
    # all of the accounts of her own, the row that names her, and what was left of her messages or names her
    assert regulation.receipt["account_traits"] == 3 + 3 + 2 + 2
    assert regulation.receipt["profile_accounts"] == 3
    assert regulation.receipt["group_calls"] == 2
    assert b"ada-alone" not in read_everything(store_workspace)
    feed.build()
    others = {key: value for key, value in before["ada-and-eve"].items() if key != "left"}
    assert read(feed) == before | {
        "ada-alone": {},
        "ada-tracked": {},
        "ada-and-eve": others | {"bought": 1},
        "eve-alone": {"tier": "tier 3"},
    }
    assert run(store_workspace, owners).sheet.added == 3
    assert read(feed)["eve-alone"] == {key: value for key, value in before["eve-alone"].items() if key != "left"}
