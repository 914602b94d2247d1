from __future__ import annotations

from typing import Any

import pytest

from core.identity.identifiers import (
    DEFAULT_IDENTIFIERS,
    DEFAULT_TYPES,
    MAX_VALUE_CHARS,
    IdentifierReader,
    extract_identifiers,
)
from core.identity.rule import IdentifierRule, default_order

ALL = [IdentifierRule(type_, place) for place, type_ in enumerate(sorted(DEFAULT_TYPES, key=default_order), 1)]
PHONE = IdentifierRule("phone", 20, custom=True)
LOYALTY = IdentifierRule("loyalty_id", 21, custom=True)


def read(message: dict[str, Any], rules: list[IdentifierRule] | None = None) -> list[tuple[str, str]]:
    return [tuple(identifier) for identifier in extract_identifiers(message, rules or [*ALL, PHONE, LOYALTY])]


def test_there_are_eleven_default_identifiers_each_with_label_and_description() -> None:
    """W63."""
    assert len(DEFAULT_IDENTIFIERS) == len(set(DEFAULT_TYPES)) == 11
    assert all(identifier.label and identifier.description for identifier in DEFAULT_IDENTIFIERS)
    assert "phone" not in DEFAULT_TYPES


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"userId": "u1"}, ("user_id", "u1")),
        ({"type": "identify", "traits": {"email": "a@b.c"}}, ("email", "a@b.c")),
        ({"type": "track", "context": {"traits": {"email": "a@b.c"}}}, ("email", "a@b.c")),
        ({"anonymousId": "anon-7"}, ("anonymous_id", "anon-7")),
        ({"groupId": "acme"}, ("group_id", "acme")),
        ({"context": {"integrations": {"Google Analytics": {"clientId": "ga1"}}}}, ("ga_client_id", "ga1")),
        ({"context": {"device": {"type": "android", "id": "d"}}}, ("android.id", "d")),
        ({"context": {"device": {"type": "android", "token": "t"}}}, ("android.push_token", "t")),
        (
            {"context": {"device": {"type": "android", "advertisingId": "x", "adTrackingEnabled": True}}},
            ("android.idfa", "x"),
        ),
        ({"context": {"device": {"type": "ios", "id": "d"}}}, ("ios.id", "d")),
        ({"context": {"device": {"type": "ios", "token": "t"}}}, ("ios.push_token", "t")),
        ({"context": {"device": {"type": "ios", "advertisingId": "x", "adTrackingEnabled": True}}}, ("ios.idfa", "x")),
    ],
)
def test_each_default_identifier_comes_from_its_place(message: dict[str, Any], expected: tuple[str, str]) -> None:
    assert read(message) == [expected]


@pytest.mark.parametrize(
    "message",
    [
        {"context": {"device": {"type": "android", "advertisingId": "x", "adTrackingEnabled": False}}},
        {"context": {"device": {"type": "android", "advertisingId": "x", "adTrackingEnabled": "true"}}},
        {"context": {"device": {"type": "windows", "id": "d"}}},
        {"context": {"device": "phone"}},
        {"properties": {"email": "friend@example.org"}},
        {"type": "group", "traits": {"email": "office@acme.example", "phone": "+1"}},
        {"context": {"groupId": "acme"}},
        {"integrations": {"Google Analytics": {"clientId": "ga1"}}},
        {"userId": None, "anonymousId": ""},
        {"userId": "   "},
        {"userId": True},
        {"userId": ["u"]},
        {"context": None, "traits": "text", "properties": [1]},
        {"previousId": "old"},
    ],
)
def test_what_is_elsewhere_or_empty_is_no_identifier(message: dict[str, Any]) -> None:
    assert read(message) == []


def test_only_identifiers_with_a_rule_are_read_in_the_order_of_their_priority() -> None:
    message = {"userId": "u", "anonymousId": "a", "type": "identify", "traits": {"email": "E@x.y"}}
    rules = [IdentifierRule("anonymous_id", 1), IdentifierRule("email", 2)]
    assert read(message, rules) == [("anonymous_id", "a"), ("email", "e@x.y")]


@pytest.mark.parametrize("place", ["traits", "properties", "context"])
@pytest.mark.parametrize("key", ["loyalty_id", "loyaltyId"])
def test_a_custom_identifier_is_found_in_traits_properties_and_context_traits_in_both_cases(
    place: str, key: str
) -> None:
    inside = {key: "L-1"}
    message = {"type": "identify", place: {"traits": inside} if place == "context" else inside}
    assert read(message) == [("loyalty_id", "L-1")]


def test_a_custom_identifier_is_found_under_its_own_key_and_in_external_ids_by_its_name() -> None:
    rules = [IdentifierRule("phone", 1, custom=True, key="phone_number")]
    message = {"type": "identify", "traits": {"phone_number": "+1", "phone": "+9"}, "properties": {"phoneNumber": "+2"}}
    assert read(message, rules) == [("phone", "+1"), ("phone", "+2")]
    assert read({"context": {"externalIds": [{**EXTERNAL, "type": "phone"}]}}, rules) == [("phone", "L-1")]


def test_an_email_is_read_from_properties_only_where_that_is_chosen() -> None:
    message = {"type": "track", "properties": {"email": "B@x.y"}, "context": {"traits": {"email": "a@x.y"}}}
    assert read(message) == [("email", "a@x.y")]
    assert read(message, [IdentifierRule("email", 1, in_properties=True)]) == [("email", "a@x.y"), ("email", "b@x.y")]


def test_different_values_in_two_places_are_two_identifiers_and_equal_ones_are_one() -> None:
    message = {"type": "identify", "traits": {"email": "a@x.y"}, "context": {"traits": {"email": "b@x.y"}}}
    assert read(message) == [("email", "a@x.y"), ("email", "b@x.y")]
    message["context"] = {"traits": {"email": " A@x.y "}}
    assert read(message) == [("email", "a@x.y")]


def test_values_are_trimmed_numbers_become_text_and_phones_stay_as_given() -> None:
    assert read({"userId": 1001}) == [("user_id", "1001")]
    assert read({"userId": 1001.0}) == [("user_id", "1001")]
    assert read({"userId": 0.5}) == [("user_id", "0.5")]
    assert read({"userId": " Ab "}) == [("user_id", "Ab")]
    assert read({"properties": {"phone": "+14155550100"}}) == [("phone", "+14155550100")]


EXTERNAL = {"id": "L-1", "type": "loyalty_id", "collection": "users", "encoding": "none"}


def test_external_ids_need_all_four_fields_and_a_lower_case_type() -> None:
    assert read({"context": {"externalIds": [EXTERNAL]}}) == [("loyalty_id", "L-1")]
    for broken in (
        *({key: value for key, value in EXTERNAL.items() if key != missing} for missing in EXTERNAL),
        {**EXTERNAL, "type": "Loyalty_Id"},
        {**EXTERNAL, "type": 7},
        {**EXTERNAL, "type": ""},
        {**EXTERNAL, "encoding": "sha256"},
        {**EXTERNAL, "collection": "accounts"},
        "text",
    ):
        assert read({"context": {"externalIds": [broken]}}) == []
    assert read({"context": {"externalIds": "x"}}) == []


def test_external_ids_can_carry_default_identifiers() -> None:
    email = {**EXTERNAL, "type": "email", "id": "A@X.Y"}
    account = {**EXTERNAL, "type": "group_id", "id": "acme", "collection": "accounts"}
    assert read({"context": {"externalIds": [email, account]}}) == [("email", "a@x.y"), ("group_id", "acme")]


def test_an_external_type_without_a_rule_is_reported() -> None:
    found = IdentifierReader(ALL).read({"context": {"externalIds": [EXTERNAL]}})
    assert (found.identifiers, found.unknown_types) == ([], ["loyalty_id"])


def test_a_rule_that_was_added_by_itself_reads_external_ids_only() -> None:
    rules = [IdentifierRule("loyalty_id", 1, custom=True, external_only=True)]
    rules += [IdentifierRule(type_, 2, external_only=True) for type_ in ("email", "user_id", "ios.id")]
    device = {"type": "ios", "id": "d"}
    elsewhere = {"userId": "u", "traits": {"loyalty_id": "x", "email": "a@b.c"}, "context": {"device": device}}
    assert read({"type": "identify", **elsewhere}, rules) == []
    user = {**EXTERNAL, "type": "user_id", "id": "u"}
    assert read({"context": {"externalIds": [EXTERNAL, user]}}, rules) == [("loyalty_id", "L-1"), ("user_id", "u")]


def test_a_value_that_is_too_long_or_holds_control_characters_is_refused_and_reported() -> None:
    for value in ("x" * (MAX_VALUE_CHARS + 1), "a\x00b", "a\nb", "a\x9bb"):
        found = IdentifierReader(ALL).read({"userId": value, "anonymousId": "a"})
        assert [tuple(each) for each in found.identifiers] == [("anonymous_id", "a")]
        assert found.unusable[0].value == value
    assert read({"userId": "Zoë 👩‍🚀"}) == [("user_id", "Zoë 👩‍🚀")]


@pytest.mark.parametrize("value", ["-1", "null", "NULL", "Anonymous", "000-000", "-", "0"])
def test_the_suggested_blocked_values_are_blocked(value: str) -> None:
    assert read({"userId": value}) == []


def test_an_empty_message_has_no_identifiers() -> None:
    assert read({}) == []
