from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidField
from core.identity.blocked import FEW_VALUES, check_pattern, find_blocked
from core.identity.rule import Identifier, IdentifierRule


def test_exact_values_match_in_any_letter_case_and_patterns_anywhere() -> None:
    rule = IdentifierRule("user_id", 1, blocked_exact=("Void",), blocked_patterns=("^test-", "x{3}"))
    values = ["void", "VOID", "avoid", "test-1", "my test-1", "axxxb", "axxb"]
    found = find_blocked([rule], [Identifier("user_id", value) for value in values])
    assert {identifier.value for identifier in found} == {"void", "VOID", "test-1", "axxxb"}


def test_a_rule_blocks_its_own_type_only() -> None:
    rules = [IdentifierRule("email", 1), IdentifierRule("user_id", 2, blocked_exact=(), blocked_patterns=())]
    assert find_blocked(rules, [Identifier("user_id", "null"), Identifier("phone", "null")]) == set()


@pytest.mark.parametrize("pattern", ["(", "[a-", "(?=look)", r"(a)\1", "*", "a{2000}"])
def test_a_pattern_that_is_not_re2_is_refused_in_words(pattern: str) -> None:
    with pytest.raises(InvalidField, match="not a valid regular expression"):
        check_pattern(pattern)


def test_a_pattern_that_would_never_end_elsewhere_ends() -> None:
    pattern = "^(a+)+$"
    check_pattern(pattern)
    rule = IdentifierRule("user_id", 1, blocked_patterns=(pattern,))
    assert find_blocked([rule], [Identifier("user_id", "a" * 499 + "!")]) == set()


@given(
    st.sampled_from(
        [
            "^[0-]*$",
            "a.b",
            r"(?i)ä|\bx",
            r"\pL{2}$",
            "^$",
            r"[^a]\d",
            r"\x00|\C\n",
            "(?m)^a$",
            "(?s)a.b",
            "a{0,30}b{9}$",
        ]
    ),
    st.lists(
        st.text("aäbÄxX0-9 \n\0\U0001f600\u0301\u0661", max_size=12), min_size=1, max_size=FEW_VALUES, unique=True
    ),
)
def test_the_values_of_an_event_are_blocked_as_those_of_a_batch(pattern: str, values: list[str]) -> None:
    rules = [IdentifierRule("user_id", 1, blocked_exact=(), blocked_patterns=(pattern,))]
    few = [Identifier("user_id", value) for value in values]
    others = [Identifier("user_id", f"other {number}") for number in range(FEW_VALUES)]
    assert find_blocked(rules, few) == find_blocked(rules, [*few, *others]) & set(few)
