"""`checks run` answers at any time; the button of step 4 alone is locked (W84)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from core.cli.main import main
from core.errors import IllegalTransition
from core.setup import guided_setup
from core.traits.accounts import list_account_traits
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace, open_workspace
from tests import guided
from tests.feeding import Feed


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "home")


def set_up(place: str, step: Callable[[Workspace], object]) -> None:
    workspace = open_workspace(place)
    step(workspace)
    workspace.close()


def run(place: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, str]]]:
    """Return the exit status and the results by code; standard output must be one JSON document."""
    status = main(["checks", "run", "--json", "--home", place])
    results = orjson.loads(capsys.readouterr().out)["results"]
    return status, {result["code"]: result for result in results}


def test_a_fresh_home_gets_every_check_and_its_missing_parts_as_failures(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, results = run(place, capsys)
    assert status == 1
    assert len(results) == 12
    failures = [result for result in results.values() if result["state"] == "failed"]
    waiting = {"C3", "C4", "C5", "C15"}
    assert {result["code"] for result in failures} == set(results) - waiting - {"C11"}
    assert all(result["cause"] and result["fix"] for result in failures)
    assert {code for code, result in results.items() if result["state"] == "blocked"} == waiting
    assert results["C3"]["cause"].startswith("Not checked: repair C2, “")


def test_checks_make_nothing_before_the_data_source_is_confirmed(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(place, capsys)
    set_up(place, lambda workspace: pytest.fail("a space") if list_spaces(workspace) else None)


def test_half_way_the_parts_that_exist_pass_and_the_others_say_what_is_missing(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(place, guided.define)
    status, results = run(place, capsys)
    assert status == 1
    assert {code for code, result in results.items() if result["state"] == "failed"} == {"C7", "C10"}
    assert results["C15"]["state"] == "blocked"
    assert results["C7"]["cause"] == "There is no mapping."


def test_a_complete_setup_passes(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(place, guided.add_identifiers_and_traits)
    status, results = run(place, capsys)
    assert status == 0
    assert {result["state"] for result in results.values()} == {"passed", "warning"}  # no event has come yet


def test_the_button_of_the_wizard_stays_locked_after_checks_from_the_command_line(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(place, guided.define)
    run(place, capsys)
    workspace = open_workspace(place)
    with pytest.raises(IllegalTransition, match="is locked"):
        guided_setup.run_setup_checks(workspace)
    workspace.close()


def test_progress_goes_to_standard_error_and_a_line_a_check_to_standard_output(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["checks", "run", "--home", place]) == 1
    out, err = capsys.readouterr()
    assert "FAILED   C2   There is no warehouse." in out
    assert "C2 running" in err
    assert "running" not in out


def test_a_rebuild_without_a_space_says_so(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "rebuild", "--home", place]) == 0
    assert "There is no space yet" in capsys.readouterr().err


def test_a_rebuild_of_profiles_prints_a_json_line_a_space(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(place, guided.confirm)
    assert main(["profiles", "rebuild", "--json", "--home", place]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert orjson.loads(line) == {"space": "Unified profiles", "messages": 0, "profiles": 0, "merges": 0}


def test_a_rebuild_of_profiles_knows_what_group_calls_say_of_an_account(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = open_workspace(place)
    feed = Feed(workspace)
    feed.send("group", userId="ada", groupId="acme", traits={"seats": 250})
    assert main(["profiles", "rebuild", "--home", place]) == 0
    assert "1 messages, 1 profiles" in capsys.readouterr().out
    (trait,) = list_account_traits(workspace, feed.space_id, "acme")
    assert (trait.key, trait.value) == ("seats", 250)
    workspace.close()
