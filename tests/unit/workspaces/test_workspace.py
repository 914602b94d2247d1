"""The workspace on both engines: made once, access as W3 says, changes in the audit trail."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.errors import IllegalTransition, InvalidField
from core.workspaces.audit import list_changes
from core.workspaces.workspace import (
    Access,
    Workspace,
    accept_access,
    get_workspace_info,
    open_workspace,
    rename_workspace,
    request_access,
)


def test_w3_a_self_hosted_install_accepts_a_request_by_itself(store_workspace: Workspace) -> None:
    assert get_workspace_info(store_workspace).access is Access.NONE
    info = request_access(store_workspace)
    assert (info.access, info.requested_at, info.accepted_at) == (Access.ACCEPTED, *[store_workspace.now()] * 2)


def test_w3_with_manual_access_a_request_waits_until_it_is_accepted(
    store_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONRAMP_ACCESS", "manual")
    assert request_access(store_workspace).access is Access.REQUESTED
    assert request_access(store_workspace).access is Access.REQUESTED
    assert accept_access(store_workspace).access is Access.ACCEPTED
    assert accept_access(store_workspace).access is Access.ACCEPTED
    changes = [change.after for change in list_changes(store_workspace)]
    assert changes == [{"access": "accepted"}, {"access": "requested"}]


def test_w3_nothing_can_be_accepted_that_nobody_asked_for(store_workspace: Workspace) -> None:
    with pytest.raises(IllegalTransition, match="Nobody has requested access"):
        accept_access(store_workspace)


def test_it_is_the_same_workspace_after_a_restart(tmp_path: Path, clock: FixedClock) -> None:
    first = open_workspace(str(tmp_path), clock=clock)
    rename_workspace(first, "Müller & Söhne")
    request_access(first)
    first.close()

    again = open_workspace(str(tmp_path), clock=clock)
    assert get_workspace_info(again).name == "Müller & Söhne"
    assert get_workspace_info(again).access is Access.ACCEPTED
    again.close()


def test_processes_that_start_together_share_one_workspace_and_one_key(store_url: str, tmp_path: Path) -> None:
    opened: list[Workspace] = []
    gate = threading.Barrier(5)

    def start() -> None:
        gate.wait()
        opened.append(open_workspace(str(tmp_path / "home"), database_url=store_url))

    threads = [threading.Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 5
    with opened[0].database.transaction() as connection:
        secret_id = opened[0].secrets.save(connection, {"password": "x"}, opened[0].now())
    for workspace in opened:
        assert get_workspace_info(workspace).access is Access.NONE
        with workspace.database.reading() as connection:
            assert workspace.secrets.read(connection, secret_id) == {"password": "x"}
    for workspace in opened:
        workspace.close()


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_name_that_is_empty_or_endless_is_refused(store_workspace: Workspace, name: str) -> None:
    with pytest.raises(InvalidField, match="cannot have this name"):
        rename_workspace(store_workspace, name)
    assert get_workspace_info(store_workspace).name == "My workspace"


def test_nothing_of_it_shows_the_key(store_workspace: Workspace) -> None:
    key = store_workspace.home.secret_key.read_text()
    assert key not in repr(store_workspace)
