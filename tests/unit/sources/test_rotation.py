"""A write key rotates: the new one at once, the old one for a grace time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.errors import IllegalTransition, MissingField
from core.sources.rotation import GRACE, rotate_write_key
from core.sources.store import create_source, delete_source, ensure_flex_source, read_source_secrets
from core.storage.tables import secrets
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace


def test_the_old_key_is_kept_until_the_grace_time_ends(workspace: Workspace) -> None:
    before = create_source(workspace, kind="http", name="Shop server")
    after = rotate_write_key(workspace, before.id)
    assert after.write_key != before.write_key
    assert (after.old_write_key, after.old_key_until) == (before.write_key, workspace.now() + GRACE)


def test_after_a_leak_the_old_key_can_be_refused_at_once(workspace: Workspace) -> None:
    source = create_source(workspace, kind="http", name="Shop server")
    assert rotate_write_key(workspace, source.id, grace=timedelta()).old_key_until == workspace.now()


def test_no_key_is_in_the_audit_trail_nor_in_a_repr(workspace: Workspace) -> None:
    before = create_source(workspace, kind="http", name="Shop server")
    after = rotate_write_key(workspace, before.id)
    told = repr([repr(change) for change in list_changes(workspace)] + [repr(after)])
    assert "rotated" in told
    assert str(before.write_key) not in told
    assert str(after.write_key) not in told


def test_w96_the_flex_source_keeps_its_key_and_a_warehouse_has_none(workspace: Workspace) -> None:
    flex = ensure_flex_source(workspace)
    with pytest.raises(IllegalTransition, match="created by the setup"):
        rotate_write_key(workspace, flex.id)
    warehouse = create_source(workspace, kind="duckdb", name="Demo", warehouse_id="wh_1")
    with pytest.raises(IllegalTransition, match="has no write key"):
        rotate_write_key(workspace, warehouse.id)


def test_a_twilio_source_keeps_its_auth_token_encrypted_and_drops_it_when_it_is_deleted(workspace: Workspace) -> None:
    with pytest.raises(MissingField, match="Auth token is missing"):
        create_source(workspace, kind="twilio_event_streams", name="Twilio")
    source = create_source(
        workspace, kind="twilio_event_streams", name="Twilio", secrets={"auth_token": "0123456789abcdef"}
    )
    assert source.settings == {}
    assert read_source_secrets(workspace, source.id) == {"auth_token": "0123456789abcdef"}
    with workspace.database.reading() as connection:
        assert b"0123456789abcdef" not in connection.execute(select(secrets.c.ciphertext)).scalar_one()
    delete_source(workspace, source.id)
    with workspace.database.reading() as connection:
        assert connection.execute(select(secrets.c.id)).first() is None
