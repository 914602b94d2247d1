"""What the event log knows of the people of a space before a moment, as tables for DuckDB.

    with open_facts(workspace, space_id, definition, as_of) as facts:
        facts.database.sql("SELECT event, count(*) FROM facts GROUP BY event")

- `facts(person, event, at_ms)`: each track, page and screen message of a person that is known; in ms since 1970.
- `target(person, at_ms, amount)`: those that count as the target, with their amount.
- `traits(person, key, value, at_ms)`: each number or boolean that an identify message set.

A person is a number; `facts.profile_ids[person]` is the profile. Left out are people known by anonymous identifiers
only, whatever happened at or after the moment, and what predictions wrote: else they would learn from themselves.
Messages go by the time at which they happened, not by when they came, so that an imported history is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import orjson
import pyarrow as pa
from sqlalchemy import Connection, select

from core.clock import to_millis
from core.events.event_log import open_event_log
from core.events.history.relation import open_events
from core.events.message import find_path, to_number
from core.predictions.prediction import PredictionDefinition, TargetEvent
from core.profiles.merge_history import find_survivors
from core.sources import personas
from core.storage.tables import identifiers, profile_messages, profiles, sources
from core.workspaces.workspace import Workspace

DAY_MS = 86_400_000
PAGE_VIEWED, SCREEN_VIEWED = "Page viewed", "Screen viewed"
ANONYMOUS_TYPES = (
    "anonymous_id",
    "ga_client_id",
    "group_id",
    *(f"{system}.{kind}" for system in ("android", "ios") for kind in ("id", "idfa", "push_token")),
)
_ROWS = 100_000
_AT = "epoch_ms(coalesce(try_cast(json_extract_string(e.body, '$.timestamp') AS TIMESTAMPTZ), e.received_at))"
_TRAITS = "coalesce(json_extract(e.body, '$.traits'), json_extract(e.body, '$.context.traits'))"

_TARGET_ROWS = f"""
    SELECT f.message, f.person, f.at_ms, f.event, e.body FROM facts f JOIN events e ON e."offset" = f.message
    WHERE list_contains(?, f.event) AND f.message > ? ORDER BY f.message LIMIT {_ROWS}
"""  # noqa: S608 - our own names

Told = Callable[[str], None]
"""Told what is being read; may raise to stop it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The tables, the moment they end at, and what was noticed while they were made."""

    database: duckdb.DuckDBPyConnection
    as_of_ms: int
    profile_ids: list[str] = field(repr=False)
    notes: list[str]

    def count(self, sql: str, *values: object) -> int:
        """Return the one number that `sql` asks for."""
        row = self.database.execute(sql, list(values)).fetchone()
        return int(row[0] or 0) if row else 0


@contextmanager
def open_facts(
    workspace: Workspace, space_id: str, definition: PredictionDefinition, as_of: datetime, tell: Told = lambda _: None
) -> Iterator[Facts]:
    """Lend the facts before `as_of`. O(messages of the space), on the disk beyond 512 MB.

    Raises:
        StoreUnreadable: The file of a closed day is missing or damaged.
    """
    as_of_ms = to_millis(as_of)
    tell("reading the event log")
    log = open_event_log(workspace)
    with open_events(log, ("offset", "source_id", "type", "name", "received_at", "body")) as database:
        database.execute("SET TimeZone = 'UTC'")
        database.execute("SET python_enable_replacements = false")  # a table that is missing is no variable of ours
        tell("finding out who is who")
        profile_ids = _load_people(workspace, space_id, database)
        facts = Facts(database, as_of_ms, profile_ids, [])
        tell("reading what people did")
        _make_facts(facts)
        _make_targets(facts, definition)
        tell("reading traits")
        _make_traits(facts, _list_own_sources(workspace))
        yield facts


def _load_people(workspace: Workspace, space_id: str, database: duckdb.DuckDBPyConnection) -> list[str]:
    known, reached = identifiers.c, profile_messages.c
    people_query = (
        select(known.profile_id)
        .distinct()
        .where(known.space_id == space_id, known.type.not_in(ANONYMOUS_TYPES))
        .order_by(known.profile_id)
    )
    with workspace.database.reading() as connection:
        profile_ids: list[str] = list(connection.execute(people_query).scalars())
        numbers = {profile_id: number for number, profile_id in enumerate(profile_ids)}
        survivors = _find_all_survivors(connection, space_id)
        database.execute("CREATE TEMP TABLE reached (message BIGINT, person INTEGER)")
        query = select(reached.log_offset, reached.profile_id).where(reached.space_id == space_id)
        for rows in connection.execution_options(yield_per=_ROWS).execute(query).partitions():
            found = [
                (offset, person)
                for offset, profile_id in rows
                if (person := numbers.get(survivors.get(profile_id, profile_id))) is not None
            ]
            batch = {"message": pa.array([row[0] for row in found], pa.int64())}
            database.register("batch", pa.table(batch | {"person": pa.array([row[1] for row in found], pa.int32())}))
            database.execute("INSERT INTO reached SELECT * FROM batch")
            database.unregister("batch")
    return profile_ids


def _find_all_survivors(connection: Connection, space_id: str) -> Mapping[str, str]:
    merged = select(profiles.c.id).where(profiles.c.space_id == space_id, profiles.c.merged_into.is_not(None))
    return find_survivors(connection, space_id, set(connection.execute(merged).scalars()))


def _list_own_sources(workspace: Workspace) -> list[str]:
    with workspace.database.reading() as connection:
        return list(
            connection.execute(select(sources.c.id).where(sources.c.kind == personas.DEFINITION.kind)).scalars()
        )


def _make_facts(facts: Facts) -> None:
    facts.database.execute(
        f"""
        CREATE TEMP TABLE facts AS
        SELECT r.person, CASE e.type WHEN 'track' THEN e.name WHEN 'page' THEN '{PAGE_VIEWED}'
                                     ELSE '{SCREEN_VIEWED}' END AS event, {_AT} AS at_ms, r.message
        FROM events e JOIN reached r ON e."offset" = r.message
        WHERE (e.type IN ('page', 'screen') OR e.type = 'track' AND e.name IS NOT NULL) AND at_ms < ?
        """,  # noqa: S608 - our own names
        [facts.as_of_ms],
    )


def _make_targets(facts: Facts, definition: PredictionDefinition) -> None:
    facts.database.execute("CREATE TEMP TABLE target (person INTEGER, at_ms BIGINT, amount DOUBLE)")
    names = [target.event for target in definition.targets]
    if definition.amount_property is None and all(target.condition is None for target in definition.targets):
        facts.database.execute(
            "INSERT INTO target SELECT person, at_ms, NULL FROM facts WHERE list_contains(?, event)", [names]
        )
        return
    reader = _TargetReader(definition)
    last = 0
    while rows := facts.database.execute(_TARGET_ROWS, [names, last]).fetchall():
        last = rows[-1][0]
        found = [(person, at, amount) for _, person, at, event, body in rows for amount in reader.read(event, body)]
        columns = zip(*found, strict=True) if found else ([], [], [])
        arrays = [pa.array(column, kind) for column, kind in zip(columns, _TARGET_TYPES, strict=True)]
        facts.database.register("batch", pa.table(arrays, names=["person", "at_ms", "amount"]))
        facts.database.execute("INSERT INTO target SELECT * FROM batch")
        facts.database.unregister("batch")
    facts.notes.extend(reader.notes())


class _TargetReader:
    """Reads target messages as computed traits do: property names and texts in any letter case."""

    def __init__(self, definition: PredictionDefinition) -> None:
        self._targets: Mapping[str, TargetEvent] = {target.event: target for target in definition.targets}
        self._definition = definition
        self._other_currency = self._no_amount = 0

    def read(self, event: str, body: str) -> list[float | None]:
        """Return the message's amount in a list; an empty list if the message does not count."""
        message = orjson.loads(body)
        properties = message.get("properties") if isinstance(message, dict) else None
        properties = properties if isinstance(properties, dict) else {}
        condition = self._targets[event].condition
        if condition is not None and not condition.holds(properties):
            return []
        if self._definition.amount_property is None:
            return [None]
        amount = to_number(find_path(properties, self._definition.amount_property))
        if amount is None:
            self._no_amount += 1
            return []
        currency = find_path(properties, "currency")
        if isinstance(currency, str) and currency.strip().upper() not in ("", self._definition.currency):
            self._other_currency += 1
            return []
        return [amount]

    def notes(self) -> list[str]:
        """Return what was left out, in sentences."""
        found = []
        if self._no_amount:
            found.append(f"{self._no_amount:,} events without a number in {self._definition.amount_property} left out.")
        if self._other_currency:
            found.append(
                f"{self._other_currency:,} events in another currency than {self._definition.currency} left out."
            )
        return found


def _make_traits(facts: Facts, own_sources: list[str]) -> None:
    facts.database.execute(
        f"""
        CREATE TEMP TABLE traits AS
        SELECT person, key, CASE WHEN is_number AND isfinite(value) THEN value END AS value, at_ms
        FROM (SELECT r.person, j.key, j.type IN ('UBIGINT', 'BIGINT', 'DOUBLE', 'BOOLEAN') AS is_number,
                     try_cast(j.value AS DOUBLE) AS value, {_AT} AS at_ms
              FROM events e JOIN reached r ON e."offset" = r.message, json_each({_TRAITS}) j
              WHERE e.type = 'identify' AND NOT list_contains(?, e.source_id))
        WHERE at_ms < ?
        """,  # noqa: S608 - our own names
        [own_sources, facts.as_of_ms],
    )


_TARGET_TYPES = (pa.int32(), pa.int64(), pa.float64())
