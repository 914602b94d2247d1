"""A write key names its source, from memory that is a second old at most."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from core.clock import FixedClock
from core.errors import CoreError
from core.sources.keys import WriteKeys
from core.sources.store import Source, ensure_flex_source
from core.storage.tables import sources, suppressed_users
from core.workspaces.workspace import Workspace


@pytest.fixture
def source(store_workspace: Workspace) -> Source:
    return ensure_flex_source(store_workspace)


def change(workspace: Workspace, **values: object) -> None:
    with workspace.database.transaction() as connection:
        connection.execute(update(sources).values(**values))


def suppress(workspace: Workspace, user_id: str) -> None:
    with workspace.database.transaction() as connection:
        connection.execute(insert(suppressed_users).values(user_id=user_id, created_at=workspace.now()))


def test_a_key_names_its_source_and_an_unknown_one_nothing(store_workspace: Workspace, source: Source) -> None:
    senders = WriteKeys(store_workspace).read()
    found = senders.find(str(source.write_key), store_workspace.clock)
    assert found is not None
    assert (found.source_id, found.kind, found.is_enabled) == (source.id, "flex", True)
    assert senders.find("nobody's", store_workspace.clock) is None
    assert senders.find("", store_workspace.clock) is None
    assert senders.is_current


def test_the_old_key_is_taken_until_its_grace_time_is_over(
    store_workspace: Workspace, source: Source, clock: FixedClock
) -> None:
    change(store_workspace, old_write_key="old", old_key_until=clock.now() + timedelta(hours=1))
    senders = WriteKeys(store_workspace).read()
    found = senders.find("old", clock)
    assert found is not None and found.source_id == source.id
    clock.advance(timedelta(hours=1))
    assert senders.find("old", clock) is None
    assert senders.find(str(source.write_key), clock) is not None


def test_a_disabled_source_is_found_as_disabled(store_workspace: Workspace, source: Source) -> None:
    change(store_workspace, enabled=False)
    found = WriteKeys(store_workspace).read().find(str(source.write_key), store_workspace.clock)
    assert found is not None and not found.is_enabled


def test_what_was_read_is_used_again_and_read_anew_when_it_is_too_old(
    store_workspace: Workspace, source: Source
) -> None:
    keys = WriteKeys(store_workspace)
    assert keys.get() is None and keys.latest is None
    first = keys.read()
    assert keys.read(60) is keys.get(60) is first
    assert keys.read(0) is not first


def test_suppressed_users_are_known_and_a_long_list_is_read_only_when_it_changed(
    store_workspace: Workspace, source: Source, clock: FixedClock
) -> None:
    keys = WriteKeys(store_workspace)
    suppress(store_workspace, "u-1")
    first = keys.read()
    assert first.suppressed == {"u-1"}
    assert keys.read(0).suppressed is first.suppressed
    clock.advance(timedelta(seconds=1))
    suppress(store_workspace, "u-2")
    assert keys.read(0).suppressed == {"u-1", "u-2"}


def test_a_store_that_cannot_be_read_leaves_the_keys_in_force_and_says_so(workspace: Workspace) -> None:
    source = ensure_flex_source(workspace)
    keys = WriteKeys(workspace)
    keys.read()
    break_store(workspace)
    kept = keys.read(0)
    assert kept.find(str(source.write_key), workspace.clock) is not None
    assert not kept.is_current
    with pytest.raises(CoreError):
        WriteKeys(workspace).read()


def break_store(workspace: Workspace) -> None:
    workspace.close()
    workspace.home.workspace_db.write_bytes(b"no database at all" * 100)
