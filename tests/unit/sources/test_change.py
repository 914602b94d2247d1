"""A source's settings and secrets change together or not at all, and no secret is told."""

from __future__ import annotations

import threading

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from core.errors import IllegalTransition, InvalidField, MissingField, NotFound, StoreUnreadable
from core.fields import Field, FieldType
from core.sources import change, store
from core.sources.change import change_source
from core.sources.definition import Arrival, SourceDefinition
from core.sources.store import Source, create_source, ensure_flex_source, get_source, read_source_secrets
from core.storage.tables import secrets
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace, open_workspace

WIDE = SourceDefinition(
    kind="wide",
    label="Wide",
    summary="For tests",
    docs_url="https://example.com",
    arrival=Arrival.EVENT_STREAM,
    settings=(
        Field("url", "URL", type=FieldType.URL, required=True),
        Field("region", "Region"),
        Field("first", "First", secret=True, required=True),
        Field("second", "Second", secret=True),
    ),
)


@pytest.fixture
def source(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Source:
    for module in (store, change):
        monkeypatch.setattr(module, "get_definition", lambda _kind: WIDE)
    typed = {"url": "https://a.example", "region": "eu"}
    return create_source(workspace, kind="wide", name="Wide", settings=typed, secrets={"first": "one-1"})


def test_what_is_not_named_keeps_its_value(workspace: Workspace, source: Source) -> None:
    changed = change_source(workspace, "wide", settings={"url": "b.example"}, secrets={"first": " ", "second": "two-2"})
    assert changed.settings == {"url": "https://b.example", "region": "eu"}
    assert (changed.write_key, changed.enabled) == (source.write_key, True)
    assert read_source_secrets(workspace, source.id) == {"first": "one-1", "second": "two-2"}
    with workspace.database.reading() as connection:
        assert len(connection.execute(select(secrets)).all()) == 1
    entry = list_changes(workspace, object_type="source")[0]
    assert (entry.before, entry.after) == (
        {"settings": source.settings},
        {"settings": changed.settings, "changed_credentials": ["second"]},
    )
    assert "one-1" not in repr(list_changes(workspace)) and "two-2" not in repr(list_changes(workspace))


def test_secrets_whose_key_is_lost_are_entered_again(
    workspace: Workspace, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONRAMP_SECRET_KEY", Fernet.generate_key().decode())
    other = open_workspace(str(workspace.home.root))
    with pytest.raises(StoreUnreadable, match="another key"):
        change_source(other, source.id, settings={"region": "us"})
    with pytest.raises(MissingField):
        change_source(other, source.id, secrets={"second": "two-2"})
    change_source(other, source.id, secrets={"first": "new-1"})
    assert read_source_secrets(other, source.id) == {"first": "new-1"}
    other.close()


def test_a_setting_that_is_not_required_can_be_emptied(workspace: Workspace, source: Source) -> None:
    assert change_source(workspace, source.id, settings={"region": ""}).settings == {"url": "https://a.example"}


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"url": ""}, MissingField), ({"url": "no address"}, InvalidField), ({"colour": "red"}, InvalidField)],
)
def test_what_cannot_be_used_changes_nothing(
    workspace: Workspace, source: Source, settings: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        change_source(workspace, source.id, settings=settings, secrets={"first": "other"})
    assert get_source(workspace, source.id) == source
    assert read_source_secrets(workspace, source.id) == {"first": "one-1"}
    assert [entry.action for entry in list_changes(workspace, object_type="source")] == ["created"]


def test_of_changes_at_once_none_is_lost(workspace: Workspace, source: Source) -> None:
    changes: list[dict[str, dict[str, str]]] = [
        {"settings": {"region": "us"}},
        {"settings": {"url": "c.example"}},
        {"secrets": {"first": "new"}},
        {"secrets": {"second": "new"}},
    ]
    threads = [threading.Thread(target=change_source, args=(workspace, source.id), kwargs=each) for each in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert get_source(workspace, source.id).settings == {"url": "https://c.example", "region": "us"}
    assert read_source_secrets(workspace, source.id) == {"first": "new", "second": "new"}
    with workspace.database.reading() as connection:
        assert len(connection.execute(select(secrets)).all()) == 1


def test_w96_the_flex_source_and_one_that_is_not_there_are_refused(workspace: Workspace) -> None:
    flex = ensure_flex_source(workspace)
    with pytest.raises(IllegalTransition, match="created by the setup"):
        change_source(workspace, flex.id, settings={"a": "b"})
    with pytest.raises(NotFound):
        change_source(workspace, "nobody")
