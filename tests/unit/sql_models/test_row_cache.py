from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from core.errors import QueryCancelled
from core.sql_models.row_cache import RowCache
from core.sql_models.sql_model import SqlModel, get_sql_model
from core.warehouses.cancel import CancelToken
from core.warehouses.registry import open_warehouse
from core.workspaces.workspace import Workspace, open_workspace
from tests import guided
from tests.new_home import new_home


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(new_home(tmp_path / "home"))
    yield opened
    opened.close()


def define(workspace: Workspace) -> SqlModel:
    return get_sql_model(workspace, str(guided.define(workspace, rows=100).sql_model_id))


def read(cache: RowCache, workspace: Workspace, model: SqlModel, *columns: str) -> pa.Table:
    with open_warehouse(workspace, model.warehouse_id) as warehouse:
        return pa.Table.from_batches(list(cache.read(warehouse, model, columns)))


def is_same_memory(one: pa.Table, other: pa.Table) -> bool:
    first, second = (table["id"].chunk(0).buffers()[-1] for table in (one, other))
    return first.address == second.address


def test_only_the_columns_asked_for_are_read(workspace: Workspace) -> None:
    rows = read(RowCache(), workspace, define(workspace), "id", "plan")
    assert rows.column_names == ["id", "plan"]
    assert rows.num_rows == 100


def test_rows_are_read_once_while_the_data_stays_the_same(workspace: Workspace) -> None:
    cache, model = RowCache(), define(workspace)
    first = read(cache, workspace, model, "id", "plan")
    assert is_same_memory(first, read(cache, workspace, model, "id"))


def test_a_column_more_is_read_and_those_before_it_are_kept(workspace: Workspace) -> None:
    cache, model = RowCache(), define(workspace)
    read(cache, workspace, model, "id", "plan")
    assert set(read(cache, workspace, model, "id", "email").column_names) == {"id", "email", "plan"}


def test_rows_that_changed_in_the_warehouse_are_read_anew(workspace: Workspace) -> None:
    cache, model = RowCache(), define(workspace)
    read(cache, workspace, model, "id", "plan")
    guided.change_file(workspace, "UPDATE customers SET plan = 'trial'")
    assert set(read(cache, workspace, model, "id", "plan")["plan"].to_pylist()) == {"trial"}


def test_a_result_larger_than_the_cache_passes_through_it(workspace: Workspace) -> None:
    cache, model = RowCache(max_bytes=100), define(workspace)
    first = read(cache, workspace, model, "id")
    second = read(cache, workspace, model, "id")
    assert first.num_rows == second.num_rows == 100
    assert not is_same_memory(first, second)


def test_a_reading_that_was_stopped_leaves_nothing_behind(workspace: Workspace) -> None:
    cache, model, token = RowCache(), define(workspace), CancelToken()
    token.cancel()
    with open_warehouse(workspace, model.warehouse_id) as warehouse, pytest.raises(QueryCancelled):
        list(cache.read(warehouse, model, ["id"], cancel=token))
    assert read(cache, workspace, model, "id").num_rows == 100
