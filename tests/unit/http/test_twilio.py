"""The webhook sink of Twilio Event Streams: what is signed is taken once, what is not is refused and seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from twilio.request_validator import RequestValidator

from core.errors import StorageFull
from core.http.process import Process
from core.sources.change import change_source
from core.sources.store import Source, create_source, disable_source
from core.sources.twilio_signature import is_signed
from tests.tracking import Answer, Receiver, send

TOKEN = "0123456789abcdef0123456789abcdef"
HOST = "on.example.com"


def event(number: int = 1, **data: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "type": "com.twilio.messaging.inbound-message.received",
        "source": "/2010-04-01/Accounts/AC1/Messages/SM1.json",
        "id": f"EZ{number:032x}",
        "dataschema": "https://events-schemas.twilio.com/Messaging.InboundMessageV1/1",
        "datacontenttype": "application/json",
        "time": "2026-11-25T09:00:00.000Z",
        "data": {"from": "+14155550100", "to": "+14155559999", "body": "Où?", **data},
    }


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    process = Process(str(tmp_path / "home"), has_worker=False)
    yield Receiver(process)
    process.stop()
    process.workspace.close()


@pytest.fixture
def source(receiver: Receiver) -> Source:
    return create_source(
        receiver.process.workspace, kind="twilio_event_streams", name="Twilio", secrets={"auth_token": TOKEN}
    )


def sign(url: str, body: bytes, token: str = TOKEN) -> tuple[str, str]:
    """Return the address with the body's digest, and the signature that Twilio's own package makes of it."""
    signed = f"{url}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    return signed, RequestValidator(token).compute_signature(signed, {})


def post(receiver: Receiver, source: Source, body: object, *, token: str = TOKEN, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    path = f"/v1/twilio/{source.write_key}"
    url, signature = sign(f"http://{HOST}{path}", raw, token)
    headers = {"host": HOST, "x-twilio-signature": signature, **headers}
    return send(receiver.app, "POST", url.removeprefix(f"http://{HOST}"), [raw], headers, client="203.0.113.7")


def test_a_signed_batch_becomes_track_calls_with_the_customers_phone(receiver: Receiver, source: Source) -> None:
    answer = post(
        receiver, source, [event(1), event(2, direction="outbound-api", **{"from": "+1999", "to": "+4917012345678"})]
    )
    assert (answer.status, answer.json()) == (200, {"success": True})
    first, second = receiver.bodies()
    assert (first["type"], first["event"]) == ("track", "com.twilio.messaging.inbound-message.received")
    assert first["messageId"] == f"EZ{1:032x}"
    assert first["properties"]["body"] == "Où?"
    assert first["timestamp"] == "2026-11-25T09:00:00.000Z"
    assert first["anonymousId"] == "twilio:+14155550100"
    assert first["context"]["externalIds"][0] == {
        "id": "+14155550100", "type": "phone", "collection": "users", "encoding": "none",
    }  # fmt: skip
    assert second["anonymousId"] == "twilio:+4917012345678"


def test_a_single_event_and_data_as_a_text_are_taken_too(receiver: Receiver, source: Source) -> None:
    assert post(receiver, source, {**event(), "data": '{"callSid": "CA1"}'}).status == 200
    assert receiver.bodies()[0]["properties"] == {"callSid": "CA1"}
    assert receiver.bodies()[0]["anonymousId"] == "twilio:CA1"


def test_a_request_that_is_sent_again_changes_nothing(receiver: Receiver, source: Source) -> None:
    for _ in range(3):
        assert post(receiver, source, [event()]).status == 200
    assert len(receiver.accepted()) == 1


def test_a_wrong_token_is_refused_and_can_be_seen(receiver: Receiver, source: Source) -> None:
    answer = post(receiver, source, [event()], token="wrong")
    assert (answer.status, answer.json()["code"]) == (403, "bad_signature")
    assert receiver.accepted() == []
    assert [refused.code for refused in receiver.refused()] == ["bad_signature"]


def test_a_token_that_is_replaced_counts_at_once(receiver: Receiver, source: Source) -> None:
    assert post(receiver, source, [event(1)]).status == 200
    change_source(receiver.process.workspace, source.id, secrets={"auth_token": "newer"})
    assert post(receiver, source, [event(2)]).status == 403
    assert post(receiver, source, [event(2)], token="newer").status == 200


def test_a_signature_that_is_replayed_with_another_body_is_refused(receiver: Receiver, source: Source) -> None:
    raw = orjson.dumps([event()])
    path = f"/v1/twilio/{source.write_key}"
    url, signature = sign(f"http://{HOST}{path}", raw)
    headers = {"host": HOST, "x-twilio-signature": signature}
    target = url.removeprefix(f"http://{HOST}")
    other = orjson.dumps([event(body="forged")])
    assert send(receiver.app, "POST", target, [other], headers).status == 403
    assert send(receiver.app, "POST", path, [raw], headers).status == 403, "without the digest no body is signed"
    assert receiver.accepted() == []


def test_behind_a_proxy_the_public_address_is_what_was_signed(
    receiver: Receiver, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONRAMP_PUBLIC_URL", "https://events.example.com")
    raw = orjson.dumps([event()])
    path = f"/v1/twilio/{source.write_key}"
    url, signature = sign(f"https://events.example.com{path}", raw)
    target = url.removeprefix("https://events.example.com")
    assert (
        send(receiver.app, "POST", target, [raw], {"host": "10.0.0.7", "x-twilio-signature": signature}).status == 200
    )


@pytest.mark.parametrize("body", [b"{}", b"[]", b"[1]", b'"text"', b"not JSON", b"\xff"])
def test_what_is_signed_and_holds_no_cloud_events_is_400_and_kept(
    receiver: Receiver, source: Source, body: bytes
) -> None:
    assert post(receiver, source, body).status == 400
    assert [refused.source_id for refused in receiver.refused()] == [source.id]


def test_a_disabled_source_keeps_the_events_as_refused(receiver: Receiver, source: Source) -> None:
    disable_source(receiver.process.workspace, source.id)
    assert post(receiver, source, [event()]).status == 200
    assert [refused.code for refused in receiver.refused()] == ["source_disabled"]


def test_every_answer_is_counted_by_its_status(receiver: Receiver, source: Source) -> None:
    for _ in range(2):
        post(receiver, source, [event()])
    post(receiver, source, b"not JSON")
    post(receiver, source, [event()], token="wrong")
    post(receiver, receiver.source, [event()])
    receiver.batch({"type": "track", "event": "e", "userId": "u"})
    lines = send(receiver.app, "GET", "/metrics").body.decode().splitlines()
    assert [line for line in lines if line.startswith("onramp_requests_total")] == [
        'onramp_requests_total{status="200"} 3.0',
        'onramp_requests_total{status="400"} 1.0',
        'onramp_requests_total{status="403"} 1.0',
        'onramp_requests_total{status="404"} 1.0',
    ]


def test_twilio_is_asked_to_come_again_after_a_failure_of_ours(
    receiver: Receiver, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise StorageFull("The disk is full.", hint="Make room.")

    with monkeypatch.context() as broken:
        broken.setattr(receiver.process.ingest.committer, "submit", fail)
        answer = post(receiver, source, [event()])
    assert (answer.status, answer.json()["code"]) == (503, "storage_full")
    assert int(answer.headers["retry-after"]) > 0
    assert post(receiver, source, [event()]).status == 200


def test_the_key_of_another_kind_of_source_opens_nothing_here(receiver: Receiver) -> None:
    assert post(receiver, receiver.source, [event()]).status == 404
    assert send(receiver.app, "GET", f"/v1/twilio/{receiver.key}").status == 405


@pytest.mark.parametrize("url", ["https://a.example/x", "https://a.example:443/x", "http://a.example:8080/x?b=1"])
@pytest.mark.parametrize("algorithm", [None, "HMAC_SHA256"])
def test_our_check_says_what_twilios_own_says(url: str, algorithm: str | None) -> None:
    body = "[]"
    validator = RequestValidator(TOKEN)
    signed = f"{url}{'&' if '?' in url else '?'}bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    settings = f"key=k1,algorithm={algorithm}" if algorithm else ""
    other = signed.replace(":443", "").replace(":8080", "")
    for spelled in (signed, other, signed.replace("/x", "/y")):
        signature = validator.compute_signature(spelled, {}, algorithm)
        expected = validator.validate(signed, body, signature, algorithm)
        assert is_signed(signed, body.encode(), signature, TOKEN, settings) is expected, spelled
    assert not is_signed(signed, b"[1]", validator.compute_signature(signed, {}, algorithm), TOKEN, settings)
    assert not is_signed(signed, body.encode(), validator.compute_signature(signed, {}), TOKEN, "algorithm=MD5")
