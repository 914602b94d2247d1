"""FQL: what matches, what never fails, and what a person reads who made a mistake."""

from __future__ import annotations

import pytest

from core.errors import InvalidField
from core.events.fql import compile_fql

MESSAGE = {
    "event": "Button Clicked",
    "type": "track",
    "userId": None,
    "context": {"library": {"name": "analytics.js", "version": "1.0"}, "ip": True},
    "properties": {"features": ["discounts", "dark-mode"], "product 1": {"price": 19.99}, "count": 3, "id": "ab*d"},
    "traits": {"email": "Ada@X.example", "plan": "", "note": "ア", "sums": [1, 2]},
}


@pytest.mark.parametrize(
    "query",
    [
        # the examples of the reference
        "event = 'Button Clicked'",
        "type = 'identify' or type = 'track'",
        'event = "Button Clicked" and type = "track"',
        "match( context.library.version, '1.*' )",
        "!match( context.library.version, '2.*' )",
        "type = 'track' and ( event = 'Click' or match( event, 'Button *' ) )",
        "contains( context.library.name, 'js' )",
        "'dark-mode' in properties.features",
        "!('blink' in properties.features)",
        "!( type in ['page', 'identify'] )",
        r"properties.product\ 1.price = 19.99",
        r"match(properties.id, 'ab\*d') and match(properties.id, 'ab[*c]d') and !match('abCd', 'ab[a-z]d')",
        "match('abcd', 'a??d') and match('', '*') and !match('abc', 'ab')",
        # nothing there is null, which no function trips over
        "context.path.path != '/login' and context.path.path = null",
        "length(userId) = 0 and typeof(userId) = 'null' and !contains(userId, 'a') and !match(userId, '*')",
        "lowercase(userId) = null and lowercase(traits.email) = 'ada@x.example'",
        "length(traits.note) = 3 and length(properties.features) = 2",
        "typeof(properties) = 'object' and typeof(properties.features) = 'list' and typeof(context.ip) = 'bool'",
        # types are never mixed
        "properties.count > 2 and properties.count <= 3.0 and properties.count = 3.0 and properties.count != '3'",
        "context.ip = true and context.ip != 1 and context.ip and !(type) and traits.sums = [1, 2.0]",
        "!(event > 1) and !(properties.none < 1) and number('4') > 3 and number(event) = null",
        "string(3) = '3' and bool('false') = false and bool(1) and uppercase('a') = 'A'",
        "snakecase('a b') = 'a_b' and kebabcase('a b') = 'a-b' and titlecase('a b') = 'A B'",
        # and binds more than or, whatever the lines
        "type = 'page' and event = 'x'\n or type = 'track'",
        "orders = null and android = null and input = null",
        r"'it\'s' = \"it's\"".replace('\\"', '"'),
    ],
)
def test_a_query_matches(query: str) -> None:
    assert compile_fql(query)(MESSAGE) is True
    assert compile_fql(f"!({query})")(MESSAGE) is False


@pytest.mark.parametrize(
    ("query", "says", "hint"),
    [
        ("type = ", "Column 7: expected a value, and the filter ends here.", ""),
        ("type == 'track'", "Column 7: expected a value, found =.", "Equality is one =."),
        ("type = 'track", "Column 8: the text that begins here has no end.", "same quotation mark"),
        ("type = 'a' && x = 1", "Column 12: expected an operator, found &&.", "Write and."),
        ("type = 'a' AND x", "Column 12: expected and, or or the end, found AND.", "small letters"),
        ("not x", "Column 5: expected a comparison such as =, and, or or the end, found x.", "Write !"),
        ("!type in ['a']", "Column 7: expected and, or or the end, found in.", "in brackets"),
        ("contain(event, 'x')", "Column 1: there is no function contain.", "Did you mean contains?"),
        ("x = 1 or match(event)", "Column 10: match takes 2 values, not 1.", "match(event, 'Button *')"),
        ("properties.price > '10'", "Column 20: expected a number, found a text.", "number(...)"),
        ("lowercase(event)", "Column 1: expected a condition, found a text.", "Compare it"),
        ("type in 'track'", "Column 9: expected a list, found a text.", "['track', 'page']"),
        ("type in ['a', b]", "Column 15: expected a value of the list, found b].", ""),
        ("(type = 'a'", "Column 12: expected a closing bracket, and the filter ends here.", ""),
        ("x = 1\nand y =", "Line 2, column 8: expected a value, and the filter ends here.", ""),
        ("type = “track”", "Column 8: expected a value, found “track”.", "straight quotation marks"),
        ("!(" * 60 + "x" + ")" * 60, "Column 21: more than 50 brackets inside each other.", "several filters"),
        ("x" * 2_001, "The filter has 2,001 characters.", "2,000"),
        (" \n", "The filter is empty.", 'type = "page"'),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_write(query: str, says: str, hint: str) -> None:
    with pytest.raises(InvalidField) as caught:
        compile_fql(query)
    assert (caught.value.message, caught.value.code) == (says, "invalid_filter")
    assert hint in caught.value.hint


def test_a_pattern_that_nearly_matches_does_not_run_away() -> None:
    # a naive expression would take longer than the universe is old
    assert not compile_fql(f"match(event, '{'*a' * 40}b')")({"event": "a" * 30_000})
