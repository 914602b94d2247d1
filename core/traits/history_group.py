"""One query that groups the picked messages by whose they are, and what its rows are as states of a trait.

A row is a person, or an account, and a part of the trait's window; of a kind that keeps different values, a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.traits.computed_trait import Aggregate, Scope
from core.traits.definition import CompiledTrait
from core.traits.kinds import (
    MICROS,
    Earliest,
    EventCounter,
    Extreme,
    Kind,
    Latest,
    PropertyKind,
    State,
    Total,
    Values,
    tidy,
)
from core.traits.windows import Session, Sliding

_OFFSETS = 1 << 63
_SHIFT = 1 << 50  # more ms than there are between 1970 and the first time there is
_PLACE = f'((at_ms + {_SHIFT})::HUGEINT * {_OFFSETS} + "offset")'  # time, then offset, in one number
_EXACT = 1 << 53  # up to here a whole number is the same as a floating-point one


def make_group_sql(trait: CompiledTrait) -> str:
    """Return the query of (owner, part, part's start, end, newest at, newest offset, what its kind counts)."""
    window, kind = trait.window, trait.kind
    is_account = trait.scope is Scope.ACCOUNT
    who = "account" if is_account else 'owner_of("offset")'
    source = f'(SELECT {who} AS who, "offset", at_ms, value FROM picked'  # noqa: S608
    source += ' WHERE owner_of("offset") > 0)' if is_account else ")"
    part = "0"
    if isinstance(window, Sliding):
        part = f"at_ms // {window.part_ms}"
    elif isinstance(window, Session):
        order = 'OVER (PARTITION BY who ORDER BY at_ms, "offset"'
        is_new = f"CASE WHEN at_ms - lag(at_ms) {order}) <= {window.gap_ms} THEN 0 ELSE 1 END"
        marked = f"SELECT *, {is_new} AS is_new FROM {source}"  # noqa: S608
        source = f"(SELECT *, sum(is_new) {order} ROWS UNBOUNDED PRECEDING) AS part FROM ({marked}))"  # noqa: S608
        part = "part"
    key, group = "NULL", "who, number"
    if isinstance(kind, Values):
        # letters beyond ASCII are made small by the kind, which knows more of them
        key = "value" if kind.is_number else "CASE WHEN strlen(value) = length(value) THEN lower(value) ELSE value END"
        group += ", key"
    keyed = f"SELECT *, {part} AS number, {key} AS key FROM {source}"  # noqa: S608
    counted = f"min(at_ms) AS start, max(at_ms) AS at_ms, max({_PLACE}) AS place, {_aggregate(kind)}"
    grouped = f"SELECT who, number, {counted} FROM ({keyed}) GROUP BY {group}"  # noqa: S608
    names = "who AS owner" if is_account else "people.owner"
    people = "" if is_account else "JOIN people ON people.number = grouped.who"
    offset = f"CAST(place % {_OFFSETS} AS BIGINT)"
    return f"""SELECT {names}, grouped.number, start, at_ms, {offset} AS "offset", grouped.* EXCLUDE
        (who, number, start, at_ms, place) FROM ({grouped}) grouped {people}"""  # noqa: S608


def _aggregate(kind: Kind) -> str:
    if isinstance(kind, EventCounter):
        return "count(*) AS count"
    if isinstance(kind, Total):
        return f"count(*) AS count, sum(CAST(floor(value * {MICROS} + 0.5) AS HUGEINT)) AS micros"
    if isinstance(kind, Extreme):
        return f"{'min' if kind.aggregate is Aggregate.MINIMUM else 'max'}(value) AS value"
    if isinstance(kind, Earliest):
        function = "max" if isinstance(kind, Latest) else "min"
        place = f"{function}({_PLACE})"
        return (
            f"CAST({place} // {_OFFSETS} AS BIGINT) - {_SHIFT} AS seen_at,"
            f" CAST({place} % {_OFFSETS} AS BIGINT) AS seen_offset, arg_{function}(value, {_PLACE}) AS value"
        )
    return "count(*) AS count, min(value) AS value"


def make_state_sql(kind: Kind) -> tuple[str, str]:
    """Return SQL over `counted` for the members of a kind's state, and for the value, NULL where it is not certain."""
    if isinstance(kind, EventCounter):
        return "'\"count\":' || count", "CAST(count AS VARCHAR)"
    if isinstance(kind, Total):
        divisor = MICROS if kind.aggregate is Aggregate.SUM else f"count / {MICROS}"
        value = _tidy_sql(f"(CAST(micros AS DOUBLE) / {divisor})")
        state = "'\"count\":' || count || ',\"micros\":\"' || micros || '\"'"
        return state, f"CASE WHEN abs(micros) < {_EXACT} THEN {value} END"
    shown = "CAST(to_json(value) AS VARCHAR)"
    if isinstance(kind, PropertyKind) and kind.is_number:
        shown = _tidy_sql("value")
    if isinstance(kind, Extreme):
        return f"'\"number\":' || {shown}", shown
    return f"'\"seen\":[' || seen_at || ',' || seen_offset || ',' || {shown} || ']'", shown


def _tidy_sql(number: str) -> str:
    """Return SQL for a number as JSON, as `kinds.tidy` has it."""
    is_whole = f"{number} = floor({number}) AND abs({number}) < {_EXACT}"
    return f"CASE WHEN {is_whole} THEN CAST(CAST({number} AS BIGINT) AS VARCHAR) ELSE CAST({number} AS VARCHAR) END"


def to_part(kind: Kind, counted: Sequence[Any]) -> State:
    """Return what a kind counted in one row as a state of that kind."""
    if isinstance(kind, EventCounter):
        return {"count": counted[0]}
    if isinstance(kind, Total):
        return {"count": counted[0], "micros": str(counted[1])}
    if isinstance(kind, Extreme):
        return {"number": tidy(counted[0])}
    if isinstance(kind, Earliest):
        return {"seen": [counted[0], counted[1], tidy(counted[2])]}
    count, value = counted
    shown = repr(tidy(value)) if isinstance(kind, PropertyKind) and kind.is_number else value
    return {"values": {shown.casefold(): [count, shown]}}
