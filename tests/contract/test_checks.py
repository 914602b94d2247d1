"""What every check promises, over the registry."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.checks.check import Check, CheckState
from core.checks.configuration import read_configuration
from core.checks.context import CheckContext
from core.checks.reference import write_reference
from core.checks.registry import CHECKS
from core.clock import FixedClock
from core.workspaces.workspace import Workspace, open_workspace
from tests import guided

every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.definition.code)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    home = tmp_path_factory.mktemp("ready")
    workspace = open_workspace(str(home), clock=FixedClock(datetime(2026, 11, 24, 9, tzinfo=UTC)))
    guided.add_identifiers_and_traits(workspace)
    yield workspace
    workspace.close()


def test_the_registry_holds_exactly_the_checks_of_this_version_in_their_order() -> None:
    codes = [check.definition.code for check in CHECKS]
    assert codes == ["C1", "C2", "C3", "C4", "C5", "C6", "C7", "C9", "C10", "C11", "C12", "C13", "C15"]


@every_check
def test_a_check_is_one_file_named_by_its_code(check: Check) -> None:
    module = inspect.getmodule(check.run)
    assert module is not None
    number = int(check.definition.code[1:])
    assert re.fullmatch(rf"core\.checks\.c{number:02}_[a-z_]+", module.__name__)
    assert (module.__doc__ or "").startswith(f"{check.definition.code}: ")


@every_check
def test_a_definition_is_complete(check: Check) -> None:
    definition = check.definition
    assert definition.title
    assert not definition.title.endswith(".")
    assert definition.summary.endswith(".")
    earlier = [other.definition.code for other in CHECKS[: CHECKS.index(check)]]
    assert set(definition.needs) <= set(earlier)


@every_check
def test_the_docstring_says_when_it_passes_and_how_to_mend_it(check: Check) -> None:
    text = inspect.getdoc(check.run) or ""
    assert "Passes when:" in text
    assert "Fix:" in text


@every_check
def test_a_check_passes_or_warns_on_a_workspace_that_is_set_up(check: Check, ready: Workspace) -> None:
    with CheckContext(ready, read_configuration(ready)) as context:
        finding = check.run(context)
    assert finding.state in (CheckState.PASSED, CheckState.WARNING)
    assert finding.cause.endswith(".")
    assert finding.evidence or not check.definition.applies(read_configuration(ready))


@every_check
def test_a_check_of_an_empty_workspace_ends_with_a_cause_and_a_fix(check: Check, tmp_path: Path) -> None:
    workspace = open_workspace(str(tmp_path / "empty"))
    try:
        with CheckContext(workspace, read_configuration(workspace)) as context:
            finding = check.run(context)
    finally:
        workspace.close()
    assert finding.cause.endswith(".")
    assert finding.fix or finding.state is CheckState.PASSED


@every_check
def test_a_check_writes_nothing_to_the_store(check: Check, ready: Workspace) -> None:
    before = _dump(ready)
    with CheckContext(ready, read_configuration(ready)) as context:
        check.run(context)
    assert _dump(ready) == before


def _dump(workspace: Workspace) -> list[str]:
    with workspace.database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        return list(raw.iterdump())


def test_the_reference_page_is_made_from_the_checks() -> None:
    page = Path(__file__).parents[2] / "docs" / "checks.md"
    assert page.read_text(encoding="utf-8") == write_reference(), (
        "run: python -m core.checks.reference > docs/checks.md"
    )
