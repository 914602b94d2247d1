from __future__ import annotations

import threading

import pytest
from sqlalchemy import insert

from core.errors import IllegalTransition, InvalidField, MissingField, NotFound, UnknownConnector
from core.sources.store import (
    Source,
    create_source,
    delete_source,
    disable_source,
    enable_source,
    ensure_flex_source,
    get_source,
    list_sources,
    rename_source,
)
from core.storage.tables import syncs
from core.workspaces.audit import list_changes
from core.workspaces.spaces import connect_source, ensure_space, list_connected_sources
from core.workspaces.workspace import Workspace


def _warehouse_source(workspace: Workspace, name: str = "Demo") -> Source:
    return create_source(workspace, kind="duckdb", name=name, warehouse_id="wh_1")


def test_w96_the_flex_source_has_its_fixed_name_slug_and_a_write_key(workspace: Workspace) -> None:
    flex = ensure_flex_source(workspace)
    assert (flex.name, flex.slug, flex.kind) == ("Flex events", "flex-unify-server-source", "flex")
    assert flex.protected
    assert flex.enabled
    assert flex.write_key is not None
    assert len(flex.write_key) == 32


def test_the_flex_source_is_made_once(workspace: Workspace) -> None:
    assert ensure_flex_source(workspace) == ensure_flex_source(workspace)
    assert len(list_sources(workspace)) == 1


def test_eight_threads_make_one_flex_source(workspace: Workspace) -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(ensure_flex_source(workspace).id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_w96_the_flex_source_refuses_edit_disable_and_delete(workspace: Workspace) -> None:
    flex = ensure_flex_source(workspace)
    for attempt in (
        lambda: rename_source(workspace, flex.id, "Mine"),
        lambda: disable_source(workspace, flex.id),
        lambda: delete_source(workspace, flex.id),
    ):
        with pytest.raises(
            IllegalTransition, match="created by the setup; editing or deleting it can lose data"
        ) as caught:
            attempt()
        assert caught.value.code == "source_protected"
    assert get_source(workspace, flex.id) == flex


def test_a_person_cannot_make_a_second_flex_source(workspace: Workspace) -> None:
    with pytest.raises(IllegalTransition, match="created by the setup, once"):
        create_source(workspace, kind="flex", name="Another")


def test_a_created_source_is_enabled_and_found_by_id_slug_and_name(workspace: Workspace) -> None:
    source = _warehouse_source(workspace, "Müller & Söhne")
    assert source.enabled
    assert source.write_key is None
    for key in (source.id, "müller-söhne", "Müller & Söhne"):
        assert get_source(workspace, key) == source


def test_names_are_taken_once_and_slugs_are_told_apart(workspace: Workspace) -> None:
    assert _warehouse_source(workspace, "Demo").slug == "demo"
    assert _warehouse_source(workspace, "demo!").slug == "demo-2"
    with pytest.raises(InvalidField, match="already a source named 'Demo'"):
        _warehouse_source(workspace, " Demo ")


def test_nobody_else_gets_the_flex_slug(workspace: Workspace) -> None:
    source = _warehouse_source(workspace, "Flex unify server source")
    assert source.slug == "flex-unify-server-source-2"
    assert ensure_flex_source(workspace).slug == "flex-unify-server-source"


@pytest.mark.parametrize("name", ["", "   ", "x" * 129])
def test_a_name_that_is_missing_or_too_long_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises((MissingField, InvalidField)):
        _warehouse_source(workspace, name)
    assert not list_sources(workspace)


def test_a_reverse_etl_source_needs_a_warehouse(workspace: Workspace) -> None:
    with pytest.raises(MissingField, match="needs a warehouse"):
        create_source(workspace, kind="duckdb", name="Demo")


def test_unknown_kinds_settings_and_sources_are_refused(workspace: Workspace) -> None:
    with pytest.raises(UnknownConnector):
        create_source(workspace, kind="fax", name="Fax")
    with pytest.raises(InvalidField, match="no setting 'colour'"):
        create_source(workspace, kind="duckdb", name="Demo", warehouse_id="wh", settings={"colour": "red"})
    with pytest.raises(NotFound):
        get_source(workspace, "src_nowhere")


def test_a_name_that_looks_like_sql_is_only_a_name(workspace: Workspace) -> None:
    name = "x'; DROP TABLE sources; --"
    assert get_source(workspace, _warehouse_source(workspace, name).id).name == name


def test_disabling_and_enabling_go_back_and_forth(workspace: Workspace) -> None:
    source = _warehouse_source(workspace)
    assert not disable_source(workspace, source.id).enabled
    assert enable_source(workspace, source.id).enabled
    assert enable_source(workspace, source.id).enabled
    actions = [change.action for change in list_changes(workspace, object_type="source")]
    assert actions == ["enabled", "disabled", "created"]  # the second enable changed nothing


def test_renaming_keeps_slug_and_is_audited(workspace: Workspace) -> None:
    source = _warehouse_source(workspace)
    renamed = rename_source(workspace, source.id, "Customers")
    assert (renamed.name, renamed.slug) == ("Customers", "demo")
    change = list_changes(workspace, object_type="source")[0]
    assert (change.before, change.after) == ({"name": "Demo"}, {"name": "Customers"})
    assert rename_source(workspace, source.id, "Customers").name == "Customers"


def test_deleting_disconnects_the_source_from_its_spaces(workspace: Workspace) -> None:
    source = _warehouse_source(workspace)
    space = ensure_space(workspace)
    connect_source(workspace, space.id, source.id)
    delete_source(workspace, source.id)
    assert not list_sources(workspace)
    assert not list_connected_sources(workspace, space.id)


def test_a_source_that_a_sync_reads_is_not_deleted(workspace: Workspace) -> None:
    source = _warehouse_source(workspace)
    now = workspace.now()
    row = {
        "id": "syn_1", "name": "Contacts", "sql_model_id": "m", "source_id": source.id, "destination_id": "d",
        "action": "send_identify", "mode": "mirror", "mapping": {}, "enabled": True, "version": 1,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    with workspace.database.transaction() as connection:
        connection.execute(insert(syncs).values(row))
    with pytest.raises(IllegalTransition, match="sync 'Contacts' reads the source"):
        delete_source(workspace, source.id)


def test_a_write_key_is_absent_from_repr_and_audit_trail(workspace: Workspace) -> None:
    flex = ensure_flex_source(workspace)
    assert str(flex.write_key) not in repr(flex)
    assert str(flex.write_key) not in repr(list_changes(workspace))


def test_a_refused_admission_writes_nothing(workspace: Workspace) -> None:
    def refuse(_connection: object) -> None:
        raise InvalidField("No.")

    with pytest.raises(InvalidField):
        create_source(workspace, kind="duckdb", name="Demo", warehouse_id="wh", admit=refuse)
    assert not list_sources(workspace)
    assert not list_changes(workspace, object_type="source")
