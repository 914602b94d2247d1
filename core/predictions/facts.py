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

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import orjson
import pyarrow as pa
from duckdb.func import PythonUDFType
from sqlalchemy import select

from core.clock import to_millis
from core.events.event_log import open_event_log
from core.events.history.relation import open_events
from core.events.message import find_path, to_number
from core.predictions.prediction import PredictionDefinition, TargetEvent
from core.profiles.progress import read_offset
from core.sources import personas
from core.storage.tables import identifiers, sources
from core.traits.owners import read_owners
from core.workspaces.workspace import Workspace

DAY_MS = 86_400_000
PAGE_VIEWED, SCREEN_VIEWED = "Page viewed", "Screen viewed"
ANONYMOUS_TYPES = (
    "anonymous_id",
    "ga_client_id",
    "group_id",
    *(f"{system}.{kind}" for system in ("android", "ios") for kind in ("id", "idfa", "push_token")),
)
_AT = "epoch_ms(coalesce(try_cast(json_extract_string(e.body, '$.timestamp') AS TIMESTAMPTZ), e.received_at))"
_TRAITS = "coalesce(json_extract(e.body, '$.traits'), json_extract(e.body, '$.context.traits'))"

_REACHED = """
    INSERT INTO reached SELECT unnest(offsets), person
    FROM batch JOIN people ON owner = profile_id
"""
_TARGETS = """
    INSERT INTO target SELECT f.person, f.at_ms, unnest(read_amounts(f.event, e.body))
    FROM facts f JOIN events e ON e."offset" = f.message WHERE list_contains(?, f.event)
"""

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
    known = identifiers.c
    query = (
        select(known.profile_id)
        .distinct()
        .where(known.space_id == space_id, known.type.not_in(ANONYMOUS_TYPES))
        .order_by(known.profile_id)
    )
    database.execute("CREATE TEMP TABLE reached (message BIGINT, person INTEGER)")
    with workspace.database.reading() as connection:
        profile_ids: list[str] = list(connection.execute(query).scalars())
        persons = pa.array(range(len(profile_ids)), pa.int32())
        database.register("batch", pa.table({"profile_id": pa.array(profile_ids, pa.string()), "person": persons}))
        database.execute("CREATE TEMP TABLE people AS SELECT * FROM batch")
        for owners in read_owners(connection, space_id, 1, read_offset(connection, space_id)):
            database.register("batch", owners)
            database.execute(_REACHED)
    database.unregister("batch")
    database.execute("DROP TABLE people")
    return profile_ids


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
    facts.database.create_function(
        "read_amounts",
        reader.read,
        ["VARCHAR", "VARCHAR"],
        "DOUBLE[]",
        type=PythonUDFType.ARROW,
        side_effects=True,  # it counts what it leaves out
    )
    facts.database.execute(_TARGETS, [names])
    facts.notes.extend(reader.notes())


class _TargetReader:
    """Reads target messages as computed traits do: property names and texts in any letter case."""

    def __init__(self, definition: PredictionDefinition) -> None:
        self._targets: Mapping[str, TargetEvent] = {target.event: target for target in definition.targets}
        self._definition = definition
        self._other_currency = self._no_amount = 0
        self._lock = threading.Lock()

    def read(self, events: pa.ChunkedArray, bodies: pa.ChunkedArray) -> pa.Array:
        """Return for each message a list of its amount, which is empty if the message does not count."""
        with self._lock:  # DuckDB calls this from each of its threads
            pairs = zip(events.to_pylist(), bodies.to_pylist(), strict=True)
            return pa.array([self._read(event, body) for event, body in pairs], pa.list_(pa.float64()))

    def _read(self, event: str, body: str) -> list[float | None]:
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
