"""The one folder that holds everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import StoreUnreadable
from core.storage.home import open_home


def test_its_folders_are_private_to_the_user(tmp_path: Path) -> None:
    home = open_home(tmp_path / "deep" / "home")
    for folder in (home.root, home.history, home.warehouses, home.sync_state, home.runs, home.logs):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_it_is_where_the_setting_says_else_in_the_folder_of_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_home().root == (tmp_path / ".onramp").resolve()
    monkeypatch.setenv("ONRAMP_HOME", str(tmp_path / "elsewhere"))
    assert open_home().root == (tmp_path / "elsewhere").resolve()


def test_opening_it_again_changes_nothing(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    (home.runs / "run_1.parquet").write_bytes(b"kept")
    assert open_home(tmp_path) == home
    assert (home.runs / "run_1.parquet").read_bytes() == b"kept"


@pytest.mark.parametrize("below", [".", "home"])
def test_a_file_in_its_place_is_a_sentence(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnreadable, match="cannot be used") as caught:
        open_home(tmp_path / "file" / below)
    assert "ONRAMP_HOME" in caught.value.hint
