"""The same model on the same data gives the same profiles on each engine, from the form to the profile.

What is expected stands here once, as a profile has it: no engine is measured by another. A gap of an emulator is a
strict expected failure of one trait of one person. A warehouse joins by its entry in `WORDS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.events.event_log import open_event_log
from core.identity.rules import add_identifiers
from core.profiles.build import ProfileBuilder
from core.profiles.lookup import Profile, count_profiles, get_profile
from core.syncs.engine import execute_run
from core.syncs.run import RunState, SyncRun, request_run
from core.traits.engine import ComputedTraitEngine
from core.warehouses.registry import DEFINITIONS
from core.warehouses.wire.names import literal
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import open_workspace
from tests.contract.harnesses.harness import Gap
from tests.crm import sync_columns
from tests.engines import Engine, open_engine

ZONE = "Europe/Berlin"
COLUMNS = {
    "userId": "text",
    "email": "text",
    "note": "text",
    "Besuche": "integer",
    "Umsatz": "decimal",
    "ratio": "float",
    "active": "boolean",
    "born": "date",
    "lastSeen": "time",
    "signedUp": "instant",
    "extra": "document",
    "tags": "list",
    "address": "record",
    "Größe": "bytes",
}
"""The columns, whose names are quoted wherever they stand, and types. No array is NULL: BigQuery has none such."""

_TEXT = 'Zoë O\'Hara 日本 😀 "q" \\ back'
ROWS: tuple[tuple[str | None, ...], ...] = (
    (
        *("c1", "zoë@x.example", _TEXT, "9007199254740993", "12345678901234567890.123456789", "0.1", "true"),
        *("1931-07-04", "1969-07-20 22:17:40.5", "2024-03-31 02:30:00.000001+02:00"),
        *('{"ü": [1, null, "é"], "big": 9007199254740993}', "x y", "Weg 1|7", "00ff"),
    ),
    ("C1", "zoë2@x.example", "", *[None] * 8, "", None, None),
    (
        *("ü3", "ada@x.example", " ", "-42", "-19.90", "-1e300", "false", "9999-12-31"),
        *("2024-07-01 12:00:00", "1969-12-31 23:59:59.999999+00:00", "[]", "", "|0", ""),
    ),
)
EXPECTED: dict[str, dict[str, object]] = {
    "c1": {
        "email": "zoë@x.example",
        "note": _TEXT,
        "Besuche": "9007199254740993",
        "Umsatz": "12345678901234567890.123456789",
        "ratio": 0.1,
        "active": True,
        "born": "1931-07-04",
        "lastSeen": "1969-07-20T21:17:40.500000Z",
        "signedUp": "2024-03-31T00:30:00.000001Z",
        "extra": {"ü": [1, None, "é"], "big": "9007199254740993"},
        "tags": ["x", "y"],
        "address": {"street": "Weg 1", "number": 7},
        "Größe": "AP8=",
    },
    "C1": {"email": "zoë2@x.example", "note": "", "tags": []},
    "ü3": {
        "email": "ada@x.example",
        "note": " ",
        "Besuche": -42,
        "Umsatz": -19.9,
        "ratio": -1e300,
        "active": False,
        "born": "9999-12-31",
        "lastSeen": "2024-07-01T10:00:00Z",
        "signedUp": "1969-12-31T23:59:59.999999Z",
        "extra": [],
        "tags": [],
        "address": {"street": "", "number": 0},
        "Größe": "",
    },
}
COMPARED_HERE = ("duckdb", "redshift")
"""The embedded one compares nothing inside, and Redshift no row with a SUPER in it."""

TRAITS = tuple(name for name in COLUMNS if name != "userId")


@dataclass(frozen=True)
class Words:
    """How an engine writes a table of these columns: the type of each, and a value from its text in `ROWS`.

    `gaps` are traits by person that what runs here in the engine's place gets wrong.
    """

    types: Mapping[str, str]
    values: Mapping[str, Callable[[str], str]]
    before: tuple[str, ...] = ()
    gaps: Mapping[tuple[str, str], Gap] = field(default_factory=dict)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _escaped(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _list(template: str) -> Callable[[str], str]:
    return lambda text: template.format(", ".join(map(_quoted, text.split())))


def _record(template: str) -> Callable[[str], str]:
    return lambda text: template.format(*text.split("|"))


_PLAIN: dict[str, Callable[[str], str]] = {"integer": str, "decimal": str, "boolean": str}

WORDS = {
    "duckdb": Words(
        types={
            "text": "VARCHAR",
            "integer": "BIGINT",
            "decimal": "DECIMAL(38, 9)",
            "float": "DOUBLE",
            "boolean": "BOOLEAN",
            "date": "DATE",
            "time": "TIMESTAMP",
            "instant": "TIMESTAMPTZ",
            "document": "JSON",
            "list": "VARCHAR[]",
            "bytes": "BLOB",
            "record": "STRUCT(street VARCHAR, number INTEGER)",
        },
        values=_PLAIN
        | {
            "text": _quoted,
            "float": str,
            "date": "DATE '{}'".format,
            "time": "TIMESTAMP '{}'".format,
            "instant": "TIMESTAMPTZ '{}'".format,
            "document": _quoted,
            "list": _list("[{}]::VARCHAR[]"),
            "record": _record("{{'street': '{}', 'number': {}}}"),
            "bytes": "from_hex('{}')".format,
        },
    ),
    "postgres": Words(
        before=("CREATE TYPE crm.address AS (street text, number int)",),
        types={
            "text": "text",
            "integer": "bigint",
            "decimal": "numeric",
            "float": "double precision",
            "boolean": "boolean",
            "date": "date",
            "time": "timestamp",
            "instant": "timestamptz",
            "document": "jsonb",
            "list": "text[]",
            "record": "crm.address",
            "bytes": "bytea",
        },
        values=_PLAIN
        | {
            "text": _quoted,
            "float": str,
            "date": "DATE '{}'".format,
            "time": "TIMESTAMP '{}'".format,
            "instant": "TIMESTAMPTZ '{}'".format,
            "document": lambda text: f"{_quoted(text)}::jsonb",
            "list": _list("ARRAY[{}]::text[]"),
            "record": _record("ROW('{}', {})::crm.address"),
            "bytes": "decode('{}', 'hex')".format,
        },
    ),
    "redshift": Words(
        types={
            "text": "VARCHAR(1000)",
            "integer": "BIGINT",
            "decimal": "NUMERIC(38, 9)",
            "float": "DOUBLE PRECISION",
            "boolean": "BOOLEAN",
            "date": "DATE",
            "time": "TIMESTAMP",
            "instant": "TIMESTAMPTZ",
            "document": "SUPER",
            "list": "SUPER",
            "record": "SUPER",
            "bytes": "VARBYTE",
        },
        values=_PLAIN
        | {
            "text": literal,
            "float": str,
            "date": "DATE '{}'".format,
            "time": "TIMESTAMP '{}'".format,
            "instant": "TIMESTAMPTZ '{}'".format,
            "document": lambda text: f"json_parse({literal(text)})",
            "list": lambda text: f"json_parse({literal(json.dumps(text.split()))})",
            "record": _record("""json_parse('{{"street": "{}", "number": {}}}')"""),
            "bytes": "to_varbyte('{}', 'hex')".format,
        },
    ),
    "snowflake": Words(
        types={
            "text": "VARCHAR",
            "integer": "NUMBER(38,0)",
            "decimal": "NUMBER(38,9)",
            "float": "FLOAT",
            "boolean": "BOOLEAN",
            "date": "DATE",
            "time": "TIMESTAMP_NTZ",
            "instant": "TIMESTAMP_TZ",
            "document": "VARIANT",
            "list": "ARRAY",
            "record": "OBJECT",
            "bytes": "BINARY",
        },
        values=_PLAIN
        | {
            "text": lambda text: "'" + text.replace("\\", "\\\\").replace("'", "''") + "'",
            "float": str,
            "date": "'{}'::DATE".format,
            "time": "'{}'::TIMESTAMP_NTZ".format,
            "instant": "'{}'::TIMESTAMP_TZ".format,
            "document": lambda text: f"PARSE_JSON({_quoted(text)})",
            "list": _list("ARRAY_CONSTRUCT({})"),
            "record": _record("OBJECT_CONSTRUCT('street', '{}', 'number', {})"),
            "bytes": "TO_BINARY('{}', 'HEX')".format,
        },
    ),
    "bigquery": Words(
        types={
            "text": "STRING",
            "integer": "INT64",
            "decimal": "NUMERIC(38, 9)",
            "float": "FLOAT64",
            "boolean": "BOOL",
            "date": "DATE",
            "time": "DATETIME",
            "instant": "TIMESTAMP",
            "document": "JSON",
            "list": "ARRAY<STRING>",
            "bytes": "BYTES",
            "record": "STRUCT<street STRING, number INT64>",
        },
        values=_PLAIN
        | {
            "text": _escaped,
            "decimal": "CAST('{}' AS NUMERIC(38, 9))".format,
            "float": str,
            "date": "DATE '{}'".format,
            "time": "DATETIME '{}'".format,
            "instant": "TIMESTAMP '{}'".format,
            "document": lambda text: f"JSON {_escaped(text)}",
            "list": _list("ARRAY<STRING>[{}]"),
            "record": _record("STRUCT('{}' AS street, {} AS number)"),
            "bytes": "FROM_HEX('{}')".format,
        },
    ),
}


@dataclass(frozen=True)
class Told:
    """What one engine's warehouse became."""

    first: SyncRun
    again: SyncRun
    sent: int
    known: int
    profiles: Mapping[str, Profile]

    def read_traits(self, person: str) -> dict[str, object]:
        return {trait.key: trait.value for trait in self.profiles[person].traits}


def test_every_engine_has_its_words() -> None:
    assert {definition.name for definition in DEFINITIONS} == set(WORDS)


@pytest.fixture(scope="module", params=WORDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def told(kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with open_engine(kind, request) as engine:
        _fill(engine)
        yield _go_all_the_way(engine, tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("person", EXPECTED)
@pytest.mark.parametrize("trait", TRAITS)
def test_a_trait_has_the_same_value_and_type_on_each_engine(
    told: Told, kind: str, person: str, trait: str, request: pytest.FixtureRequest
) -> None:
    gap = WORDS[kind].gaps.get((person, trait))
    if gap is not None:
        request.applymarker(gap.to_mark())
    expected, found = EXPECTED[person].get(trait), told.read_traits(person).get(trait)
    assert found == expected
    assert type(found) is type(expected)  # True is not 1, and 42 is not 42.0


def test_people_and_identifiers_are_the_same_on_each_engine(told: Told) -> None:
    assert told.known == len(EXPECTED)
    for person, traits in EXPECTED.items():
        found = {(known.type, known.value) for known in told.profiles[person].identifiers}
        assert found == {("user_id", person), ("email", str(traits["email"]))}
        assert set(told.read_traits(person)) == set(traits)


def test_a_second_unchanged_sync_sends_nothing_on_each_engine(told: Told, kind: str) -> None:
    rows = len(ROWS)
    assert (told.first.state, told.first.sheet.added) == (RunState.SUCCEEDED, rows)
    assert (told.again.state, told.again.sheet.extracted, told.again.sheet.unchanged) == (
        RunState.SUCCEEDED,
        rows,
        rows,
    )
    assert told.sent == rows
    left_the_warehouse = told.again.progress["extracted"]
    assert left_the_warehouse == (rows if kind in COMPARED_HERE else 0)


def _fill(engine: Engine) -> None:
    words = WORDS[engine.kind]
    table = f"crm.{engine.quote('Customers')}"
    columns = ", ".join(f"{engine.quote(name)} {words.types[type_]}" for name, type_ in COLUMNS.items())
    inserts = []
    for row in ROWS:
        pairs = zip(row, COLUMNS.values(), strict=True)
        values = ", ".join("NULL" if text is None else words.values[type_](text) for text, type_ in pairs)
        inserts.append(f"INSERT INTO {table} SELECT {values}")
    engine.run(*words.before, f"CREATE TABLE {table} ({columns})", *inserts)


def _go_all_the_way(engine: Engine, folder: Path) -> Told:
    workspace = open_workspace(str(folder), clock=FixedClock(datetime(2026, 11, 25, tzinfo=UTC)))
    space = ensure_space(workspace)
    add_identifiers(workspace, space.id, ["user_id", "email"])
    sql = f"SELECT {', '.join(map(engine.quote, COLUMNS))} FROM crm.{engine.quote('Customers')}"
    sync = sync_columns(workspace, engine, sql, list(COLUMNS), time_zone=ZONE)
    runs = [execute_run(workspace, request_run(workspace, sync.id).id) for _ in range(2)]
    ProfileBuilder(workspace, space.id, ComputedTraitEngine()).build()
    found = {person: get_profile(workspace, space.id, f"user_id:{person}") for person in EXPECTED}
    sent = len(open_event_log(workspace).read(0, 1_000))
    told = Told(*runs, sent, count_profiles(workspace, space.id), found)
    workspace.close()
    return told
