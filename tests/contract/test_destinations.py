"""What every destination must do. A destination joins by being in the registry and giving a `Harness`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.clock import FixedClock
from core.destinations.definition import SYNC_MODES, DestinationDefinition
from core.destinations.destination import DeliveryContext, DeliveryRecord, Operation, OutcomeStatus
from core.destinations.registry import DEFINITIONS, get_action, get_definition, open_destination
from core.destinations.segment_profiles import KEEP_ACCOUNT_TRAITS
from core.errors import UnknownConnector
from core.events.event_log import open_event_log
from core.fields import Field, FieldType
from core.records import Json, canonical_json
from core.workspaces.workspace import Workspace, open_workspace
from tests.new_home import new_home

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@dataclass(frozen=True)
class Harness:
    """How one kind of destination shows what arrived there: plain JSON, in the order of arrival."""

    read: Callable[[Workspace], list[dict[str, Any]]]
    cleared: Callable[[dict[str, Any]], bool]
    is_test: Callable[[dict[str, Any]], bool]


def _is_cleared(message: dict[str, Any]) -> bool:
    """Say whether every trait is null; an e-mail that alone says who is meant stays."""
    has_id = "userId" in message or "anonymousId" in message
    traits = {key: value for key, value in message["traits"].items() if has_id or key != "email"}
    return bool(traits) and not any(traits.values())


def _read_log(workspace: Workspace) -> list[dict[str, Any]]:
    return [orjson.loads(event.body) for event in open_event_log(workspace).read(0, 10_000)]


HARNESSES = {
    "segment_profiles": Harness(
        read=_read_log,
        cleared=_is_cleared,
        is_test=lambda message: message["context"]["reverseEtl"].get("test") is True,
    )
}
ACTIONS = [
    (definition.name, action.name)
    for definition in DEFINITIONS
    for action in definition.actions
    if action is not KEEP_ACCOUNT_TRAITS  # what it writes is no message: tests/unit/setup/test_sql_traits.py
]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(new_home(tmp_path / "home"), clock=FixedClock(NOW))
    yield opened
    opened.close()


def make_value(field: Field) -> Json:
    """Return a value for a field, made from its definition alone."""
    if field.free_keys:
        return {"email": "ada@example.org", "visits": 3, "note": None, "tags": ["a", {"b": "ü"}]}
    if field.choices:
        return field.choices[0][0]
    return "2026-11-01T08:00:00Z" if field.type is FieldType.DATETIME else f"{field.name}-1"


def make_record(kind: str, action: str, key: str = "k1", **changes: Any) -> DeliveryRecord:
    payload = {field.name: make_value(field) for field in get_action(kind, action).fields}
    values: dict[str, Any] = {
        "key": key,
        "operation": Operation.ADDED,
        "version": 1,
        "idempotency_key": f"msg_{key}",
        "payload": canonical_json(payload),
    }
    return DeliveryRecord(**{**values, **changes})


def make_context(action: str, *, is_test: bool = False) -> DeliveryContext:
    return DeliveryContext("src_1", "syn_1", "run_1", "mod_1", action, is_test=is_test)


def write(workspace: Workspace, kind: str, action: str, records: Sequence[DeliveryRecord], **options: Any) -> list[str]:
    outcomes = open_destination(workspace, kind).write(records, make_context(action, **options))
    return [str(outcome.status) for outcome in outcomes]


def test_every_destination_has_a_harness_and_a_name_of_its_own() -> None:
    names = [definition.name for definition in DEFINITIONS]
    assert names == sorted(set(names))
    assert set(names) == set(HARNESSES)


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda item: item.name)
def test_a_definition_is_complete(definition: DestinationDefinition) -> None:
    assert definition.label and definition.summary and definition.docs_url
    assert definition.actions
    assert 0 < len(definition.capabilities.sync_modes) <= len(SYNC_MODES)
    assert set(definition.capabilities.sync_modes) <= set(SYNC_MODES)
    assert definition.capabilities.max_batch_records > 0
    assert definition.capabilities.max_batch_bytes > 0
    fields = [*definition.settings, *(field for action in definition.actions for field in action.fields)]
    for field in fields:
        assert field.label and field.description.endswith("."), field.name
        assert not field.secret or field.type is FieldType.PASSWORD
    for action in definition.actions:
        assert action.label and action.summary.endswith(".")
        assert len({field.name for field in action.fields}) == len(action.fields)


def test_what_does_not_exist_is_refused_with_a_list_of_what_does() -> None:
    with pytest.raises(UnknownConnector) as caught:
        get_definition("nowhere")
    assert all(name in caught.value.hint for name in HARNESSES)
    for kind, action in ACTIONS:
        with pytest.raises(UnknownConnector) as caught:
            get_action(kind, "nothing")
        assert action in caught.value.hint


@pytest.mark.parametrize(("kind", "action"), ACTIONS)
def test_a_connection_can_be_tested(workspace: Workspace, kind: str, action: str) -> None:
    open_destination(workspace, kind).test_connection()
    assert HARNESSES[kind].read(workspace) == []


@pytest.mark.parametrize(("kind", "action"), ACTIONS)
def test_every_record_has_an_outcome_in_its_place(workspace: Workspace, kind: str, action: str) -> None:
    records = [make_record(kind, action, f"k{number}") for number in range(5)]
    outcomes = open_destination(workspace, kind).write(records, make_context(action))
    assert [outcome.status for outcome in outcomes] == [OutcomeStatus.DELIVERED] * 5
    assert open_destination(workspace, kind).write([], make_context(action)) == []


@pytest.mark.parametrize(("kind", "action"), ACTIONS)
def test_a_key_that_is_sent_twice_has_one_effect(workspace: Workspace, kind: str, action: str) -> None:
    record, other = make_record(kind, action, "a"), make_record(kind, action, "b")
    assert write(workspace, kind, action, [record, other]) == ["delivered", "delivered"]
    once = HARNESSES[kind].read(workspace)
    assert write(workspace, kind, action, [other, record]) == ["delivered", "delivered"]
    assert write(workspace, kind, action, [record, record]) == ["delivered", "delivered"]
    assert HARNESSES[kind].read(workspace) == once


@pytest.mark.parametrize(("kind", "action"), ACTIONS)
def test_a_deleted_record_clears_what_was_set(workspace: Workspace, kind: str, action: str) -> None:
    if not get_definition(kind).capabilities.can_delete:
        assert "delete" not in get_definition(kind).capabilities.sync_modes
        return
    deleted = make_record(kind, action, "a", operation=Operation.DELETED, version=2, idempotency_key="msg_2")
    write(workspace, kind, action, [make_record(kind, action, "a"), deleted])
    was, now = HARNESSES[kind].read(workspace)
    assert not HARNESSES[kind].cleared(was)
    assert HARNESSES[kind].cleared(now)


@pytest.mark.parametrize(("kind", "action"), ACTIONS)
def test_a_test_record_is_marked_as_one(workspace: Workspace, kind: str, action: str) -> None:
    write(workspace, kind, action, [make_record(kind, action, "a")], is_test=True)
    write(workspace, kind, action, [make_record(kind, action, "b")])
    assert [HARNESSES[kind].is_test(message) for message in HARNESSES[kind].read(workspace)] == [True, False]


@pytest.mark.parametrize("is_full", [True, False], ids=["all fields", "required only"])
@pytest.mark.parametrize(("kind", "action"), ACTIONS)
def test_the_message_is_the_golden_one(workspace: Workspace, kind: str, action: str, is_full: bool) -> None:
    fields = get_action(kind, action).fields
    chosen = [field for field in fields if is_full or field.required or field.name == "user_id"]
    payload = canonical_json({field.name: make_value(field) for field in chosen})
    write(workspace, kind, action, [make_record(kind, action, payload=payload)])
    golden = GOLDEN / f"{kind}.{action}.{'all' if is_full else 'required'}.json"
    assert HARNESSES[kind].read(workspace) == [orjson.loads(golden.read_bytes())]


@pytest.mark.parametrize(("kind", "action"), ACTIONS)
def test_nothing_of_a_destination_shows_the_key_of_the_workspace(workspace: Workspace, kind: str, action: str) -> None:
    key = workspace.home.secret_key.read_text()
    destination = open_destination(workspace, kind)
    assert key not in f"{destination!r} {destination.__dict__!r} {make_context(action)!r}"
