"""Profile spaces on both engines (W1, W119; the limit itself is kept by core.setup.entitlements)."""

from __future__ import annotations

import threading

import pytest

from core.errors import CoreError, InvalidField, LimitExceeded, NotFound
from core.setup.entitled import create_entitled_space
from core.workspaces.audit import list_changes
from core.workspaces.spaces import (
    connect_source,
    create_space,
    ensure_space,
    get_space,
    list_connected_sources,
    list_spaces,
    rename_space,
)
from core.workspaces.workspace import Workspace


def test_w1_the_first_space_is_made_once(store_workspace: Workspace) -> None:
    first = ensure_space(store_workspace)
    assert ensure_space(store_workspace) == first
    assert get_space(store_workspace, first.id) == first
    assert [(change.action, change.object_type) for change in list_changes(store_workspace)] == [("created", "space")]


def test_w1_of_many_that_ensure_the_space_at_once_one_makes_it(store_workspace: Workspace) -> None:
    gate = threading.Barrier(6)
    found: list[str] = []

    def ensure() -> None:
        gate.wait()
        found.append(ensure_space(store_workspace).id)

    threads = [threading.Thread(target=ensure) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    assert len(list_spaces(store_workspace)) == 1


def test_w119_the_second_space_is_made_and_the_third_refused_in_a_sentence(store_workspace: Workspace) -> None:
    ensure_space(store_workspace)
    create_entitled_space(store_workspace, "Second")
    with pytest.raises(LimitExceeded, match="2"):
        create_entitled_space(store_workspace, "Third")
    assert len(list_spaces(store_workspace)) == 2


@pytest.mark.parametrize(("name", "kind"), [("", "dev"), ("  -- ", "dev"), ("Fine", "staging")])
def test_a_space_without_a_name_or_of_no_known_kind_is_refused(
    store_workspace: Workspace, name: str, kind: str
) -> None:
    with pytest.raises(InvalidField):
        create_space(store_workspace, name, kind=kind)
    assert list_spaces(store_workspace) == []


def test_two_spaces_cannot_share_a_name(store_workspace: Workspace) -> None:
    create_space(store_workspace, "Team EU")
    with pytest.raises(InvalidField, match="already a space"):
        create_space(store_workspace, " team  eu ")


def test_connecting_a_source_twice_changes_nothing(store_workspace: Workspace) -> None:
    space = ensure_space(store_workspace)
    connect_source(store_workspace, space.id, "src_1")
    connect_source(store_workspace, space.id, "src_1")
    assert list_connected_sources(store_workspace, space.id) == {"src_1"}
    assert [change.action for change in list_changes(store_workspace)] == ["connected", "created"]


def test_connecting_a_source_from_many_places_at_once_connects_it_once(store_workspace: Workspace) -> None:
    space = ensure_space(store_workspace)
    gate = threading.Barrier(6)
    failures: list[CoreError] = []

    def connect() -> None:
        gate.wait()
        try:
            connect_source(store_workspace, space.id, "src_1")
        except CoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=connect) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list_connected_sources(store_workspace, space.id) == {"src_1"}


def test_a_space_that_does_not_exist_is_a_sentence(store_workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="no profile space spa_x"):
        get_space(store_workspace, "spa_x")
    with pytest.raises(NotFound, match="no profile space spa_x"):
        connect_source(store_workspace, "spa_x", "src_1")


def test_a_space_is_renamed_and_its_slug_stays(store_workspace: Workspace) -> None:
    space = create_space(store_workspace, "Trials")
    other = create_space(store_workspace, "Live", kind="prod")
    renamed = rename_space(store_workspace, space.id, "  Try-outs ")
    assert (renamed.name, renamed.slug, renamed.id) == ("Try-outs", "trials", space.id)
    entry = list_changes(store_workspace, object_type="space")[0]
    assert (entry.before, entry.after) == ({"name": "Trials"}, {"name": "Try-outs"})
    for name in ("", " . ", "x" * 121, other.name):
        with pytest.raises(InvalidField):
            rename_space(store_workspace, space.id, name)
    with pytest.raises(InvalidField):
        create_space(store_workspace, "x" * 121)
    with pytest.raises(NotFound):
        rename_space(store_workspace, "spa_none", "Name")
