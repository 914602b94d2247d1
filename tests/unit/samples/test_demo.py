from __future__ import annotations

from pathlib import Path

import pytest

from core.samples.demo import ensure_demo_warehouse
from core.warehouses.store import list_warehouses
from core.workspaces.workspace import open_workspace


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    workspace = open_workspace(str(tmp_path))

    def fail(what: str, share: float) -> None:
        if "orders" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_demo_warehouse(workspace, fail)
    assert list(workspace.home.warehouses.iterdir()) == []
    assert list_warehouses(workspace) == []
    workspace.close()
