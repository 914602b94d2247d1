"""Destinations of the workspace: made, found, switched; each change in the audit trail."""

from __future__ import annotations

import pytest

from core.destinations.store import (
    create_destination,
    ensure_segment_profiles,
    get_destination,
    list_destinations,
    set_destination_enabled,
)
from core.errors import InvalidField, NotFound, UnknownConnector
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace


def test_segment_profiles_is_made_once(workspace: Workspace) -> None:
    first = ensure_segment_profiles(workspace)
    assert first.enabled
    assert ensure_segment_profiles(workspace) == first
    assert [record.id for record in list_destinations(workspace)] == [first.id]
    assert get_destination(workspace, first.id) == first


@pytest.mark.parametrize("name", ["", "  ", "segment  PROFILES"])
def test_a_name_that_is_empty_or_taken_makes_nothing(workspace: Workspace, name: str) -> None:
    ensure_segment_profiles(workspace)
    with pytest.raises(InvalidField) as caught:
        create_destination(workspace, kind="segment_profiles", name=name)
    assert caught.value.hint
    assert len(list_destinations(workspace)) == 1


def test_an_unknown_kind_and_an_unknown_destination_are_refused_with_a_hint(workspace: Workspace) -> None:
    with pytest.raises(UnknownConnector, match="nowhere"):
        create_destination(workspace, kind="nowhere", name="x")
    with pytest.raises(NotFound) as caught:
        get_destination(workspace, "dst_gone")
    assert caught.value.hint


def test_switching_is_in_the_audit_trail_and_switching_to_what_is_changes_nothing(workspace: Workspace) -> None:
    record = ensure_segment_profiles(workspace)
    set_destination_enabled(workspace, record.id, True)
    set_destination_enabled(workspace, record.id, False)
    assert not get_destination(workspace, record.id).enabled
    entries = list_changes(workspace, object_type="destination")
    assert [entry.action for entry in entries] == ["disabled", "created"]
