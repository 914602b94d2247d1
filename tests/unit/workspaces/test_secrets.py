"""Credentials at rest, on both engines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from core.errors import StoreUnreadable
from core.storage.home import Home
from core.storage.tables import secrets
from core.workspaces.secrets import open_secret_box
from core.workspaces.workspace import Workspace, open_workspace


def save(workspace: Workspace, values: dict[str, str]) -> str:
    with workspace.database.transaction() as connection:
        return workspace.secrets.save(connection, values, workspace.now())


def test_a_secret_comes_back_and_is_not_readable_in_the_store(store_workspace: Workspace) -> None:
    secret_id = save(store_workspace, {"password": "hunter2-ü"})

    with store_workspace.database.reading() as connection:
        assert store_workspace.secrets.read(connection, secret_id) == {"password": "hunter2-ü"}
        assert b"hunter2" not in connection.execute(select(secrets.c.ciphertext)).scalar_one()


def test_no_file_of_the_home_folder_holds_it_in_clear(workspace: Workspace) -> None:
    save(workspace, {"password": "hunter2"})
    workspace.close()
    files = [path for path in workspace.home.root.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"hunter2" in path.read_bytes()]


def test_a_secret_that_is_gone_is_a_sentence(store_workspace: Workspace) -> None:
    secret_id = save(store_workspace, {"password": "x"})
    with store_workspace.database.transaction() as connection:
        store_workspace.secrets.drop(connection, secret_id)
    with (
        pytest.raises(StoreUnreadable, match="credentials are gone"),
        store_workspace.database.reading() as connection,
    ):
        store_workspace.secrets.read(connection, secret_id)


def test_a_secret_of_another_key_is_a_sentence(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_id = save(workspace, {"password": "x"})
    monkeypatch.setenv("ONRAMP_SECRET_KEY", Fernet.generate_key().decode())
    other = open_workspace(str(workspace.home.root))
    with pytest.raises(StoreUnreadable, match="another key"), other.database.reading() as connection:
        other.secrets.read(connection, secret_id)
    other.close()


def test_the_key_file_is_made_once_for_its_owner_only(home: Home) -> None:
    open_secret_box(home)
    key = home.secret_key.read_bytes()
    open_secret_box(home)
    assert home.secret_key.read_bytes() == key
    assert home.secret_key.stat().st_mode & 0o777 == 0o600
    assert not list(home.root.glob(".key-*"))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_read_is_refused_with_the_command_that_helps(home: Home, mode: int) -> None:
    open_secret_box(home)
    home.secret_key.chmod(mode)
    with pytest.raises(StoreUnreadable, match=f"{mode:04o}") as caught:
        open_secret_box(home)
    assert caught.value.hint == f"Run: chmod 600 {home.secret_key}"


def test_a_folder_in_place_of_the_key_file_is_a_sentence(home: Home) -> None:
    home.secret_key.mkdir(mode=0o700)
    with pytest.raises(StoreUnreadable, match="cannot be used"):
        open_secret_box(home)


@pytest.mark.parametrize("key", ["short", "é" * 44, "A" * 44 + "B"])
def test_a_key_that_is_none_is_a_sentence_without_it(home: Home, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("ONRAMP_SECRET_KEY", key)
    with pytest.raises(StoreUnreadable, match="encryption key is not valid") as caught:
        open_secret_box(home)
    assert key not in str(caught.value)


def test_with_a_key_from_the_environment_no_key_file_is_made(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRAMP_SECRET_KEY", Fernet.generate_key().decode())
    open_secret_box(home)
    assert not home.secret_key.exists()


def test_an_empty_key_file_is_a_sentence(home: Home) -> None:
    os.close(os.open(home.secret_key, os.O_CREAT | os.O_WRONLY, 0o600))
    with pytest.raises(StoreUnreadable, match="encryption key is not valid"):
        open_secret_box(home)
    assert Path(home.secret_key).exists()
