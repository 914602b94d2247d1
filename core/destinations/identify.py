"""The identify message of a record of a sync, written a batch at a time by DuckDB beside the mapped payload.

A payload is JSON text already, and a message is that text in other words: making an object of each row, to write it as
text again, took most of the time of a first sync.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache

import duckdb
import orjson

from core.clock import to_iso
from core.destinations.destination import DeliveryBatch, DeliveryContext, DeliveryRecord
from core.events.entry import MessageBatch
from core.records import Json

# concat() leaves out what is NULL. A member that is absent, null or empty is not sent.
_COMPOSE = """
WITH parsed AS (
    SELECT *, CAST(json_extract(payload, [
        '$.traits', '$.timestamp', '$.user_id', '$.anonymous_id', '$.group_id'
    ]) AS VARCHAR[]) AS found FROM batch
), told AS (
    SELECT *, coalesce(found[3], 'null') IN ('null', '""') AND coalesce(found[4], 'null') IN ('null', '""')
        AS is_by_email FROM parsed
), chosen AS (
    SELECT *,
        CASE WHEN operation = 'deleted'
            THEN concat('{', list_aggregate([concat(to_json(k), ':', CASE WHEN k = 'email' AND is_by_email
                THEN json_extract(found[1], '$.email') ELSE 'null' END) FOR k IN json_keys(found[1])],
                'string_agg', ','), '}')
            ELSE coalesce(nullif(found[1], 'null'), '{}') END AS traits,
        CASE WHEN operation <> 'deleted' THEN nullif(nullif(found[2], 'null'), '""') END AS happened_at,
        nullif(nullif(found[3], 'null'), '""') AS user_id,
        nullif(nullif(found[4], 'null'), '""') AS anonymous_id,
        nullif(nullif(found[5], 'null'), '""') AS group_id
    FROM told
)
SELECT idempotency_key AS message_id, json_extract_string(user_id, '$') AS user_id, concat(
    '{"type":"identify","messageId":', to_json(idempotency_key), ',"traits":', traits,
    ',"context":{"reverseEtl":{', $origin, ',"rowKey":', to_json(key), ',"operation":"', operation, '","version":',
    version, $mark, '}', ',"groupId":' || group_id, '},"timestamp":', coalesce(happened_at, $received),
    ',"originalTimestamp":', coalesce(happened_at, $received), ',"receivedAt":', $received,
    ',"integrations":{"All":false}', ',"userId":' || user_id, ',"anonymousId":' || anonymous_id, '}'
) AS body FROM chosen
"""


def compose_identifies(records: Sequence[DeliveryRecord], context: DeliveryContext, now: datetime) -> MessageBatch:
    """Return the identify message of each record, in their order, in the wire form of the message specification.

    A deleted record clears what its mapping had set: the same ids, every mapped trait null. Where the e-mail is all
    that says who is meant, it stays.
    """
    origin = {"syncId": context.sync_id, "runId": context.run_id, "sqlModelId": context.sql_model_id}
    values = {
        "origin": orjson.dumps(origin).decode()[1:-1],
        "mark": ',"test":true' if context.is_test else "",
        "received": orjson.dumps(to_iso(now)).decode(),
    }
    with _open_engine().cursor() as engine:
        engine.register("batch", DeliveryBatch.of(records).columns)
        messages = engine.sql(_COMPOSE, params=values).to_arrow_table()
    # a run sends its plan in order; what is sent for a test may be anything
    return MessageBatch(context.source_id, "identify", now, messages, None if context.is_test else context.run_id)


def make_identify(record: DeliveryRecord, context: DeliveryContext, now: datetime) -> dict[str, Json]:
    """Return the identify message of one record as an object; see `compose_identifies`."""
    (body,) = compose_identifies([record], context, now).columns["body"].to_pylist()
    message: dict[str, Json] = orjson.loads(body)
    return message


@cache
def _open_engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config={"threads": 1})
