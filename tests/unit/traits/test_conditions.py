"""The sixteen operators of a condition, each where it holds and where it does not."""

from __future__ import annotations

import pytest

from core.errors import InvalidField
from core.traits.conditions import OPERATORS, parse_condition

CASES = {
    "equals": ("Inbound", ["inbound", " INBOUND "], ["outbound", None, ["inbound"]]),
    "not_equals": ("Inbound", ["outbound", None], ["inbound"]),
    "less_than": (5, [4, "4.5"], [5, 6, "x", None, True]),
    "greater_than": ("5", [6, "5.5"], [5, "x", None]),
    "less_than_or_equal": (5, [5, "5"], [5.1, None]),
    "greater_than_or_equal": (5, [5, "7"], [4.9, None]),
    "contains": ("ice", ["Voice", ["ICE", "x"]], ["chat", ["Voice"], None]),
    "does_not_contain": ("ice", ["chat", None, ["Voice"]], ["VOICE", ["ice"]]),
    "starts_with": ("Vo", ["voice"], ["invoice", None]),
    "ends_with": ("ICE", ["voice"], ["iced", None]),
    "exists": (None, ["", 0, False], [None]),
    "not_exists": (None, [None], ["", 0]),
    "before_date": ("2026-11-24", ["2026-11-23T23:59:59Z"], ["2026-11-24T00:00:00Z", "yesterday", None]),
    "after_date": ("2026-11-24", ["2026-11-24T00:00:01Z"], ["2026-11-24", "2026-11-24T01:00:00+02:00", None]),
    "equals_one_of": (["a", 2], ["A", 2, "2"], ["b", None]),
    "contains_one_of": (["a", "z"], ["Cat", "zoo"], ["dog", None]),
}


def test_every_operator_has_its_case() -> None:
    assert set(CASES) == set(OPERATORS)
    assert len(OPERATORS) == 16


@pytest.mark.parametrize("operator", CASES)
def test_an_operator_holds_for_what_it_says(operator: str) -> None:
    value, yes, no = CASES[operator]
    condition = parse_condition({"property": "direction", "operator": operator, "value": value})
    assert [condition.holds({"Direction": found}) for found in yes] == [True] * len(yes)
    assert [condition.holds({"Direction": found}) for found in no] == [False] * len(no)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"property": " ", "operator": "equals", "value": 1},
        {"property": "a", "operator": "resembles", "value": 1},
        {"property": "a", "operator": "equals", "value": ""},
        {"property": "a", "operator": "less_than", "value": "many"},
        {"property": "a", "operator": "before_date", "value": "soon"},
        {"property": "a", "operator": "equals_one_of", "value": []},
    ],
)
def test_a_condition_that_cannot_be_used_is_refused_with_a_hint(document: object) -> None:
    with pytest.raises(InvalidField) as caught:
        parse_condition(document)
    assert caught.value.hint
