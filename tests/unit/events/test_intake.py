"""What becomes of messages on their way into the log (spec/tracking-api.md 1 and 2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from core.events.intake import Taken, refuse_all, take
from core.events.limits import DEFAULT_LIMITS, STRICT_LIMITS
from core.events.validate import Fault

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TRACK = {"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": "m-1"}


def take_one(message: object, **options: Any) -> dict[str, Any]:
    """Take one message that must be accepted and return its body."""
    (entry,) = take("src_a", [message], received_at=NOW, **options).entries
    found: dict[str, Any] = orjson.loads(entry.body)
    return found


def codes(taken: Taken) -> list[str]:
    return [refusal.code for refusal in taken.refusals]


def test_a_message_becomes_an_entry_with_ids_and_times() -> None:
    (entry,) = take("src_a", [TRACK], received_at=NOW).entries
    assert entry[:6] == ("src_a", "m-1", "track", "Order Completed", "u-1", NOW)
    assert orjson.loads(entry.body) == {
        **TRACK,
        "receivedAt": "2026-11-25T12:00:00.000Z",
        "originalTimestamp": "2026-11-25T12:00:00.000Z",
        "timestamp": "2026-11-25T12:00:00.000Z",
        "version": 2,
    }


def test_the_messages_given_are_left_as_they_are() -> None:
    given = {**TRACK, "writeKey": "k", "context": {"a": 1}}
    before = orjson.dumps(given)
    take("src_a", [given], received_at=NOW, context={"b": 2}, sent_at="2026-11-25T12:00:00Z")
    assert orjson.dumps(given) == before


@pytest.mark.parametrize("absent", [{}, {"messageId": None}, {"messageId": ""}])
def test_a_message_without_an_id_is_given_one_of_its_own(absent: dict[str, object]) -> None:
    message = {"type": "identify", "userId": "u", **absent}
    first, second = take("src_a", [message, message], received_at=NOW).entries
    assert first.message_id.startswith("msg_") and first.message_id != second.message_id
    assert orjson.loads(first.body)["messageId"] == first.message_id


def test_the_write_key_of_a_message_is_not_stored() -> None:
    assert "writeKey" not in take_one({**TRACK, "writeKey": "k"})
    (refusal,) = take("src_a", [{"type": "track", "writeKey": "k"}], received_at=NOW).refusals
    assert b"writeKey" not in refusal.body


# -- what a batch says of all its messages ---------------------------------------------------------------------
def test_a_batch_gives_context_and_integrations_and_a_messages_own_go_first() -> None:
    body = take_one(
        {**TRACK, "context": {"ip": "1.1.1.1"}},
        context={"ip": "2.2.2.2", "library": {"name": "x"}},
        integrations={"All": False},
    )
    assert body["context"] == {"ip": "1.1.1.1", "library": {"name": "x"}}
    assert body["integrations"] == {"All": False}


@pytest.mark.parametrize("odd", ["text", 7, [1], None])
def test_a_batchs_context_that_is_no_object_is_passed_over(odd: object) -> None:
    assert "context" not in take_one(TRACK, context=odd, integrations=odd)


# -- times (spec/tracking-api.md 2.1) --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("times", "original", "timestamp", "flags"),
    [
        ({}, "2026-11-25T12:00:00.000Z", "2026-11-25T12:00:00.000Z", None),
        ({"timestamp": "2026-11-25T10:00:00Z"}, "2026-11-25T10:00:00Z", "2026-11-25T10:00:00.000Z", None),
        (
            {"originalTimestamp": "2026-11-25T10:00:00+00:00", "sentAt": "2026-11-25T10:00:05.250000+00:00"},
            "2026-11-25T10:00:00+00:00",
            "2026-11-25T11:59:54.750Z",
            None,
        ),
        (
            {"timestamp": "2026-11-25T13:00:00+02:00", "sentAt": "2026-11-25T14:00:00+02:00"},
            "2026-11-25T13:00:00+02:00",
            "2026-11-25T11:00:00.000Z",
            None,
        ),
        (
            {"timestamp": "2016-11-25T11:59:00Z", "sentAt": "2016-11-25T11:59:30Z"},
            "2016-11-25T11:59:00Z",
            "2026-11-25T11:59:30.000Z",
            ["clock_off"],
        ),
        (
            {"timestamp": "2036-11-25T12:00:00Z"},
            "2036-11-25T12:00:00Z",
            "2036-11-25T12:00:00.000Z",
            ["timestamp_ahead"],
        ),
        ({"timestamp": "1999-01-01"}, "1999-01-01", "1999-01-01T00:00:00.000Z", None),
        ({"timestamp": "yesterday"}, "yesterday", "2026-11-25T12:00:00.000Z", ["timestamp_unreadable"]),
        ({"timestamp": 1764000000}, 1764000000, "2026-11-25T12:00:00.000Z", ["timestamp_unreadable"]),
        ({"timestamp": None, "sentAt": "never"}, "2026-11-25T12:00:00.000Z", "2026-11-25T12:00:00.000Z", None),
        (
            {"timestamp": "0001-01-01T00:00:00Z", "sentAt": "9999-12-31T23:59:59Z"},
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00.000Z",
            ["clock_off"],
        ),
    ],
)
def test_the_time_of_an_event_is_corrected_by_the_skew_of_its_senders_clock(
    times: dict[str, object], original: object, timestamp: str, flags: list[str] | None
) -> None:
    body = take_one({**TRACK, **times})
    assert (body["originalTimestamp"], body["timestamp"], body.get("onrampFlags")) == (original, timestamp, flags)


def test_the_sent_at_of_a_batch_counts_where_a_message_has_none_of_its_own() -> None:
    batch = {"sent_at": "2026-11-25T11:00:00Z"}
    late = take_one({**TRACK, "timestamp": "2026-11-25T10:59:00Z"}, **batch)
    assert (late["timestamp"], late["sentAt"]) == ("2026-11-25T11:59:00.000Z", "2026-11-25T11:00:00Z")
    own = take_one({**TRACK, "timestamp": "2026-11-25T10:59:00Z", "sentAt": "2026-11-25T12:00:00Z"}, **batch)
    assert own["timestamp"] == "2026-11-25T10:59:00.000Z"


def test_a_flag_that_a_sender_made_up_does_not_stay() -> None:
    assert "onrampFlags" not in take_one({**TRACK, "onrampFlags": ["clock_off"]})


def test_a_message_taken_once_more_keeps_the_time_at_which_it_happened() -> None:
    message = {**TRACK, "timestamp": "2026-11-20T08:00:00Z", "sentAt": "2026-11-20T08:00:10Z"}
    first_received_at = datetime(2026, 11, 20, 9, 0, 10, tzinfo=UTC)
    body = take_one(message, skew_at=first_received_at)
    assert (body["timestamp"], body["receivedAt"]) == ("2026-11-20T09:00:00.000Z", "2026-11-25T12:00:00.000Z")


# -- the sender's address ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("context", "ip"),
    [
        ({"direct": True}, "10.1.2.3"),
        ({"direct": False}, None),
        ({"library": {"name": "analytics.js"}}, "10.1.2.3"),
        ({"library": {"name": "RudderLabs JavaScript SDK"}}, "10.1.2.3"),
        ({"library": {"name": "analytics-python"}}, None),
        ({"library": "analytics.js"}, None),
        ({"direct": True, "ip": "9.9.9.9"}, "9.9.9.9"),
        ({}, None),
    ],
)
def test_the_address_is_noted_where_the_message_asks_or_comes_from_a_browser(
    context: dict[str, object], ip: str | None
) -> None:
    assert take_one({**TRACK, "context": context}, ip="10.1.2.3")["context"].get("ip") == ip


# -- refusals ---------------------------------------------------------------------------------------------------
def test_a_bad_message_is_refused_alone_and_kept_with_what_its_batch_says() -> None:
    bad = {"type": "track", "userId": "u-2", "messageId": "m-2", "name": "n"}
    taken = take("src_a", [TRACK, bad, 7], received_at=NOW, sent_at="2026-11-25T11:00:00Z", context={"a": 1})
    assert [entry.message_id for entry in taken.entries] == ["m-1"]
    first, second = taken.refusals
    assert (
        first.source_id,
        first.code,
        first.message_id,
        first.type,
        first.name,
        first.user_id,
        first.received_at,
    ) == (
        "src_a",
        "event_not_defined",
        "m-2",
        "track",
        "n",
        "u-2",
        NOW,
    )
    assert orjson.loads(first.body) == {**bad, "sentAt": "2026-11-25T11:00:00Z", "context": {"a": 1}}
    assert (second.code, second.body) == ("bad_request", b"7")


def test_a_refused_message_can_be_mended_and_taken_with_the_same_time() -> None:
    bad = {"type": "track", "userId": "u", "timestamp": "2026-11-25T10:00:00Z"}
    (refusal,) = take("src_a", [bad], received_at=NOW, sent_at="2026-11-25T11:00:00Z").refusals
    mended = {**orjson.loads(refusal.body), "event": "Mended"}
    later = take("src_a", [mended], received_at=NOW + timedelta(days=3), skew_at=refusal.received_at)
    assert orjson.loads(later.entries[0].body)["timestamp"] == "2026-11-25T11:00:00.000Z"


def test_an_event_above_32_kb_is_refused_alone_and_what_we_add_does_not_count() -> None:
    room = DEFAULT_LIMITS.event_bytes - len(orjson.dumps({**TRACK, "properties": {"x": ""}}))
    largest = {**TRACK, "properties": {"x": "a" * room}}
    assert len(orjson.dumps(largest)) == DEFAULT_LIMITS.event_bytes
    assert take_one(largest, context={"from": "batch"})["messageId"] == "m-1"
    larger = {**TRACK, "messageId": "m-2", "properties": {"x": "a" * (room + 1)}}
    taken = take("src_a", [larger, TRACK], received_at=NOW)
    assert (codes(taken), [entry.message_id for entry in taken.entries]) == (["payload_too_large"], ["m-1"])


def test_events_beyond_the_2500th_are_refused_and_the_others_taken() -> None:
    taken = take("src_a", [{**TRACK, "messageId": str(n)} for n in range(2_502)], received_at=NOW)
    assert (len(taken.entries), codes(taken)) == (2_500, ["too_many_events"] * 2)
    assert taken.refusals[0].message_id == "2500"


def test_in_strict_mode_one_event_too_many_refuses_all() -> None:
    messages = [{**TRACK, "messageId": str(n)} for n in range(2_501)]
    taken = take("src_a", messages, received_at=NOW, limits=STRICT_LIMITS)
    assert (taken.entries, codes(taken)) == ([], ["too_many_events"] * 2_501)


@pytest.mark.parametrize("depth", [300, 900])
def test_an_event_nested_too_deeply_to_be_stored_is_refused_alone(depth: int) -> None:
    deep: object = "end"
    for _ in range(depth):
        deep = [deep]
    taken = take("src_a", [{**TRACK, "properties": {"x": deep}}, TRACK], received_at=NOW)
    assert (codes(taken), len(taken.entries)) == (["too_deep"], 1)
    assert b"[nested deeper]" in taken.refusals[0].body


def test_the_messages_of_a_suppressed_user_are_dropped_without_a_trace() -> None:
    others = [{**TRACK, "userId": "u-2"}, {**TRACK, "userId": ["u-1"]}, {"type": "track", "userId": "u-1"}]
    taken = take("src_a", [TRACK, *others], received_at=NOW, suppressed={"u-1"})
    assert [entry.user_id for entry in taken.entries] == ["u-2"]
    assert (codes(taken), taken.suppressed) == (["id_not_string"], 2)


def test_messages_can_be_refused_for_one_fault_of_all() -> None:
    refusals = refuse_all("", [TRACK, 7], Fault("unknown_source", "No."), received_at=NOW, sent_at="x")
    assert [(each.code, each.reason, each.message_id) for each in refusals] == [
        ("unknown_source", "No.", "m-1"),
        ("unknown_source", "No.", None),
    ]


def test_texts_with_nul_and_with_every_kind_of_character_stay_as_they_are() -> None:
    body = take_one({**TRACK, "properties": {"nul\0": "a\0b", "emoji": "🙂", "line": "\u2028"}})
    assert body["properties"] == {"nul\0": "a\0b", "emoji": "🙂", "line": "\u2028"}
