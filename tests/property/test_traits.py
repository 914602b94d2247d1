"""Computed traits: the history counted by DuckDB is what counting message by message gives, in any order of arrival."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import duckdb
import orjson
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import to_iso, to_millis
from core.events.history.day_file import to_table
from core.events.message import Message, read_timestamp_ms
from core.traits.computed_trait import Aggregate, TraitKind
from core.traits.conditions import OPERATORS
from core.traits.definition import CompiledTrait, compile_definition
from core.traits.history_count import HistoryCount
from core.traits.kinds import State
from core.traits.owner_map import OWNERS, OwnerMap
from core.traits.states import Counted, merge_into, observe_into, read_counted
from tests.sizes import examples

START = datetime(2026, 11, 1, tzinfo=UTC)
NOW = START + timedelta(days=20)
PATHS = ("direction", "page.url", "Größe", "a.b.c", 'odd"name', "7")
TEXTS = st.sampled_from(
    [
        "Inbound",
        " inbound ",
        "OUTBOUND",
        "",
        " ",
        "in",
        "İ",
        "straße",
        "STRASSE",
        "NaN",
        "inf",
        "1_0",
        "+5",
        "5",
        "05",
        "5.0",
        "1e3",
        "soon",
        "2026-11-24",
        "2026-11-24T10:00:00Z",
        "2026-11-24T24:00:00Z",
        'a"b',
        "line\nline",
        "x" * 600,
    ]
)
SCALARS = (
    TEXTS
    | st.integers(-5, 12)
    | st.sampled_from([0.1, 0.2, 2.5, 5.0, -0.0, 1e16, 1e300, 12345678901234567, True, False, None])
)
OLD = ("1970-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "1960-02-29", "1970-01-01T00:30:00+01:00")
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.just({"b": {"c": 1}})


@st.composite
def properties(draw: st.DrawFn) -> object:
    found: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=3, unique=True)):
        value, form = draw(VALUES), draw(st.sampled_from(["nested", "dotted", "upper", "nested"]))
        if form == "dotted" or "." not in path:
            found[path.upper() if form == "upper" else path] = value
            continue
        head, *rest = [part.upper() for part in path.split(".")] if form == "upper" else path.split(".")
        inner: object = value
        for key in reversed(rest):
            inner = {key: inner}
        found[head] = inner
    return draw(st.sampled_from([found, found, found, found, [found], "text"]))


@st.composite
def messages(draw: st.DrawFn) -> list[Message]:
    made = []
    for number in range(draw(st.integers(1, 14))):
        at = START + timedelta(minutes=draw(st.integers(0, 25 * 1440)), milliseconds=draw(st.integers(0, 3)))
        type_ = draw(st.sampled_from(["track", "track", "track", "page", "identify"]))
        message: Message = {"type": type_, "messageId": f"m{number}", "properties": draw(properties())}
        message["event" if type_ == "track" else "name"] = draw(st.sampled_from(["Bought", "Bought", "Other", None]))
        message["timestamp"] = draw(
            st.sampled_from([to_iso(at), to_iso(at), at.isoformat(), "2026-11-03T10:00:00+02:00", *OLD, "never", None])
        )
        message["context"] = {"groupId": draw(st.sampled_from(["acme", " acme ", "Straße", 7, None]))}
        made.append(message)
    return made


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, object]:
    operator = draw(st.sampled_from(OPERATORS))
    value: object = draw(TEXTS.filter(bool) | st.integers(-5, 12) | st.just(2.5))
    if operator.endswith("one_of"):
        value = draw(st.lists(TEXTS.filter(bool) | st.integers(0, 9), min_size=1, max_size=3))
    elif operator.endswith("date"):
        value = draw(st.sampled_from(["2026-11-24", "2026-11-24T10:00:00Z"]))
    elif operator.startswith(("less", "greater")):
        value = draw(st.sampled_from([5, "2.5", 0, 1e16]))
    return {"property": draw(st.sampled_from(PATHS)), "operator": operator, "value": value}


@st.composite
def traits(draw: st.DrawFn) -> CompiledTrait:
    kind = draw(st.sampled_from(list(TraitKind)))
    definition = {
        "message_type": draw(st.sampled_from(["track", "track", "page"])),
        "event": "Bought",
        "conditions": draw(st.lists(conditions(), max_size=2)),
        "property": draw(st.sampled_from(PATHS)),
        "value_type": draw(st.sampled_from(["text", "number"])),
        "aggregate": draw(st.sampled_from(list(Aggregate))),
        "scope": draw(st.sampled_from(["user", "user", "account"])),
        "window": draw(
            st.sampled_from(
                [
                    {"type": "lifetime"},
                    {"type": "sliding", "days": 3},
                    {"type": "sliding", "days": 15},
                    {"type": "session", "inactivity_minutes": 4 * 1440},
                ]
            )
        ),
    }
    return compile_definition(kind, definition)


def count_live(trait: CompiledTrait, log: Sequence[Message], order: Sequence[int]) -> dict[str, State]:
    """Count the messages in this order as the builder does, each person's in two profiles that are merged then."""
    halves: dict[tuple[str, int], State] = {}
    for place, number in enumerate(order):
        message = log[number]
        taken, owner = trait.take_message(message), trait.find_owner(f"use_{number % 3}", message)
        at_ms = read_timestamp_ms(message, START)
        if taken is not None and owner is not None and at_ms >= 0:  # none before 1970 counts
            observe_into(halves.setdefault((owner, place % 2), {}), trait, taken, at_ms, number + 1)
    merged: dict[str, State] = {}
    for (owner, _), state in sorted(halves.items()):
        state = orjson.loads(orjson.dumps(state))  # as it comes from the store
        merge_into(merged.setdefault(owner, {}), trait, state)
    return merged


class Counting(NamedTuple):
    counted: list[Counted]
    observed: int


def count_history(trait: CompiledTrait, log: Sequence[Message]) -> Counting:
    rows = [
        (n, "src", m["messageId"], m["type"], m.get("event") or m.get("name"), None, to_millis(START), orjson.dumps(m))
        for n, m in enumerate(log, start=1)
    ]
    owners = pa.table(
        {"owner": [f"use_{n % 3}" for n in range(len(log))], "offsets": [[n] for n in range(1, len(log) + 1)]}, OWNERS
    )
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("events", to_table(rows))
        with OwnerMap(database, 1, len(log), lambda _: [owners]) as who:
            count = HistoryCount(database, trait, who)
        return Counting(list(count.read(lambda: to_millis(NOW))), count.observed)


def read(trait: CompiledTrait, states: dict[str, State]) -> list[Counted]:
    return [read_counted(trait, owner, state, to_millis(NOW)) for owner, state in sorted(states.items())]


def parse(counted: list[Counted]) -> list[tuple[object, ...]]:
    """Return what the texts say, each value with its type: a whole number is not the same as a fraction."""
    values = [orjson.loads(each.value or "null") for each in counted]
    return [
        (each._replace(state=orjson.loads(each.state), value=value), type(value))
        for each, value in zip(counted, values, strict=True)
    ]


@settings(max_examples=examples(30), deadline=None)
@given(log=messages(), wanted=st.lists(traits(), min_size=2, max_size=2), seed=st.integers(0, 1_000))
def test_the_history_is_what_counting_message_by_message_gives_in_any_order(
    log: list[Message], wanted: list[CompiledTrait], seed: int
) -> None:
    order = list(range(len(log)))
    for trait in wanted:
        live = parse(read(trait, count_live(trait, log, order)))
        random.Random(seed).shuffle(order)
        assert parse(read(trait, count_live(trait, log, order))) == live
        assert parse(count_history(trait, log).counted) == live


def test_every_operator_is_certain_about_what_flex_sends(  # else the history would be counted one by one
) -> None:
    sent = itertools.product(["Inbound", "Outbound", None], [30, 2.5], ["2026-11-24T10:00:00Z"])
    log = [
        {"type": "track", "event": "Bought", "messageId": f"m{number}", "timestamp": to_iso(START)}
        | {"properties": {"direction": direction, "duration": duration, "at": at}}
        for number, (direction, duration, at) in enumerate(sent)
    ]
    for operator in OPERATORS:
        name, value = ("duration", 3) if operator.startswith(("less", "greater")) else ("direction", "Inbound")
        if operator.endswith("date"):
            name, value = "at", "2026-11-24"
        condition = {"property": name, "operator": operator, "value": ["in"] if operator.endswith("of") else value}
        trait = compile_definition("event_counter", {"event": "Bought", "conditions": [condition]})
        assert count_history(trait, log).observed <= 2, operator  # those without a direction
