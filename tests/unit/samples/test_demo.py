from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InvalidField
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


@pytest.mark.parametrize("number", ["1999", "20001", "-4000", "many", "٤٠٠٠", "9" * 5_000])
def test_a_number_of_customers_that_the_demo_cannot_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setenv("ONRAMP_DEMO_CUSTOMERS", number)
    workspace = open_workspace(str(tmp_path))
    with pytest.raises(InvalidField, match="customers") as caught:
        ensure_demo_warehouse(workspace)
    assert "2,000" in caught.value.hint
    workspace.close()
