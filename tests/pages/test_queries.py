"""No page asks the store more often when there is more to show."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from core.sources.store import create_source
from core.warehouses.store import list_warehouses, save_warehouse
from core.workspaces.workspace import Workspace
from tests import guided
from tests.pages.conftest import Visit

PAGES = (
    "syncs.py",
    "profile_explorer.py",
    "identity_violations.py",
    "event_debugger.py",
    "overview.py",
    "warehouses.py",
    "workspace_settings.py",
)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def share_phones(workspace: Workspace, count: int) -> None:
    """Give neighbours one phone, which the limit of one user id for a person turns into violations."""
    guided.change_file(workspace, f"UPDATE customers SET phone = '+14155550000' WHERE CAST(id[2:] AS INT) <= {count}")


def test_a_page_asks_as_often_for_much_as_for_little(workspace: Workspace, visit: Visit, statements: list[str]) -> None:
    guided.add_identifiers_and_traits(workspace, rows=4)
    share_phones(workspace, 2)
    guided.build(workspace)

    def count(page: str) -> int:
        app = visit(page)
        app.run()  # what is kept between runs is kept now
        statements.clear()
        app.run()
        assert not app.error
        return len(statements)

    little = {page: count(page) for page in PAGES}
    guided.make_warehouse_file(workspace, rows=60)
    share_phones(workspace, 30)
    (warehouse,) = list_warehouses(workspace)
    for number in range(3):
        create_source(workspace, kind="duckdb", name=f"Source {number}", warehouse_id=warehouse.id)
        save_warehouse(workspace, kind="duckdb", name=f"Warehouse {number}", settings={"path": guided.FILE})
        guided.build(workspace)
    assert {page: count(page) for page in PAGES} == little
    assert all(little.values())
