from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from core.destinations.destination import DeliveryBatch, DeliveryContext, DeliveryRecord, Operation
from core.destinations.identify import compose_identifies
from core.records import canonical_json
from tests.sizes import examples

NOW = datetime(2026, 11, 25, 9, 0, 0, 250_000, tzinfo=UTC)
RECEIVED = "2026-11-25T09:00:00.250Z"
CONTEXT = DeliveryContext("src_1", 'syn"1', "run_1", "mod_1", "send_identify")

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ids = st.one_of(st.none(), texts)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, width=32), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
payloads = st.fixed_dictionaries(
    {},
    optional={
        "engage_space": texts,
        "user_id": ids,
        "anonymous_id": ids,
        "group_id": ids,
        "timestamp": st.one_of(st.none(), st.just("2026-11-01T08:00:00Z")),
        "traits": st.one_of(st.none(), st.dictionaries(texts, values, max_size=5)),
    },
)
records = st.builds(
    lambda key, operation, version, message_id, payload: DeliveryRecord(
        key, operation, version, message_id, canonical_json(payload)
    ),
    texts,
    st.sampled_from(Operation),
    st.integers(1, 2**40),
    texts,
    payloads,
)


def expect(record: DeliveryRecord) -> dict[str, Any]:
    """Return the message as the specification says it, member by member."""
    fields = {name: value for name, value in orjson.loads(record.payload).items() if value}
    is_deleted = record.operation is Operation.DELETED
    traits = fields.get("traits", {})
    happened_at = RECEIVED if is_deleted else fields.get("timestamp", RECEIVED)
    origin = {
        "syncId": CONTEXT.sync_id,
        "runId": CONTEXT.run_id,
        "sqlModelId": CONTEXT.sql_model_id,
        "rowKey": record.key,
        "operation": str(record.operation),
        "version": record.version,
    }
    wire = {"user_id": "userId", "anonymous_id": "anonymousId"}
    cleared = dict.fromkeys(traits)
    if "email" in traits and not wire.keys() & fields.keys():
        cleared["email"] = traits["email"]
    return {
        "type": "identify",
        "messageId": record.idempotency_key,
        "traits": cleared if is_deleted else traits,
        "context": {"reverseEtl": origin} | ({"groupId": fields["group_id"]} if "group_id" in fields else {}),
        "timestamp": happened_at,
        "originalTimestamp": happened_at,
        "receivedAt": RECEIVED,
        "integrations": {"All": False},
        **{wire[name]: fields[name] for name in wire if name in fields},
    }


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(records, min_size=1, max_size=5))
def test_every_record_becomes_the_message_that_the_specification_says_in_its_place(batch: list[DeliveryRecord]) -> None:
    messages = compose_identifies(batch, CONTEXT, NOW)
    found = messages.columns.to_pylist()
    assert [orjson.loads(message["body"]) for message in found] == [expect(record) for record in batch]
    assert [message["message_id"] for message in found] == [record.idempotency_key for record in batch]
    assert [message["user_id"] for message in found] == [expect(record).get("userId") for record in batch]
    assert (messages.source_id, messages.type, messages.received_at) == ("src_1", "identify", NOW)
    assert messages.producer == "run_1"
    assert compose_identifies(batch, replace(CONTEXT, is_test=True), NOW).producer is None


def test_a_large_batch_keeps_its_order() -> None:
    batch = [DeliveryRecord(f"k{n}", Operation.ADDED, 1, f"msg_{n}", b'{"user_id":"u"}') for n in range(20_000)]
    messages = compose_identifies(batch, CONTEXT, NOW)
    assert messages.columns["message_id"].to_pylist() == [record.idempotency_key for record in batch]


@given(st.lists(records, max_size=6), st.data())
def test_a_batch_of_columns_is_the_sequence_of_its_records(batch: list[DeliveryRecord], data: st.DataObject) -> None:
    columns = DeliveryBatch.of(batch)
    assert DeliveryBatch.of(columns) is columns
    assert (list(columns), len(columns)) == (batch, len(batch))
    cut = data.draw(st.slices(len(batch)))
    assert list(columns[cut]) == batch[cut]
    if batch:
        place = data.draw(st.integers(-len(batch), len(batch) - 1))
        assert columns[place] == batch[place]
        assert list(columns.take([place % len(batch)] * 2)) == [batch[place]] * 2
