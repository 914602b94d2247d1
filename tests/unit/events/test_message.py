from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from core.clock import from_millis
from core.errors import InvalidEvent
from core.events.message import find_path, parse_time, read_timestamp_ms, to_log_entry, to_number

AT = datetime(2026, 11, 24, 9, 5, tzinfo=UTC)


def test_an_entry_holds_the_whole_message_with_the_times_filled_in() -> None:
    entry = to_log_entry("src_a", {"type": "track", "messageId": "m", "event": "Paid", "userId": "u"}, AT)
    assert (entry.type, entry.name, entry.user_id, entry.received_at) == ("track", "Paid", "u", AT)
    message = orjson.loads(entry.body)
    assert message["timestamp"] == message["receivedAt"] == message["originalTimestamp"] == "2026-11-24T09:05:00.000Z"


def test_a_null_or_odd_user_id_is_absent() -> None:
    for user_id in (None, "", 7):
        assert to_log_entry("s", {"type": "page", "messageId": "m", "userId": user_id}, AT).user_id is None


@pytest.mark.parametrize(
    "message",
    [{}, {"type": "buy", "messageId": "m"}, {"type": "track"}, {"type": "track", "messageId": "x" * 101}],
)
def test_a_message_without_type_or_id_is_refused(message: dict[str, object]) -> None:
    with pytest.raises(InvalidEvent):
        to_log_entry("src_a", message, AT)


def test_the_timestamp_is_what_the_sender_says() -> None:
    assert read_timestamp_ms({"timestamp": "1969-12-31T23:59:59.999Z"}, AT) == -1
    assert read_timestamp_ms({"timestamp": "1970-01-01T01:00:00+01:00"}, AT) == 0


def test_without_a_timestamp_the_clock_skew_of_the_device_is_taken_out() -> None:
    message = {"originalTimestamp": "2026-11-24T08:00:00Z", "sentAt": "2026-11-24T08:00:10Z"}
    assert from_millis(read_timestamp_ms(message, AT)) == datetime(2026, 11, 24, 9, 4, 50, tzinfo=UTC)
    del message["sentAt"]
    assert from_millis(read_timestamp_ms(message, AT)) == datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "yesterday", 1_700_000_000, [], "2026-13-01T00:00:00Z"])
def test_a_timestamp_that_cannot_be_read_gives_the_time_of_arrival(value: object) -> None:
    assert from_millis(read_timestamp_ms({"timestamp": value}, AT)) == AT


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_time("2026-11-24") == datetime(2026, 11, 24, tzinfo=UTC)
    assert parse_time("0001-01-01T00:00:00+14:00") is None  # before the first year


def test_property_paths_match_in_any_letter_case_and_an_exact_match_comes_first() -> None:
    assert find_path({"page": {"URL": "x"}}, "Page.url") == "x"
    assert find_path({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert find_path({"Direction": "in", "direction": "out"}, "direction") == "out"
    assert find_path({"Direction": "in", "direction": None}, "direction") == "in"
    assert find_path({"a": [1]}, "a.b") is None
    assert find_path("text", "a") is None


def test_numbers_are_finite_and_booleans_are_none() -> None:
    assert [to_number(value) for value in (1, "2.5", True, "x", float("nan"), "inf", None, [], 10**400)] == [
        1.0, 2.5, None, None, None, None, None, None, None,
    ]  # fmt: skip
