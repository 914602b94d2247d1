"""Each rule of a message, and the code under which it is refused (spec/tracking-api.md 1.2)."""

from __future__ import annotations

from typing import Any

import pytest

from core.events.validate import find_fault

ID = {"userId": "u"}
CONSENT = "consent_categorypreferences"


@pytest.mark.parametrize(
    "message",
    [
        {"type": "track", "event": "e", "userId": "u"},
        {"type": "track", "event": "e", "anonymousId": "a", "userId": None, "properties": None},
        {"type": "track", "event": "e", "anonymousId": "a", "userId": "", "properties": {}},
        {"type": "identify", "userId": "u"},
        {"type": "identify", "userId": "u", "traits": {"a": [1, None]}, "context": None, "integrations": None},
        {"type": "page", **ID},
        {"type": "page", **ID, "name": None, "category": None},
        {"type": "page", **ID, "name": "Home", "category": "Docs", "properties": {"url": 7}},
        {"type": "screen", "anonymousId": "a", "name": "Home"},
        {"type": "group", "groupId": "g", **ID, "traits": {}},
        {"type": "alias", "previousId": "p", "userId": "u"},
        {"type": "track", "event": "e", **ID, "messageId": "x" * 100},
        {"type": "track", "event": "e", **ID, "context": {"device": {"advertisingId": "x"}, "consent": None}},
        {
            "type": "track",
            "event": "e",
            **ID,
            "context": {"consent": {"categoryPreferences": {"a": True}, "version": 2}},
        },
    ],
)
def test_a_message_that_keeps_the_rules_has_no_fault(message: dict[str, Any]) -> None:
    assert find_fault(message) is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({**ID}, "unknown_type"),
        ({"type": "purchase", **ID}, "unknown_type"),
        ({"type": "Track", "event": "e", **ID}, "unknown_type"),
        ({"type": ["track"], **ID}, "unknown_type"),
        ({"type": "track", **ID}, "event_not_defined"),
        ({"type": "track", "event": "", **ID}, "event_not_defined"),
        ({"type": "track", "event": None, **ID}, "event_not_defined"),
        ({"type": "track", "event": 7, **ID}, "event_not_string"),
        ({"type": "track", "event": "e", "properties": [], **ID}, "properties_not_object"),
        ({"type": "page", "properties": "x", **ID}, "properties_not_object"),
        ({"type": "identify", "traits": "x", **ID}, "traits_not_object"),
        ({"type": "group", "groupId": "g", "traits": [], **ID}, "traits_not_object"),
        ({"type": "page", "name": "", **ID}, "name_not_string"),
        ({"type": "screen", "name": 7, **ID}, "name_not_string"),
        ({"type": "page", "category": 7, **ID}, "category_not_string"),
        ({"type": "identify"}, "no_user_anon_id"),
        ({"type": "identify", "userId": None, "anonymousId": ""}, "no_user_anon_id"),
        ({"type": "identify", "userId": 7}, "id_not_string"),
        ({"type": "identify", "userId": 0}, "id_not_string"),
        ({"type": "identify", "userId": "u", "anonymousId": {}}, "id_not_string"),
        ({"type": "group", **ID}, "id_required"),
        ({"type": "group", "groupId": None, **ID}, "id_required"),
        ({"type": "group", "groupId": "", **ID}, "id_not_string"),
        ({"type": "group", "groupId": 7, **ID}, "id_not_string"),
        ({"type": "group", "groupId": "g"}, "no_user_anon_id"),
        ({"type": "alias", **ID}, "id_required"),
        ({"type": "alias", "previousId": "p"}, "id_required"),
        ({"type": "alias", "previousId": "p", "anonymousId": "a"}, "id_required"),
        ({"type": "alias", "previousId": 7, **ID}, "id_not_string"),
        ({"type": "identify", **ID, "messageId": 7}, "id_not_string"),
        ({"type": "identify", **ID, "messageId": "x" * 101}, "message_id_too_long"),
        ({"type": "identify", **ID, "context": "x"}, "context_not_object"),
        ({"type": "identify", **ID, "context": []}, "context_not_object"),
        ({"type": "identify", **ID, "integrations": "All"}, "integrations_not_object"),
        (
            {"type": "identify", **ID, "context": {"device": {"advertisingId": 7}}},
            "device_advertisingid_should_be_string",
        ),
        ({"type": "identify", **ID, "context": {"consent": {}}}, f"{CONSENT}_should_exist"),
        ({"type": "identify", **ID, "context": {"consent": 7}}, f"{CONSENT}_should_exist"),
        (
            {"type": "identify", **ID, "context": {"consent": {"categoryPreferences": []}}},
            f"{CONSENT}_fields_should_be_object",
        ),
        (
            {"type": "identify", **ID, "context": {"consent": {"categoryPreferences": {"a": 1}}}},
            f"{CONSENT}_fields_should_be_bool",
        ),
        (
            {"type": "identify", **ID, "context": {"consent": {"categoryPreferences": {}, "version": "2"}}},
            "consent_version_should_be_number",
        ),
    ],
)
def test_a_message_that_breaks_a_rule_has_its_code_and_a_sentence(message: dict[str, Any], code: str) -> None:
    fault = find_fault(message)
    assert fault is not None
    assert fault.code == code
    assert fault.reason.endswith(".")


@pytest.mark.parametrize("wrong", [0, 1.5, True, "", "x", [], {}, [{}], None])
@pytest.mark.parametrize("type_", ["track", "identify", "page", "screen", "group", "alias"])
def test_no_wrong_type_in_any_field_is_a_failure_of_ours(type_: str, wrong: object) -> None:
    good = {"type": type_, "event": "e", "groupId": "g", "previousId": "p", "userId": "u", "anonymousId": "a"}
    fields = [*good, "traits", "properties", "name", "category", "context", "integrations", "messageId", "timestamp"]
    for field in fields:
        fault = find_fault({**good, field: wrong})
        assert fault is None or fault.code
    for field in ("device", "consent", "traits", "library", "page", "ip"):
        find_fault({**good, "context": {field: wrong}})
