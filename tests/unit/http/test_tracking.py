"""The server contract of spec/clients.md 5: what is taken, how it is answered, what is kept."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, update

from core.sources.store import create_source, disable_source
from core.storage.tables import sources, suppressed_users
from tests.tracking import Receiver, basic, send, send_async

TRACK = {"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": "m-1"}


# -- paths and methods ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_batch_is_taken_on_each_of_its_paths(receiver: Receiver, path: str, slash: str) -> None:
    answer = receiver.post(path + slash, {"batch": [TRACK, {**TRACK, "messageId": "m-2"}]})
    assert (answer.status, answer.headers["content-type"], answer.json()) == (
        200,
        "application/json",
        {"success": True},
    )
    assert [event.message_id for event in receiver.accepted()] == ["m-1", "m-2"]
    assert {event.source_id for event in receiver.accepted()} == {receiver.source.id}


@pytest.mark.parametrize("type_", ["track", "identify", "page", "screen", "group", "alias"])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("is_short", [True, False])
def test_a_single_event_takes_its_type_from_the_path(
    receiver: Receiver, type_: str, slash: str, is_short: bool
) -> None:
    path = f"/v1/{type_[0] if is_short else type_}{slash}"
    event = {"event": "e", "groupId": "g", "previousId": "p", "userId": "u"}
    assert receiver.post(path, event).status == 200
    assert receiver.post(path, {**event, "type": None}).status == 200
    assert receiver.post(path, {**event, "type": "identify"}).status == 200
    assert [each.type for each in receiver.accepted()] == [type_, type_, "identify"]


def test_the_libraries_own_measurements_are_thrown_away(receiver: Receiver) -> None:
    assert receiver.post("/v1/m", b'{"series":[]}', key=None).json() == {"success": True}
    assert receiver.accepted() == receiver.refused() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_another_method_is_told_which_one_is_taken(receiver: Receiver, method: str) -> None:
    answer = send(receiver.app, method, "/v1/batch")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


# -- browsers ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/t", "/v1/identify/", "/v1/m", "/beacon/v1/batch"])
def test_a_preflight_is_answered_without_a_key(receiver: Receiver, path: str) -> None:
    asked = {
        "origin": "https://shop.example",
        "access_control_request_method": "POST",
        "access_control_request_headers": "authorization,x-retry-count",
    }
    answer = send(receiver.app, "OPTIONS", path, headers=asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-headers"] == "authorization,x-retry-count"
    assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert int(answer.headers["access-control-max-age"]) > 0
    assert answer.headers["vary"] == "Origin"


def test_a_preflight_that_names_no_headers_is_told_all_that_are_taken(receiver: Receiver) -> None:
    allowed = send(receiver.app, "OPTIONS", "/v1/t").headers["access-control-allow-headers"]
    for name in ("authorization", "content-type", "x-retry-count", "anonymousid", "sentat", "rsa-retry-attempt"):
        assert name in allowed.split(", ")


@pytest.mark.parametrize(("body", "status"), [(b'{"batch":[]}', 200), (b"{", 400)])
def test_a_page_can_read_every_answer_and_its_retry_after(receiver: Receiver, body: bytes, status: int) -> None:
    answer = receiver.post("/v1/batch", body, origin="https://shop.example")
    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-expose-headers"] == "Retry-After"
    assert receiver.post("/v1/batch", body).headers["access-control-allow-origin"] == "*"


# -- write keys -------------------------------------------------------------------------------------------------
def test_the_key_is_read_from_each_of_its_places(receiver: Receiver) -> None:
    key = receiver.key
    for number, (path, body, headers) in enumerate(
        [
            ("/v1/track", TRACK, {"authorization": basic(key)}),
            ("/v1/track", TRACK, {"authorization": basic(key).lower().replace("basic", "BASIC")[:6] + basic(key)[6:]}),
            ("/v1/track", TRACK, {"authorization": basic(key).rstrip("=")}),
            ("/v1/track", TRACK, {"authorization": f"Bearer {key}"}),
            ("/v1/track", {**TRACK, "writeKey": key}, {}),
            ("/v1/track", {**TRACK, "writeKey": key}, {"authorization": "Bearer an-oauth-token"}),
            ("/v1/batch", {"batch": [TRACK], "writeKey": key}, {}),
            ("/v1/batch", {"batch": [{**TRACK, "writeKey": key}]}, {}),
            (f"/beacon/v1/batch?writeKey={key}", {"batch": [TRACK]}, {}),
        ]
    ):
        message = {**body, "messageId": f"m-{number}"} if "batch" not in body else body
        assert receiver.post(path, message, key=None, **headers).status == 200, number
    assert {event.source_id for event in receiver.accepted()} == {receiver.source.id}


@pytest.mark.parametrize("authorization", [None, "Basic", "Basic !!!", "Basic /w==", "Digest x", basic("wrong")])
def test_without_a_known_key_nothing_is_taken_and_the_events_are_kept(
    receiver: Receiver, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = receiver.post("/v1/batch", {"batch": [TRACK, 7], "sentAt": "x"}, key=None, **headers)
    assert (answer.status, answer.json()["code"], answer.json()["success"]) == (401, "unknown_source", False)
    assert "message" in answer.json()
    assert receiver.accepted() == []
    assert [(event.source_id, event.code, event.message_id) for event in receiver.refused()] == [
        ("", "unknown_source", "m-1"),
        ("", "unknown_source", None),
    ]


def test_a_source_made_a_moment_ago_is_known_at_once(receiver: Receiver) -> None:
    for number in range(3):
        assert receiver.batch(TRACK).status == 200
        assert receiver.batch(TRACK, key="unknown").status == 401
        made = create_source(receiver.process.workspace, kind="http", name=f"Shop {number}")
        assert receiver.batch(TRACK, key=str(made.write_key)).status == 200


def test_guessed_keys_do_not_reach_the_store_each(receiver: Receiver) -> None:
    """A hundred at once wait for one reading."""
    reads = []
    keys = receiver.process.ingest._keys
    read_once = keys.read

    def count(max_age_s: float) -> Any:
        reads.append(max_age_s)
        return read_once(max_age_s)

    keys.read = count  # type: ignore[method-assign]

    async def guess() -> list[int]:
        sends = [
            send_async(receiver.app, "POST", "/v1/t", [orjson.dumps(TRACK)], {"authorization": basic(f"guess {n}")})
            for n in range(100)
        ]
        return [answer.status for answer in await asyncio.gather(*sends)]

    assert asyncio.run(guess()) == [401] * 100
    assert len(reads) <= 3


def test_the_old_key_is_taken_until_its_time_is_over(receiver: Receiver) -> None:
    workspace = receiver.process.workspace
    now = workspace.now()
    for key, until in (("still-good", timedelta(hours=1)), ("over", timedelta(seconds=-1))):
        with workspace.database.transaction() as connection:
            connection.execute(update(sources).values(old_write_key=key, old_key_until=now + until))
        receiver.process.ingest._keys.read(0)
        assert receiver.batch(TRACK, key=key).status == (200 if key == "still-good" else 401)


def test_the_events_of_a_disabled_source_are_kept_as_refused_and_its_senders_are_content(receiver: Receiver) -> None:
    source = create_source(receiver.process.workspace, kind="http", name="Shop")
    disable_source(receiver.process.workspace, source.id)
    assert receiver.batch(TRACK, key=str(source.write_key)).status == 200
    assert receiver.accepted() == []
    assert [(event.source_id, event.code) for event in receiver.refused()] == [(source.id, "source_disabled")]


# -- what becomes of events -------------------------------------------------------------------------------------
def test_a_batch_with_bad_events_is_200_and_the_good_ones_are_taken(receiver: Receiver) -> None:
    answer = receiver.batch(TRACK, {"type": "track", "userId": "u"}, None, {"type": "page"})
    assert (answer.status, answer.json()) == (200, {"success": True})
    assert len(receiver.accepted()) == 1
    assert [event.code for event in receiver.refused()] == ["event_not_defined", "bad_request", "no_user_anon_id"]


def test_an_empty_batch_is_kept_as_refused(receiver: Receiver) -> None:
    assert receiver.batch().status == 200
    assert [event.code for event in receiver.refused()] == ["empty_batch"]


def test_an_event_sent_again_is_stored_once_and_of_another_source_twice(receiver: Receiver) -> None:
    other = create_source(receiver.process.workspace, kind="http", name="Shop")
    for key in (receiver.key, receiver.key, str(other.write_key), str(other.write_key)):
        assert receiver.batch(TRACK, key=key).status == 200
    assert [event.source_id for event in receiver.accepted()] == [receiver.source.id, other.id]


def test_the_events_of_a_suppressed_user_leave_no_trace(receiver: Receiver) -> None:
    with receiver.process.workspace.database.transaction() as connection:
        connection.execute(insert(suppressed_users).values(user_id="u-1", created_at=receiver.process.workspace.now()))
    assert receiver.batch(TRACK, {**TRACK, "userId": "u-2", "messageId": "m-2"}).status == 200
    assert [event.user_id for event in receiver.accepted()] == ["u-2"]
    assert receiver.refused() == []


@pytest.mark.parametrize(
    ("client", "ip"), [("203.0.113.9", "203.0.113.9"), ("::ffff:203.0.113.9", "203.0.113.9"), ("2001:db8::1", None)]
)
def test_a_browsers_address_is_noted_if_it_is_ipv4(receiver: Receiver, client: str, ip: str | None) -> None:
    """IPv6 is not collected (spec/tracking-api.md 2.2). The surface is for every sender (decision 0010)."""
    body = orjson.dumps({**TRACK, "context": {"library": {"name": "analytics.js"}}})
    headers = {"authorization": basic(receiver.key), "host": "events.example"}
    assert send(receiver.app, "POST", "/v1/t", [body], headers, client=client).status == 200
    assert receiver.bodies()[0]["context"].get("ip") == ip


def test_no_write_key_is_stored_logged_or_counted(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.post("/v1/track", {**TRACK, "writeKey": receiver.key})
    receiver.batch({**TRACK, "writeKey": receiver.key, "messageId": "m-2"}, {"writeKey": receiver.key})
    receiver.post("/v1/batch", {"batch": [], "writeKey": receiver.key})
    receiver.post("/v1/batch", f'{{"writeKey": "{receiver.key}"'.encode())
    metrics = send(receiver.app, "GET", "/metrics").body
    stored = b"".join([event.body for event in receiver.accepted()] + [event.body for event in receiver.refused()])
    assert receiver.key.encode() not in stored + metrics
    assert receiver.key not in caplog.text
