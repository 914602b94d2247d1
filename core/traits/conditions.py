"""Conditions on a message's properties: the sixteen operators of a computed trait.

Decisions where the specification is silent: property names and texts match in any letter case, because Flex sends
`direction: Inbound` and `Direction: inbound`; a number and a text that spells it are equal; `not_equals` and
`does_not_contain` hold for a property that is absent; on a list, `contains` asks for an element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.errors import InvalidField
from core.events.message import find_path, parse_time, to_number

MAX_CONDITIONS = 20

_Test = Callable[[object, object], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: the property at a dotted path, an operator, and the value it is compared with."""

    property: str
    operator: str
    value: object = None

    def holds(self, properties: Mapping[str, object]) -> bool:
        """Say whether a message with these properties meets the condition."""
        return _TESTS[self.operator](find_path(properties, self.property), self.value)


def parse_condition(document: object) -> Condition:
    """Return the condition that `document` describes: `{"property", "operator", "value"}`.

    Raises:
        InvalidField: The property or the operator is missing or unknown, or the value does not suit the operator.
    """
    document = document if isinstance(document, dict) else {}
    path, operator, value = document.get("property"), document.get("operator"), document.get("value")
    if not isinstance(path, str) or not path.strip():
        raise InvalidField("A condition names no property.", hint="Name the event property it looks at.")
    if operator not in _TESTS:
        raise InvalidField(
            f"The condition on {path} has the unknown operator {operator!r}.",
            hint=f"Use one of {', '.join(OPERATORS)}.",
        )
    problem = _find_problem(operator, value)
    if problem:
        raise InvalidField(
            f"The condition on {path} cannot be used: {operator} needs {problem}.", hint="Change its value."
        )
    return Condition(path.strip(), operator, value)


def _find_problem(operator: str, value: object) -> str:
    if operator in ("exists", "not_exists"):
        return ""
    if operator in ("equals_one_of", "contains_one_of"):
        is_list = isinstance(value, list | tuple) and len(value) > 0
        return "" if is_list else "a list of values"
    if operator in ("before_date", "after_date"):
        return "" if parse_time(value) is not None else "a date such as 2026-11-24"
    if operator.startswith(("less", "greater")):
        return "" if to_number(value) is not None else "a number"
    is_scalar = isinstance(value, str | int | float) and value != ""
    return "" if is_scalar else "a value"


def _equals(found: object, wanted: object) -> bool:
    text = fold(found)
    if text is None or text == fold(wanted):
        return text is not None
    right = to_number(wanted)
    return right is not None and to_number(found) == right


def _contains(found: object, wanted: object) -> bool:
    if isinstance(found, list):
        return any(_equals(item, wanted) for item in found)
    text, part = fold(found), fold(wanted)
    return text is not None and part is not None and part in text


def fold(value: object) -> str | None:
    """Return a value as the text that is compared, without surrounding blanks and letter case; None if it is none."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip().casefold() if isinstance(value, str | int | float) else None


def _compare_numbers(holds: Callable[[float, float], bool]) -> _Test:
    def test(found: object, wanted: object) -> bool:
        left, right = to_number(found), to_number(wanted)
        return left is not None and right is not None and holds(left, right)

    return test


def _compare_texts(holds: Callable[[str, str], bool]) -> _Test:
    def test(found: object, wanted: object) -> bool:
        left, right = fold(found), fold(wanted)
        return left is not None and right is not None and holds(left, right)

    return test


def _compare_times(*, is_before: bool) -> _Test:
    def test(found: object, wanted: object) -> bool:
        left, right = parse_time(found), parse_time(wanted)
        return left is not None and right is not None and (left < right if is_before else left > right)

    return test


def _any_of(test: _Test) -> _Test:
    return lambda found, wanted: isinstance(wanted, list | tuple) and any(test(found, each) for each in wanted)


_TESTS: dict[str, _Test] = {
    "equals": _equals,
    "not_equals": lambda found, wanted: not _equals(found, wanted),
    "less_than": _compare_numbers(lambda left, right: left < right),
    "greater_than": _compare_numbers(lambda left, right: left > right),
    "less_than_or_equal": _compare_numbers(lambda left, right: left <= right),
    "greater_than_or_equal": _compare_numbers(lambda left, right: left >= right),
    "contains": _contains,
    "does_not_contain": lambda found, wanted: not _contains(found, wanted),
    "starts_with": _compare_texts(lambda left, right: left.startswith(right)),
    "ends_with": _compare_texts(lambda left, right: left.endswith(right)),
    "exists": lambda found, _wanted: found is not None,
    "not_exists": lambda found, _wanted: found is None,
    "before_date": _compare_times(is_before=True),
    "after_date": _compare_times(is_before=False),
    "equals_one_of": _any_of(_equals),
    "contains_one_of": _any_of(_contains),
}
OPERATORS = tuple(_TESTS)
