"""Blocked values: identifiers that name nobody, such as `anonymous` or `000-000`.

Patterns are RE2, whose time grows with the length of the value and nothing else, so no pattern that a person saves
can hang a build. Exact values match in any letter case.

RE2 comes twice: google-re2 keeps a compiled pattern, Arrow compiles it for each call and then takes a fiftieth of the
time for a value. So the few values of a live event go to the one, those of a batch to the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import re2

from core.errors import InvalidField
from core.identity.rule import Identifier, IdentifierRule

FEW_VALUES = 16


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that cannot be used.

    Raises:
        InvalidField: It is not RE2 syntax (there is no look-around and there are no back-references).
    """
    try:
        _match_many(["probe"], pattern)
        _compile(pattern)
    except (pa.ArrowInvalid, re2.error) as error:
        reason = str(error).split(": ", 1)[-1]
        raise InvalidField(
            f"The blocked pattern {pattern!r} is not a valid regular expression ({reason}).",
            hint="Use RE2 syntax, for example ^[0-]*$; look-around and back-references do not exist in it.",
        ) from error


def find_blocked(rules: Sequence[IdentifierRule], identifiers: Iterable[Identifier]) -> set[Identifier]:
    """Return those of `identifiers` that their rule blocks. One pass for a whole batch of messages."""
    by_type: dict[str, list[str]] = {}
    for type_, value in identifiers:
        by_type.setdefault(type_, []).append(value)
    blocked: set[Identifier] = set()
    for rule in rules:
        values = by_type.get(rule.type)
        if not values:
            continue
        exact = {value.casefold() for value in rule.blocked_exact}
        blocked.update(Identifier(rule.type, value) for value in values if value.casefold() in exact)
        for pattern in rule.blocked_patterns:
            blocked.update(Identifier(rule.type, value) for value in _matches(values, pattern))
    return blocked


def _matches(values: list[str], pattern: str) -> list[str]:
    if len(values) > FEW_VALUES:
        return _match_many(values, pattern)
    search = _compile(pattern).search
    return [value for value in values if search(value)]


def _match_many(values: list[str], pattern: str) -> list[str]:
    found = pc.call_function("match_substring_regex", [pa.array(values, pa.large_string())], _make_options(pattern))
    return [values[place] for place in pc.indices_nonzero(found).to_pylist()] if found.true_count else []


@lru_cache(maxsize=256)
def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False  # it would write them to the process's own stderr
    return re2.compile(pattern, options)


@lru_cache(maxsize=256)
def _make_options(pattern: str) -> pc.MatchSubstringOptions:
    return pc.MatchSubstringOptions(pattern)
