"""Pick the messages of the log that count in one trait, with what counts of them and when they happened.

One query reads the log's files once. Where its SQL is not certain of a message (`history_sql.py`), the query asks the
code that counts live messages; so both pick the same.
"""

from __future__ import annotations

from functools import partial

import duckdb
import orjson
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from core.clock import from_millis
from core.events.json_sql import quote
from core.events.message import MessageType, read_timestamp_ms
from core.traits.computed_trait import Scope
from core.traits.definition import CompiledTrait, is_counted_at
from core.traits.history_sql import MACROS, TraitSql, make_trait_sql

_ARROW = {"INTEGER": pa.int32(), "DOUBLE": pa.float64(), "VARCHAR": pa.string()}


def pick_messages(database: duckdb.DuckDBPyConnection, trait: CompiledTrait, first: int, last: int) -> int:
    """Make the table `picked` ("offset", at_ms, value, account) of the table `events`.

    Returns:
        How many messages were left to the code that counts live ones, a hundred times slower than SQL.
    """
    sql, asked = make_trait_sql(trait), list[int]()
    type_ = pa.struct([("value", _ARROW[sql.value_type]), ("at_ms", pa.int64()), ("account", pa.string())])

    def observe_all(bodies: pa.Array, received: pa.Array) -> pa.Array:
        asked.append(len(bodies))
        return pa.array(map(partial(_observe, trait), bodies.to_pylist(), received.to_pylist()), type_)

    database.execute(MACROS)
    database.create_function(
        "live",
        observe_all,
        ["VARCHAR", "BIGINT"],
        f"STRUCT(value {sql.value_type}, at_ms BIGINT, account VARCHAR)",
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
        side_effects=True,  # so that each message is looked at once, whatever the plan
    )
    database.execute(_make_query(sql, make_filter(trait, first, last)))
    database.remove_function("live")
    return sum(asked)


def make_filter(trait: CompiledTrait, first: int, last: int) -> str:
    """Return SQL for which of `events` can count, by what is beside their bodies."""
    wanted = f'type = {quote(trait.message_type)} AND "offset" BETWEEN {first} AND {last}'
    if trait.event is not None and trait.message_type == MessageType.TRACK:
        wanted += f" AND name = {quote(trait.event)}"
    return wanted


def _observe(trait: CompiledTrait, body: str, received_ms: int) -> dict[str, object] | None:
    message = orjson.loads(body)
    taken, owner = trait.take_message(message), trait.find_owner("", message)
    if taken is None or owner is None:
        return None
    at_ms = read_timestamp_ms(message, from_millis(received_ms))
    if not is_counted_at(at_ms):
        return None
    return {"value": taken, "at_ms": at_ms, "account": owner if trait.scope is Scope.ACCOUNT else None}


def _make_query(sql: TraitSql, wanted: str) -> str:
    paths = ", ".join(map(quote, sql.paths))
    columns = ", ".join(f"{column} AS v{number}" for number, column in enumerate(sql.columns))
    is_sure = "is_wanted AND at_us IS NOT NULL" + (" AND account IS NOT NULL" if sql.owner else "")
    return f"""CREATE OR REPLACE TABLE picked AS
        WITH found AS (
            SELECT "offset", received_at, body, TRY(json_extract(body, [{paths}])) AS x
            FROM events WHERE {wanted}),
        named AS (SELECT "offset", received_at, body, {columns} FROM found),
        read AS (
            SELECT "offset", received_at, body, ({sql.is_wanted}) AS is_wanted, {sql.value} AS value,
                {sql.at_us} AS at_us, {sql.owner or "CAST(NULL AS VARCHAR)"} AS account FROM named),
        judged AS (
            SELECT "offset", at_us // 1000 AS at_ms, value, account, {is_sure} AS is_sure,
                CASE WHEN is_wanted = false OR ({is_sure}) THEN NULL ELSE live(body, epoch_ms(received_at)) END AS seen
            FROM read)
        SELECT "offset", CASE WHEN is_sure THEN at_ms ELSE seen.at_ms END AS at_ms,
            CASE WHEN is_sure THEN value ELSE seen.value END AS value,
            CASE WHEN is_sure THEN account ELSE seen.account END AS account
        FROM judged WHERE is_sure OR seen IS NOT NULL"""  # noqa: S608 - our own SQL; what people typed is quoted
