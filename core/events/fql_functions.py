"""The functions of FQL: each takes any values of a message and fails on none."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Function:
    """A function: what its arguments may be, by position, and what it gives."""

    name: str
    usage: str
    takes: tuple[tuple[str, ...], ...]
    gives: str
    run: Callable[..., Any]


def is_number(value: object) -> bool:
    """Say whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_same(one: object, other: object) -> bool:
    """Say whether two values have the same type and are equal; 1 and 1.0 are one number."""
    if is_number(one) and is_number(other):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return type(one) is type(other) and one == other


@lru_cache(256)
def to_glob(pattern: object) -> re.Pattern[str] | None:
    r"""Return a glob pattern as an expression; None for what is no text. `\` takes the next character as it is."""
    if not isinstance(pattern, str):
        return None
    # In the notation of fnmatch, whose expressions do not run away on a text that nearly matches.
    parts = re.findall(r"\\.|\[[^\]]*\]|.", pattern, re.DOTALL)
    quoted = (f"[{part[1]}]" if len(part) == 2 and part[0] == "\\" else part for part in parts)
    return re.compile(fnmatch.translate("".join(quoted)))


def match_glob(value: object, pattern: re.Pattern[str] | None) -> bool:
    """Say whether the pattern matches the whole text."""
    return isinstance(value, str) and pattern is not None and pattern.match(value) is not None


def _match(value: object, pattern: object) -> bool:
    return match_glob(value, to_glob(pattern if isinstance(pattern, str) else None))


def _contains(value: object, part: object) -> bool:
    return isinstance(value, str) and isinstance(part, str) and part in value


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    return len(value) if isinstance(value, list) else 0


def _typeof(value: object) -> str:
    if value is None:
        return "null"
    if is_number(value):
        return "number"
    return {str: "string", bool: "bool", list: "list"}.get(type(value), "object")


def _bool(value: object) -> bool:
    return bool(value) and value != "false"


def _string(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _number(value: object) -> object:
    if is_number(value):
        return value
    if not isinstance(value, str):
        return None
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return found if is_number(found) else None


def _on_text(change: Callable[[str], str]) -> Callable[[object], str | None]:
    return lambda value: change(value) if isinstance(value, str) else None


_TEXT, _ANYTHING = ("string",), ("string", "number", "bool", "list")

FUNCTIONS: Mapping[str, Function] = {
    function.name: function
    for function in (
        Function("contains", "contains(event, 'Button')", (_TEXT, _TEXT), "bool", _contains),
        Function("match", "match(event, 'Button *')", (_TEXT, _TEXT), "bool", _match),
        Function("length", "length(userId)", (("string", "list"),), "number", _length),
        Function("lowercase", "lowercase(event)", (_TEXT,), "string", _on_text(str.lower)),
        Function("uppercase", "uppercase(event)", (_TEXT,), "string", _on_text(str.upper)),
        Function("snakecase", "snakecase(event)", (_TEXT,), "string", _on_text(lambda text: text.replace(" ", "_"))),
        Function("kebabcase", "kebabcase(event)", (_TEXT,), "string", _on_text(lambda text: text.replace(" ", "-"))),
        Function("titlecase", "titlecase(event)", (_TEXT,), "string", _on_text(str.title)),
        Function("typeof", "typeof(userId)", (_ANYTHING,), "string", _typeof),
        Function("bool", "bool(properties.count)", (_ANYTHING,), "bool", _bool),
        Function("string", "string(properties.count)", (_ANYTHING,), "string", _string),
        Function("number", "number(properties.price)", (_ANYTHING,), "number", _number),
    )
}
