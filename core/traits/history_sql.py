"""A trait's conditions and values as DuckDB SQL that is certain or says that it is not.

The live path (`core/traits/conditions.py`, `kinds.py`) says what a trait means. What SQL finds must be exactly that, so
each expression here is NULL wherever the two could differ: letters beyond ASCII, a number in an odd spelling, a
property in another letter case. Those few messages are read by the live path's own code (`history_pick.py`).

Values are the JSON texts of `json_extract`, `"Inbound"` with its quotes, so that a text differs from a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from core.clock import from_millis
from core.events.json_sql import MACROS as JSON_MACROS
from core.events.json_sql import quote, spell_path
from core.events.message import MessageType, parse_time, to_number
from core.traits.computed_trait import Scope
from core.traits.conditions import Condition, fold
from core.traits.definition import ACCOUNT_PREFIX, CompiledTrait
from core.traits.kinds import MAX_SUMMED, MAX_TEXT_CHARS, EventCounter, PropertyKind, Total

MACROS = (
    JSON_MACROS
    + """
CREATE OR REPLACE TEMP MACRO spelled_number(s) AS CASE
    WHEN regexp_full_match(s, '-?[0-9]{1,15}([.][0-9]{1,9})?') THEN TRY_CAST(s AS DOUBLE) END;
CREATE OR REPLACE TEMP MACRO is_no_number(s) AS s = '' OR regexp_matches(s, '[^-0-9eE+._ ]');
CREATE OR REPLACE TEMP MACRO finite(n) AS CASE WHEN isfinite(n) THEN n END;
-- the number of a value; NULL where it has none or it is not certain, which is_numeric tells apart
CREATE OR REPLACE TEMP MACRO number_of(v) AS CASE
    WHEN is_text(v) THEN CASE WHEN is_plain(v) THEN spelled_number(inner_text(v)) END
    WHEN is_other(v) THEN NULL ELSE finite(TRY_CAST(v AS DOUBLE)) END;
CREATE OR REPLACE TEMP MACRO is_numeric(v) AS CASE
    WHEN number_of(v) IS NOT NULL THEN true
    WHEN is_text(v) THEN CASE WHEN is_plain(v) AND is_no_number(inner_text(v)) THEN false END
    WHEN is_other(v) THEN false END;
-- the text of a value as it was sent, without what surrounds it; NULL where it has none or it is not certain
CREATE OR REPLACE TEMP MACRO text_of(v) AS CASE
    WHEN is_text(v) THEN CASE WHEN is_plain(v) AND strlen(v) <= {most} THEN inner_text(v) END
    WHEN v IN ('true', 'false') THEN v
    WHEN regexp_full_match(v, '0|-?[1-9][0-9]{0,14}') THEN v END;
""".replace("{most}", str(MAX_TEXT_CHARS))
)


@dataclass(slots=True)
class Extraction:
    """The JSON paths that a query reads of each body, all in one pass, and the columns made of them."""

    paths: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    def read(self, *keys: str) -> str:
        """Return the name of the column with the value at these keys."""
        return self._name(self._extract(keys))

    def read_property(self, path: str) -> str:
        """Return the name of the column with the value at a dotted path of the properties, spelled exactly so."""
        if not _is_plain_path(path):
            return self._name("CAST(NULL AS VARCHAR)")
        found = [self._extract(("properties", *keys)) for keys in _split(path)]
        return self._name(_find_first(*found))

    def _extract(self, keys: tuple[str, ...]) -> str:
        path = spell_path(*keys)
        if path not in self.paths:
            self.paths.append(path)
        return f"CAST(x[{self.paths.index(path) + 1}] AS VARCHAR)"

    def _name(self, column: str) -> str:
        if column not in self.columns:
            self.columns.append(column)
        return f"v{self.columns.index(column)}"


@dataclass(frozen=True, slots=True)
class TraitSql:
    """The parts of the query of one trait: `paths` are extracted into a list `x`, of which `columns` v0, v1 … are made.

    The others are expressions over `body` and those columns:
    `is_wanted` is false where a message certainly does not count and NULL where it is not certain; `value` is what
    counts of it, `at_us` its time and `owner` its account, each NULL where it is not certain.
    """

    paths: tuple[str, ...]
    columns: tuple[str, ...]
    is_wanted: str
    value: str
    value_type: str
    at_us: str
    owner: str | None


def make_trait_sql(trait: CompiledTrait) -> TraitSql:
    """Return the SQL of a trait."""
    extraction = Extraction()
    tests = [_make_test(condition, extraction) for condition in trait.conditions]
    kind, value, value_type = trait.kind, "1", "INTEGER"
    if isinstance(kind, PropertyKind):
        value_type = "DOUBLE" if kind.is_number else "VARCHAR"
        value, has_value = _make_value(kind, extraction)
        tests.append(has_value)
    elif not isinstance(kind, EventCounter):
        raise TypeError(f"no SQL for {type(kind).__name__}")
    if trait.event is not None and trait.message_type != MessageType.TRACK:
        name = extraction.read("name")
        same = f"{name} = CAST(to_json({quote(trait.event)}) AS VARCHAR)"
        is_other = f"NOT contains({name}, '\\')"
        tests.append(f"CASE WHEN {name} IS NULL THEN false WHEN {same} THEN true WHEN {is_other} THEN false END")
    owner = None
    if trait.scope is Scope.ACCOUNT:
        raw = _find_first(extraction.read("groupId"), extraction.read("context", "groupId"))
        tests.append(f"{raw} IS NOT NULL")
        owner = (
            f"CASE WHEN is_text({raw}) AND is_plain({raw}) AND NOT contains({raw}, chr(127))"
            f" AND strlen({raw}) <= {MAX_TEXT_CHARS} THEN {quote(ACCOUNT_PREFIX)} || nullif(inner_text({raw}), '') END"
        )
    at_us = f"time_of({extraction.read('timestamp')})"
    paths, columns = tuple(extraction.paths), tuple(extraction.columns)
    return TraitSql(paths, columns, " AND ".join(tests) or "true", value, value_type, at_us, owner)


def _find_first(*found: str) -> str:
    """Return SQL for the first of these JSON texts that is there and is not null."""
    each = [f"nullif({one}, 'null')" for one in found]
    return f"coalesce({', '.join(each)})" if len(each) > 1 else each[0]


def _make_value(kind: PropertyKind, extraction: Extraction) -> tuple[str, str]:
    found = extraction.read_property(kind.path)
    absent = _certainly_absent(kind.path)
    if kind.is_number:
        value, has_none = f"number_of({found})", f"is_numeric({found}) = false"
        counts = f"abs({value}) <= {MAX_SUMMED!r}" if isinstance(kind, Total) else f"{value} IS NOT NULL"
        has_none += f" OR {value} IS NOT NULL"
    else:
        value, has_none = f"nullif(text_of({found}), '')", f"{found}[1] IN ('{{', '[') OR text_of({found}) = ''"
        counts = f"{value} IS NOT NULL"
    # NULL, which is not certain, where there is no value that SQL can tell
    return value, f"CASE WHEN {counts} THEN true WHEN {found} IS NULL THEN {absent} WHEN {has_none} THEN false END"


def _certainly_absent(path: str) -> str:
    """Return SQL that is false where no spelling of the path occurs in the body, and NULL where one might."""
    last = path.rsplit(".", 1)[-1]
    if not path.isascii() or not _is_plain_path(path):
        return "NULL"
    key = quote(f'{last.lower()}"')
    return f"CASE WHEN contains(body, '\\u') OR contains(lower(body), {key}) THEN NULL ELSE false END"


def _is_plain_path(path: str) -> bool:
    return not any(char in path for char in '"\\*') and all(path.split("."))


def _split(path: str) -> list[tuple[str, ...]]:
    """Return the ways to read a dotted path, in the order of `core.events.message.find_path`."""
    head, dot, rest = path.partition(".")
    return [(path,), *((head, *keys) for keys in _split(rest))] if dot else [(path,)]


def _make_test(condition: Condition, extraction: Extraction) -> str:
    found = extraction.read_property(condition.property)
    absent, holds = _certainly_absent(condition.property), _OPERATORS[condition.operator]
    if_absent = condition.operator in ("not_equals", "does_not_contain", "not_exists")
    when_absent = f"CASE WHEN {absent} = false THEN {str(if_absent).lower()} END"
    return f"CASE WHEN {found} IS NULL THEN {when_absent} ELSE {holds(found, condition.value)} END"


def _equals(found: str, wanted: object) -> str:
    if to_number(wanted) is not None:
        return _compare_numbers("=")(found, wanted)
    text = fold(wanted)
    if text is None:
        return "false"
    return (
        f"CASE WHEN is_text({found}) THEN"
        f" CASE WHEN is_plain({found}) THEN lower(inner_text({found})) = {quote(text)} END"
        f" WHEN {found} IN ('true', 'false') THEN {found} = {quote(text)} ELSE false END"
    )


def _compare_numbers(sign: str) -> Callable[[str, object], str]:
    def make(found: str, wanted: object) -> str:
        number = _double(to_number(wanted) or 0.0)
        holds = f"WHEN number_of({found}) IS NOT NULL THEN number_of({found}) {sign} {number}"
        return f"CASE {holds} WHEN is_numeric({found}) = false THEN false END"

    return make


def _compare_texts(function: str) -> Callable[[str, object], str]:
    def make(found: str, wanted: object) -> str:
        text = fold(wanted)
        if text is None:
            return "false"
        return (
            f"CASE WHEN {found}[1] = '[' THEN {'NULL' if function == 'contains' else 'false'}"
            f" WHEN {found}[1] = '{{' THEN false"
            f" WHEN is_text({found}) THEN CASE WHEN is_plain({found}) THEN"
            f" {function}(lower(inner_text({found})), {quote(text)}) END"
            f" ELSE {function}(text_of({found}), {quote(text)}) END"
        )

    return make


def _compare_times(sign: str) -> Callable[[str, object], str]:
    def make(found: str, wanted: object) -> str:
        at = parse_time(wanted)
        micros = 0 if at is None else (at - from_millis(0)) // timedelta(microseconds=1)
        return f"CASE WHEN is_text({found}) THEN time_of({found}) {sign} {micros} ELSE false END"

    return make


def _any_of(make: Callable[[str, object], str]) -> Callable[[str, object], str]:
    def make_any(found: str, wanted: object) -> str:
        each = wanted if isinstance(wanted, list | tuple) else ()
        return " OR ".join(f"({make(found, one)})" for one in each) or "false"

    return make_any


def _double(number: float) -> str:
    return f"CAST('{number!r}' AS DOUBLE)"


_OPERATORS: dict[str, Callable[[str, object], str]] = {
    "equals": _equals,
    "not_equals": lambda found, wanted: f"NOT ({_equals(found, wanted)})",
    "less_than": _compare_numbers("<"),
    "greater_than": _compare_numbers(">"),
    "less_than_or_equal": _compare_numbers("<="),
    "greater_than_or_equal": _compare_numbers(">="),
    "contains": _compare_texts("contains"),
    "does_not_contain": lambda found, wanted: f"NOT ({_compare_texts('contains')(found, wanted)})",
    "starts_with": _compare_texts("starts_with"),
    "ends_with": _compare_texts("ends_with"),
    "exists": lambda _found, _wanted: "true",
    "not_exists": lambda _found, _wanted: "false",
    "before_date": _compare_times("<"),
    "after_date": _compare_times(">"),
    "equals_one_of": _any_of(_equals),
    "contains_one_of": _any_of(_compare_texts("contains")),
}
