"""Step 1, Select data sources: choose, then confirm for good (W9-W14)."""

from __future__ import annotations

from dataclasses import replace

from core.errors import IllegalTransition
from core.profiles.connections import list_disconnected_sources
from core.setup.branches import get_branch
from core.setup.record import SetupRecord, acting, update_record
from core.setup.status import Setup, describe, get_setup, require_open
from core.setup.steps import Step
from core.sources.store import ensure_flex_source, list_sources
from core.workspaces.spaces import connect_source, ensure_space, list_connected_sources, list_spaces
from core.workspaces.workspace import Workspace


def choose_branch(workspace: Workspace, name: str, *, expected_version: int | None = None) -> Setup:
    """Remember the selected option; until it is confirmed, another one can be selected (W9).

    Raises:
        InvalidField: The option is not offered.
        IllegalTransition: The choice was confirmed before (W11), or access is not accepted (W3).
        VersionConflict: Somebody else saved a change first.
    """
    branch = get_branch(name)
    require_open(get_setup(workspace), Step.DATA_SOURCES)

    def change(record: SetupRecord) -> SetupRecord:
        _refuse_other(record, branch.name)
        return replace(record, branch=branch.name)

    record = update_record(workspace, change, expected_version=expected_version, typed={"branch": name})
    return describe(workspace, record)


def confirm_branch(workspace: Workspace, name: str | None = None, *, expected_version: int | None = None) -> Setup:
    """Confirm the selected option, or select `name` and confirm it; this cannot be undone (W11, W13).

    Makes what every option needs: the profile space (W1) and the protected Flex source (W115), connected to it.
    Confirming the same option again changes nothing, but makes again what is missing.

    Raises:
        InvalidField: The option is not offered.
        IllegalTransition: Nothing is selected, another option was confirmed before, or access is not accepted.
        VersionConflict: Somebody else saved a change first.
    """
    require_open(get_setup(workspace), Step.DATA_SOURCES)
    with acting(workspace, expected_version, {"branch": name}) as record:
        wanted = name or record.branch
        if wanted is None:
            raise IllegalTransition("No data source is selected.", hint="Select a data source, then press Next.")
        branch = get_branch(wanted)
        _refuse_other(record, branch.name)
        make_parts(workspace)
        confirmed_at = record.confirmed_at or workspace.now()
        saved = update_record(workspace, lambda now: replace(now, branch=branch.name, confirmed_at=confirmed_at))
    return describe(workspace, saved)


def make_parts(workspace: Workspace) -> None:
    """Make what is missing of the space and the Flex source, and connect the Flex source to the space."""
    space = ensure_space(workspace)
    flex = ensure_flex_source(workspace)
    if flex.id not in list_disconnected_sources(workspace, space.id):
        connect_source(workspace, space.id, flex.id)


def connect_loose_sources(workspace: Workspace) -> None:
    """Connect each source that no space reads to the first space, so that its events reach a profile (C13).

    One that a person has disconnected stays so.
    """
    spaces = list_spaces(workspace)
    known = set[str]().union(
        *(list_connected_sources(workspace, space.id) for space in spaces),
        *(list_disconnected_sources(workspace, space.id) for space in spaces),
    )
    for source in list_sources(workspace):
        if source.id not in known:
            connect_source(workspace, spaces[0].id, source.id)


def _refuse_other(record: SetupRecord, name: str) -> None:
    if record.confirmed_at is not None and record.branch != name:
        raise IllegalTransition(
            "The data source was confirmed and cannot be changed any more.",
            code="branch_confirmed",
            hint="Go on with step 2. More sources can be added after the setup.",
        )
