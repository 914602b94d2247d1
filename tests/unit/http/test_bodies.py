"""Bodies of requests: read by what they are, within their size; what cannot be read is answered with 400 and kept."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.tracking import Receiver, basic, open_receiver, send

TRACK = {"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": "m-1"}
LIMIT = 5 * 1024 * 1024


# -- bodies -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("", gzip.compress),
        ("gzip", bytes),
        ("identity", bytes),
        ("deflate", zlib.compress),
        ("gzip", lambda body: gzip.compress(body[:20]) + gzip.compress(body[20:])),
    ],
)
def test_the_body_is_read_by_what_it_is(receiver: Receiver, content_type: str, encoding: str, pack: Any) -> None:
    body = pack(orjson.dumps({"batch": [TRACK]}))
    assert receiver.post("/v1/batch", body, content_type=content_type, content_encoding=encoding).status == 200
    assert [event.message_id for event in receiver.accepted()] == ["m-1"]


def test_a_body_in_chunks_is_put_together(receiver: Receiver) -> None:
    body = orjson.dumps({"batch": [TRACK]})
    chunks = [body[start : start + 7] for start in range(0, len(body), 7)]
    assert send(receiver.app, "POST", "/v1/batch", chunks, {"authorization": basic(receiver.key)}).status == 200
    assert len(receiver.accepted()) == 1


def test_a_sender_that_goes_away_in_the_middle_leaves_nothing(receiver: Receiver) -> None:
    async def half() -> None:
        sent = iter([{"type": "http.request", "body": b'{"batch":[', "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> Any:
            return next(sent)

        async def keep(message: Any) -> None:
            raise AssertionError("nobody is there to answer")

        scope = {"type": "http", "method": "POST", "path": "/v1/batch", "query_string": b"", "headers": []}
        await receiver.app(scope, receive, keep)

    asyncio.run(half())
    assert receiver.accepted() == receiver.refused() == []


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"{", {}),
        (b"null", {}),
        (b"[]", {}),
        (b'"text"', {}),
        (b'{"batch": {}}', {}),
        (b'{"batch": "x"}', {}),
        (b"{}", {}),
        (b'{"batch": [{"userId": "\xff"}]}', {}),
        (b"[" * 10_000 + b"]" * 10_000, {}),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, {}),
        (b"\x1f\x8b\x08damaged", {}),
        (gzip.compress(b'{"batch": []}', mtime=0)[:-6], {"content_encoding": "gzip"}),
        (b'{"batch": []}', {"content_encoding": "br"}),
        (b'{"batch": []}', {"content_encoding": "gzip, zstd"}),
    ],
)
def test_a_body_that_cannot_be_read_is_400_and_kept(receiver: Receiver, body: bytes, headers: dict[str, str]) -> None:
    answer = receiver.post("/v1/batch", body, **headers)
    assert (answer.status, answer.json()["code"]) == (400, "bad_request")
    (kept,) = receiver.refused()
    assert (kept.source_id, kept.code) == (receiver.source.id, "bad_request")
    assert kept.body == (b'{"batch": []}' if headers else body[: 32 * 1024])


def test_a_single_event_that_is_no_object_is_400(receiver: Receiver) -> None:
    assert receiver.post("/v1/track", b"[1]").status == 400


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("NaN", None),
        ("-Infinity", None),
        ("1e999", None),
        ('"\\ud83d"', "\ufffd"),
        ('"a\\ud83d\\ude42\\ude42"', "a🙂\ufffd"),
        ("123456789012345678901234567890", 1.2345678901234568e29),
        ("18446744073709551615", 18446744073709551615),
        ("-9223372036854775808", -9223372036854775808),
        ("0.1", 0.1),
        ('"nul \\u0000"', "nul \0"),
    ],
)
@pytest.mark.parametrize("beside", ["1", "NaN"])
def test_what_libraries_send_beyond_json_is_read(receiver: Receiver, written: str, read: object, beside: str) -> None:
    text = f'{{"batch":[{{"type":"identify","userId":"u","traits":{{"x":{written},"beside":{beside}}}}}]}}'
    assert receiver.post("/v1/batch", text.encode()).status == 200
    assert receiver.bodies()[0]["traits"]["x"] == read


def test_a_byte_order_mark_is_passed_over(receiver: Receiver) -> None:
    assert receiver.post("/v1/batch", b"\xef\xbb\xbf" + orjson.dumps({"batch": [TRACK]})).status == 200
    assert len(receiver.accepted()) == 1


# -- sizes ------------------------------------------------------------------------------------------------------
def make_batch(size_bytes: int) -> list[dict[str, Any]]:
    """Return events of 30 KB each whose batch is nearly `size_bytes` long."""
    number = size_bytes // 30_100
    return [{**TRACK, "messageId": f"m-{n}", "properties": {"x": "a" * 30_000}} for n in range(number)]


def test_a_batch_of_3_mb_is_taken(receiver: Receiver) -> None:
    messages = make_batch(3_000_000)
    assert receiver.batch(*messages).status == 200
    assert len(receiver.accepted()) == len(messages)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_body_above_5_mb_is_400_and_its_beginning_is_kept(receiver: Receiver, pack: Any) -> None:
    answer = receiver.post("/v1/batch", pack(orjson.dumps({"batch": make_batch(LIMIT + 200_000)})))
    assert (answer.status, answer.json()["code"]) == (400, "payload_too_large")
    (kept,) = receiver.refused()
    assert (kept.code, kept.source_id) == ("payload_too_large", receiver.source.id)
    assert kept.body.startswith(b'{"batch":[{"type":"track"') and len(kept.body) == 32 * 1024


def test_a_gzip_bomb_is_not_unpacked(receiver: Receiver) -> None:
    bomb = gzip.compress(gzip.compress(b" " * 300_000_000))
    answer = receiver.post("/v1/batch", bomb, content_encoding="gzip")
    assert (answer.status, answer.json()["code"]) == (400, "bad_request")
    answer = receiver.post("/v1/batch", gzip.compress(b" " * 300_000_000), content_encoding="gzip")
    assert (answer.status, answer.json()["code"]) == (400, "payload_too_large")


def test_of_2501_events_one_is_refused(receiver: Receiver) -> None:
    answer = receiver.batch(*[{**TRACK, "messageId": f"m-{n}"} for n in range(2_501)])
    assert answer.status == 200
    assert len(receiver.accepted()) == 2_500
    assert [event.code for event in receiver.refused()] == ["too_many_events"]


def test_a_million_tiny_events_are_refused_as_one(receiver: Receiver) -> None:
    answer = receiver.post("/v1/batch", b'{"batch":[' + b"1," * 1_000_000 + b"1]}")
    assert (answer.status, answer.json()["code"]) == (400, "too_many_events")
    (kept,) = receiver.refused()
    assert (kept.code, kept.source_id, len(kept.body)) == ("too_many_events", receiver.source.id, 32 * 1024)
    assert receiver.post("/v1/batch", b'{"batch":[' + b"1," * 9_999 + b"1]}").status == 200
    assert len(receiver.refused()) == 1 + 10_000


def test_what_strangers_send_is_kept_in_part(receiver: Receiver) -> None:
    """A thousand bodies of 5 MB, signed with no known key, must not fill the disk."""
    large = {**TRACK, "properties": {"x": "a" * 3_000_000}}
    assert receiver.batch(large, key="a guess").status == 401
    (kept,) = receiver.refused()
    assert (kept.message_id, len(kept.body)) == ("m-1", 32 * 1024)


def test_an_event_above_32_kb_is_refused_alone_on_both_ways(receiver: Receiver) -> None:
    large = {**TRACK, "messageId": "large", "properties": {"x": "a" * 40_000}}
    assert receiver.batch(large, TRACK).status == 200
    assert receiver.post("/v1/track", large).status == 200
    assert [event.message_id for event in receiver.accepted()] == ["m-1"]
    assert [event.code for event in receiver.refused()] == ["payload_too_large"] * 2


@pytest.fixture
def strict_receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("ONRAMP_WORKER", "off")
    monkeypatch.setenv("ONRAMP_LIMITS", "strict")
    with open_receiver(tmp_path) as opened:
        yield opened


def test_in_strict_mode_sizes_are_answered_as_segment_documents(strict_receiver: Receiver) -> None:
    large = {**TRACK, "messageId": "large", "properties": {"x": "a" * 33_000}}
    for answer in (
        strict_receiver.post("/v1/track", large),
        strict_receiver.batch(TRACK, large),
        strict_receiver.batch(*make_batch(600_000)),
    ):
        assert (answer.status, answer.json()["code"]) == (400, "payload_too_large")
    many = [{**TRACK, "messageId": f"m-{n}"} for n in range(2_501)]
    assert strict_receiver.batch(*many).status == 200
    assert strict_receiver.accepted() == []
    assert len(strict_receiver.refused()) == 3 + 2_501
    assert strict_receiver.batch(TRACK).status == 200
    assert len(strict_receiver.accepted()) == 1
