"""The properties of an event as columns: flattened, and written as text that the column's type can be made of.

Decisions:
- An object becomes a column for each of its values, down to `MAX_DEPTH`; a list, and what lies deeper, is JSON.
- A column's type is what its first values are: text, number, boolean or time; of two kinds it is text. It stays: no
  engine but Postgres changes it without writing the table anew.
- A text holds every value. A number, a boolean and a time hold what is one or is spelled like one; other values are
  left out there, are told of in the run, and stand in `properties` of the table `track`.
- A number is one of 15 digits, as JSON numbers are everywhere else; a longer whole number is a text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from core.clock import to_iso
from core.events.message import parse_time
from core.profiles_sync.happened import to_text
from core.profiles_sync.layout import EVENT_COLUMNS, ColumnKind
from core.profiles_sync.names import name_column

MAX_DEPTH = 5
Value: TypeAlias = str | int | float | bool
_MOST_EXACT = 10**15
_LEAST, _MOST = 1e-300, 1e300
"""Beyond them an engine refuses the whole batch."""
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.ASCII)
_BOOLEANS = {"true": "true", "false": "false"}


def flatten(properties: object) -> dict[str, Value]:
    """Return the columns of an event's properties; of two that come to the same name the first has it.

    Example:
        >>> flatten({"orderId": 7, "page": {"url": "/"}, "tags": ["a"], "note": None})
        {'order_id': 7, 'page_url': '/', 'tags': '["a"]'}
    """
    found: dict[str, Value] = {}
    if isinstance(properties, Mapping):
        for path, value in _walk(properties, ()):
            found.setdefault(_name(path), value)
    return found


def choose_kind(values: Iterable[Value]) -> ColumnKind:
    """Return the type of a new column that holds these values; blanks say nothing."""
    kinds = {_tell_kind(value) for value in values if value != ""}
    return kinds.pop() if len(kinds) == 1 else ColumnKind.TEXT


def fit(value: Value, kind: ColumnKind | None) -> str | None:
    """Return the value as text for a column of this type; None where it does not fit, and for a blank that is no text.

    Example:
        >>> fit(19.5, ColumnKind.FLOAT), fit("19.5", ColumnKind.FLOAT), fit("much", ColumnKind.FLOAT)
        ('19.5', '19.5', None)
    """
    if kind is ColumnKind.TEXT:
        return to_text(value)
    if kind is ColumnKind.FLOAT:
        return _to_number(value)
    if kind is ColumnKind.BOOLEAN:
        return _BOOLEANS.get(str(value).lower())
    at = parse_time(value) if kind is ColumnKind.TIME and _is_time(value) else None
    return None if at is None else to_iso(at)


def _walk(container: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Value]]:
    for key, value in container.items():
        here = (*path, key)
        if isinstance(value, Mapping) and len(here) < MAX_DEPTH:
            yield from _walk(value, here)
        elif isinstance(value, str | int | float):
            yield here, value
        elif value is not None:
            yield here, to_text(value) or ""


@functools.lru_cache(maxsize=10_000)
def _name(path: tuple[str, ...]) -> str:
    return name_column(path, EVENT_COLUMNS)


def _tell_kind(value: Value) -> ColumnKind:
    if isinstance(value, bool):
        return ColumnKind.BOOLEAN
    if not isinstance(value, str):
        return ColumnKind.FLOAT if _to_number(value) is not None else ColumnKind.TEXT
    return ColumnKind.TIME if _is_time(value) and parse_time(value) is not None else ColumnKind.TEXT


def _to_number(value: Value) -> str | None:
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        return None
    if isinstance(value, int) or (isinstance(value, str) and value.lstrip("-").isdigit()):
        return str(int(value)) if abs(int(value)) < _MOST_EXACT else None
    number = float(value)
    return repr(number) if number == 0 or _LEAST < abs(number) < _MOST else None


def _is_time(value: Value) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None
