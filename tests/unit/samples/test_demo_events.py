from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.events.message import parse_time
from core.samples.demo_crm import DEMO_UNTIL
from core.samples.demo_events import (
    COMPLETED,
    HISTORY_DAYS,
    INITIATED,
    Message,
    demo_flex_events,
    further_flex_events,
    true_trait_values,
)
from core.samples.demo_warehouse import demo_truth

ENGAGEMENTS = 3_000


@pytest.fixture(scope="module")
def truth():
    return demo_truth(customers=1_000)


@pytest.fixture(scope="module")
def messages(truth) -> list[Message]:
    return list(demo_flex_events(truth, engagements=ENGAGEMENTS))


def test_the_same_arguments_give_the_same_messages_with_unique_ids(truth, messages: list[Message]) -> None:
    assert list(demo_flex_events(truth, engagements=ENGAGEMENTS)) == messages
    assert len({message["messageId"] for message in messages}) == len(messages)


def test_messages_come_oldest_first_within_180_days(messages: list[Message]) -> None:
    times = [parse_time(message["timestamp"]) for message in messages]
    assert times == sorted(times)
    assert DEMO_UNTIL - timedelta(days=HISTORY_DAYS) <= times[0]
    assert times[-1] <= DEMO_UNTIL


def test_the_history_ends_where_it_is_told_to(truth) -> None:
    until = datetime(2025, 1, 1, tzinfo=UTC)
    last = list(demo_flex_events(truth, until=until, engagements=50))[-1]
    assert parse_time(last["timestamp"]) <= until


def test_what_flex_sends_after_its_history_is_the_same_in_one_piece_or_in_several(truth, messages) -> None:
    until = DEMO_UNTIL + timedelta(days=9, hours=7)
    whole = list(further_flex_events(truth, DEMO_UNTIL, until, engagements_a_day=40))
    first = list(further_flex_events(truth, DEMO_UNTIL, DEMO_UNTIL + timedelta(days=4), engagements_a_day=40))
    since = parse_time(first[-1]["timestamp"])
    rest = list(further_flex_events(truth, DEMO_UNTIL, until, since=since, engagements_a_day=40))
    assert first + rest[1:] == whole, "the newest is told again"
    assert 600 < len(whole) < 800
    assert len({each["messageId"] for each in [*messages, *whole]}) == len(messages) + len(whole)
    callers, before = ({each.get("userId") for each in some} for some in (whole, messages))
    assert len(callers - before) < len(callers) / 10, "the same people call"


def test_initiated_has_the_documented_properties_in_either_spelling(messages: list[Message]) -> None:
    initiated = [message["properties"] for message in messages if message["event"] == INITIATED]
    assert len(initiated) == ENGAGEMENTS
    wanted = {"customerstarttime", "duration", "direction", "firstknownagentworkersid", "lastknownagentworkersid"}
    assert all(wanted | {"interactionsid", "channelsid"} <= {key.lower() for key in each} for each in initiated)
    assert {key for each in initiated for key in each if key.lower() == "direction"} == {"direction", "Direction"}
    values = {each.get("direction", each.get("Direction")) for each in initiated}
    assert values == {"Inbound", "inbound", "Outbound", "outbound"}
    assert {each.get("channelType") for each in initiated} == {"Voice", "SMS", "WhatsApp", "Email", None}


def test_completed_has_codes_and_a_sentiment_and_the_same_interaction(messages: list[Message]) -> None:
    started = {message["properties"]["interactionSid"] for message in messages if message["event"] == INITIATED}
    completed = [message["properties"] for message in messages if message["event"] == COMPLETED]
    assert completed
    assert all(each["interactionSid"] in started for each in completed)
    assert all({"dispositionCode", "topic"} == set(each["codes"]) for each in completed)
    assert {each["sentiment"] for each in completed} == {"positive", "neutral", "negative"}


def test_sids_have_twilios_shape(messages: list[Message]) -> None:
    sid = messages[0]["properties"]["interactionSid"]
    assert sid.startswith("KD")
    assert len(sid) == 34
    int(sid[2:], 16)


def test_every_message_names_a_customer_and_some_only_by_email(truth, messages: list[Message]) -> None:
    contacts = {record.record_id for record in truth.contacts}
    assert all(message.get("userId") in contacts or message.get("anonymousId") for message in messages)
    nameless = [message for message in messages if "userId" not in message]
    assert any("externalIds" in message["context"] for message in nameless)
    assert any("traits" in message["context"] for message in nameless)
    assert 0.05 < len(nameless) / len(messages) < 0.3


def _message(contact: str, **properties: object) -> Message:
    return {"event": INITIATED, "userId": contact, "context": {}, "properties": properties}


def test_w76_inbound_engagements_are_counted_in_any_letter_case(truth) -> None:
    found = [
        _message("c", Direction="Inbound"),
        _message("c", direction="inbound"),
        _message("c", direction="Outbound"),
    ]
    assert true_trait_values(truth, found) == {"c": {"total_inbounds": 2}}


def test_w77_a_channel_needs_two_inbounds_and_a_tie_goes_to_the_first_in_the_alphabet(truth) -> None:
    once = [_message("a", direction="inbound", channelType=name) for name in ("SMS", "Voice")]
    tie = [_message("b", direction="inbound", channelType=name) for name in ("Voice", "SMS", "Voice", "SMS", "Email")]
    values = true_trait_values(truth, once + tie)
    assert values == {"a": {"total_inbounds": 2}, "b": {"total_inbounds": 5, "frequent_inbound_channel": "SMS"}}


def test_the_true_values_cover_messages_that_name_the_customer_only_by_email(truth, messages: list[Message]) -> None:
    values = true_trait_values(truth, messages)
    contacts = {record.record_id for record in truth.contacts}
    inbound = [
        message
        for message in messages
        if str(message["properties"].get("direction", message["properties"].get("Direction"))).lower() == "inbound"
    ]
    assert set(values) <= contacts
    assert sum(int(str(each["total_inbounds"])) for each in values.values()) == len(inbound)
    assert any("frequent_inbound_channel" in each for each in values.values())


def test_no_customers_give_no_messages() -> None:
    assert list(demo_flex_events(demo_truth(customers=0), engagements=10)) == []
