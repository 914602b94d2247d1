"""Whatever is sent: never a 5xx, and each event of a request that was answered with 200 is in the log or refused."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.events.message import MessageType
from core.http.tracking import BATCH, CALLS, SWALLOWED
from core.identity.rules import add_identifiers
from core.profiles.build import ProfileBuilder
from core.traits.engine import ComputedTraitEngine
from core.traits.store import add_recipes
from core.workspaces.spaces import connect_source, ensure_space
from tests.sizes import examples
from tests.tracking import Receiver, basic, open_receiver, send

SLOWLY = settings(deadline=None, suppress_health_check=list(HealthCheck))
NUMBERS = itertools.count()
SINGLE_CALLS = sorted(path for path, call in CALLS.items() if call not in (BATCH, SWALLOWED))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["", "\0", "🙂", "\u2028", "2026-11-25T12:00:00Z", "9999-12-31T23:59:59.999999999+14:00", "x" * 600]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
context = st.fixed_dictionaries(
    {},
    optional={
        "traits": values,
        "device": values | st.fixed_dictionaries({"id": values, "type": values, "advertisingId": values}),
        "consent": values | st.fixed_dictionaries({"categoryPreferences": values, "version": values}),
        "library": values | st.fixed_dictionaries({"name": st.sampled_from(["analytics.js", 7, None])}),
        "externalIds": values | st.lists(st.fixed_dictionaries({"id": values, "type": values}), max_size=3),
        "direct": values,
        "ip": values,
        "groupId": values,
    },
)
words = st.text(min_size=1, max_size=8)
right = st.fixed_dictionaries(
    {"type": st.sampled_from([str(type_) for type_ in MessageType])}
    | dict.fromkeys(("event", "name", "groupId", "previousId", "userId", "anonymousId"), words),
    optional={
        "properties": st.dictionaries(words, values, max_size=4),
        "traits": st.dictionaries(st.sampled_from(["email", "phone", "createdAt", ""]), values, max_size=4),
        "context": context,
        "messageId": words,
    },
)
FIELDS = ["type", "event", "name", "category", "groupId", "previousId", "userId", "anonymousId", "messageId"]
FIELDS += ["properties", "traits", "context", "integrations", "timestamp", "originalTimestamp", "sentAt", "receivedAt"]
FIELDS += ["writeKey", "onrampFlags", "version"]
wrong = st.dictionaries(st.sampled_from(FIELDS), values, max_size=2)
messages = st.one_of(values, right, st.builds(lambda start, change: {**start, **change}, right, wrong))
batches = st.fixed_dictionaries(
    {"batch": st.lists(messages, max_size=6)},
    optional={"sentAt": values, "context": context, "integrations": values, "writeKey": values},
)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONRAMP_WORKER", "off")
        with open_receiver(tmp_path_factory.mktemp("tracking")) as opened:
            yield opened


def count_kept(receiver: Receiver) -> int:
    with receiver.log.borrow() as connection:
        (refused,) = connection.execute("SELECT count(*) FROM refused_events").fetchone()
    return receiver.log.last_offset() + int(refused)


def give_ids(found: list[Any]) -> list[Any]:
    """Return the messages with ids that no example had before, where they have one that can be taken."""
    given_ids = []
    for message in found:
        if isinstance(message, dict) and isinstance(message.get("messageId"), str) and message["messageId"]:
            message = {**message, "messageId": f"{next(NUMBERS)}-{message['messageId']}"}
        given_ids.append(message)
    return given_ids


def to_json(value: object) -> bytes:
    """Return `value` as a Python library writes it: NaN, infinity and numbers of any size included."""
    return json.dumps(value).encode()


def test_every_event_of_a_batch_is_in_the_log_or_refused_and_profiles_can_be_built_of_it(receiver: Receiver) -> None:
    @settings(SLOWLY, max_examples=examples(80))
    @given(batches, st.booleans())
    def send_one(batch: dict[str, Any], is_packed: bool) -> None:
        batch = {**batch, "batch": give_ids(batch["batch"])}
        raw = to_json(batch)
        before = count_kept(receiver)
        answer = receiver.post("/v1/batch", gzip.compress(raw) if is_packed else raw)
        assert (answer.status, answer.body) == (200, b'{"success":true}')
        assert count_kept(receiver) == before + max(1, len(batch["batch"]))

    send_one()
    good = [{"type": "track", "event": "Ordered", "userId": f"good{number}"} for number in range(3)]
    assert receiver.post("/v1/batch", to_json({"batch": good})).status == 200
    workspace = receiver.process.workspace
    space_id = ensure_space(workspace).id
    connect_source(workspace, space_id, receiver.source.id)
    add_identifiers(workspace, space_id, ["user_id", "email", "anonymous_id", "group_id", "android.id"])
    add_recipes(workspace, space_id, ["total_inbounds", "frequent_inbound_channel"])
    report = ProfileBuilder(workspace, space_id, ComputedTraitEngine()).build()
    assert report.read == receiver.log.last_offset() >= len(good)  # how many of the others were taken is chance


@settings(SLOWLY, max_examples=examples(80))
@given(st.sampled_from(SINGLE_CALLS), messages)
def test_every_single_event_is_in_the_log_or_refused(receiver: Receiver, path: str, message: object) -> None:
    (message,) = give_ids([message])
    before = count_kept(receiver)
    answer = receiver.post(path, to_json(message))
    assert answer.status == (200 if isinstance(message, dict) else 400)
    assert count_kept(receiver) == before + 1


@settings(SLOWLY, max_examples=examples(100))
@given(
    st.binary(max_size=200) | st.binary(max_size=100).map(gzip.compress) | values.map(to_json),
    st.sampled_from(sorted(CALLS)),
    st.sampled_from(["", "gzip", "deflate", "br", "gzip, deflate", "\xff"]),
    st.sampled_from(["key", "unknown", "none", "garbage"]) | st.binary(max_size=20),
)
def test_no_bytes_no_encoding_and_no_authorization_is_a_failure_of_ours(
    receiver: Receiver, raw: bytes, path: str, encoding: str, authorization: str | bytes
) -> None:
    known = {"key": basic(receiver.key), "unknown": basic("unknown"), "none": "", "garbage": "Basic %%%"}
    value = known[authorization] if isinstance(authorization, str) else authorization.decode("latin-1")
    headers = {"content_encoding": encoding, "authorization": value}
    answer = send(receiver.app, "POST", path, [raw], headers)
    assert answer.status in (200, 400, 401)
    assert answer.status == 200 or {"code", "message"} <= set(orjson.loads(answer.body))
