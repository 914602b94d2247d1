"""FQL, Segment's Filter Query Language: conditions on a message, such as `type = "track" and event = "Clicked"`.

A query is parsed once and becomes one function of nested closures; it never fails on a message.

Source: https://segment.com/docs/api/public-api/fql. Decisions where it is silent:
- What is not of the type that an operator asks for makes no match: `properties.price > 10` is false for a text, and a
  field that is neither true nor false counts as false in a condition.
- `!` takes a field, a function or something in brackets, so that `!type in [...]` is refused and not misread.
- A missing field is null. `typeof` of a nested object is `"object"`, a type the language has no value for.
- `bool` is false for null, 0, an empty text or list, and the text `false`. `number` of a text that is none is null.
- Types that can be told from the query alone are checked: `properties.price > "10"` is refused where it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, TypeAlias

from lark import Lark, Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from core.errors import InvalidField
from core.events.fql_functions import FUNCTIONS, Function, is_number, is_same, match_glob, to_glob
from core.events.message import Message

MAX_QUERY_CHARS = 2_000
MAX_DEPTH = 50

Condition: TypeAlias = Callable[[Message], bool]
_Evaluate: TypeAlias = Callable[[Message], Any]

TEXT_PATTERN = r"""\"(?:[^"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"""
"""A text of a query with its quotation marks, as a regular expression in which a dot is any character."""
_GRAMMAR = r"""
    ?start: disjunction
    ?disjunction: conjunction ("or" conjunction)*
    ?conjunction: condition ("and" condition)*
    ?condition: "!" atom -> negation
        | atom
        | atom COMPARISON atom -> comparison
        | atom "in" atom -> membership
    ?atom: PATH -> path
        | PATH "(" [disjunction ("," disjunction)*] ")" -> call
        | literal
        | "[" [literal ("," literal)*] "]" -> list
        | "(" disjunction ")"
    ?literal: STRING -> string
        | NUMBER -> number
        | "true" -> true
        | "false" -> false
        | "null" -> null
    COMPARISON: "=" | "!=" | ">=" | "<=" | ">" | "<"
    STRING: /TEXT_PATTERN/s
    NUMBER: /[+-]?\d+(?:\.\d+)?/
    PATH: /(?:[A-Za-z_]|\\.)(?:[A-Za-z0-9_-]|\\.)*(?:\.(?:[A-Za-z0-9_-]|\\.)+)*/
    %ignore /\s+/
""".replace("TEXT_PATTERN", TEXT_PATTERN)


@dataclass(frozen=True, slots=True)
class _Node:
    """A part of a query: what it gives, of which type (`any`: only a message tells), and where it begins."""

    evaluate: _Evaluate
    type: str
    column: int
    line: int
    depth: int = 1
    constant: Any = None
    is_constant: bool = False


@lru_cache(256)
def compile_fql(query: str) -> Condition:
    """Return the query as a function that says whether a message matches it.

    Args:
        query: The condition, on one line or several.

    Raises:
        InvalidField: Code `invalid_filter`: it is no condition; the message says where and what was expected.
    Complexity: O(len(query)) to compile; to match, O(what the query names), glob patterns O(text) each.

    Example:
        >>> compile_fql('type = "track" and contains(event, "Button")')({"type": "track", "event": "Button Clicked"})
        True
    """
    if len(query) > MAX_QUERY_CHARS:
        raise InvalidField(
            f"The filter has {len(query):,} characters.",
            code="invalid_filter",
            hint=f"Write it in at most {MAX_QUERY_CHARS:,}; several filters may do the work of one.",
        )
    if not query.strip():
        raise InvalidField("The filter is empty.", code="invalid_filter", hint='Write one, such as: type = "page"')
    try:
        return _to_condition(_Compiler().transform(_parser().parse(query)))
    except UnexpectedInput as error:
        raise _explain(error, query) from None
    except VisitError as error:
        raise error.orig_exc from None


@lru_cache(1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


@v_args(meta=True)
class _Compiler(Transformer_NonRecursive[Token, _Node]):
    """Makes each rule of the grammar a node, from the inside out."""

    def path(self, meta: Meta, parts: Sequence[Token]) -> _Node:
        keys = [re.sub(r"\\(.)", r"\1", key) for key in re.findall(r"(?:[^.\\]|\\.)+", parts[0])]
        return _Node(_read_path(keys), "any", meta.column, meta.line)

    def string(self, meta: Meta, parts: Sequence[Token]) -> _Node:
        return _constant(meta, re.sub(r"""\\(["'\\])""", r"\1", parts[0][1:-1]), "string")

    def number(self, meta: Meta, parts: Sequence[Token]) -> _Node:
        return _constant(meta, float(parts[0]) if "." in parts[0] else int(parts[0]), "number")

    def true(self, meta: Meta, parts: Sequence[Token]) -> _Node:
        return _constant(meta, True, "bool")

    def false(self, meta: Meta, parts: Sequence[Token]) -> _Node:
        return _constant(meta, False, "bool")

    def null(self, meta: Meta, parts: Sequence[Token]) -> _Node:
        return _constant(meta, None, "null")

    def list(self, meta: Meta, parts: Sequence[_Node | None]) -> _Node:
        return _constant(meta, [part.constant for part in parts if part is not None], "list")

    def call(self, meta: Meta, parts: Sequence[Token | _Node | None]) -> _Node:
        name, *given = parts
        function = _find_function(meta, str(name))
        arguments = [each for each in given if isinstance(each, _Node)]
        if len(arguments) != len(function.takes):
            takes = f"{len(function.takes)} value{'s' if len(function.takes) > 1 else ''}"
            raise _make_error(meta, f"{name} takes {takes}, not {len(arguments)}", f"Write it as {function.usage}.")
        for argument, wanted in zip(arguments, function.takes, strict=True):
            _require(argument, wanted, f"Write it as {function.usage}.")
        return _nest(meta, _call(function, arguments), function.gives, arguments)

    def comparison(self, meta: Meta, parts: Sequence[Any]) -> _Node:
        left, sign, right = parts
        if sign not in ("=", "!="):
            for side in (left, right):
                _require(side, ("number",), "Only numbers are larger or smaller; number(...) makes one of a text.")
        return _nest(meta, _compare(left, str(sign), right), "bool", (left, right))

    def membership(self, meta: Meta, parts: Sequence[_Node]) -> _Node:
        value, options = parts
        _require(options, ("list",), "Write a list, such as ['track', 'page'], or a field that holds one.")
        return _nest(meta, _find_in(value.evaluate, options), "bool", parts)

    def negation(self, meta: Meta, parts: Sequence[_Node]) -> _Node:
        condition = _to_condition(parts[0])
        return _nest(meta, lambda message: not condition(message), "bool", parts)

    def conjunction(self, meta: Meta, parts: Sequence[_Node]) -> _Node:
        first, second, *rest = conditions = tuple(map(_to_condition, parts))
        if not rest:
            return _nest(meta, lambda message: first(message) and second(message), "bool", parts)
        return _nest(meta, lambda message: all(condition(message) for condition in conditions), "bool", parts)

    def disjunction(self, meta: Meta, parts: Sequence[_Node]) -> _Node:
        first, second, *rest = conditions = tuple(map(_to_condition, parts))
        if not rest:
            return _nest(meta, lambda message: first(message) or second(message), "bool", parts)
        return _nest(meta, lambda message: any(condition(message) for condition in conditions), "bool", parts)


def _read_path(keys: Sequence[str]) -> _Evaluate:
    first, *rest = keys

    def read(message: Message) -> Any:
        value: Any = message.get(first)
        for key in rest:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    return read if rest else lambda message: message.get(first)


def _compare(left: _Node, sign: str, right: _Node) -> _Evaluate:
    if sign not in ("=", "!="):
        return _ORDERS[sign](left.evaluate, right.evaluate)
    if left.is_constant and not right.is_constant:
        left, right = right, left
    one, other, constant = left.evaluate, right.evaluate, right.constant
    if right.is_constant and isinstance(constant, str):
        return (lambda message: one(message) == constant) if sign == "=" else lambda message: one(message) != constant
    if sign == "=":
        return lambda message: is_same(one(message), other(message))
    return lambda message: not is_same(one(message), other(message))


def _order(holds: Callable[[Any, Any], bool]) -> Callable[[_Evaluate, _Evaluate], _Evaluate]:
    def make(one: _Evaluate, other: _Evaluate) -> _Evaluate:
        def compare(message: Message) -> bool:
            first, second = one(message), other(message)
            return is_number(first) and is_number(second) and holds(first, second)

        return compare

    return make


_ORDERS: Final = {
    ">": _order(lambda one, other: one > other),
    ">=": _order(lambda one, other: one >= other),
    "<": _order(lambda one, other: one < other),
    "<=": _order(lambda one, other: one <= other),
}


def _find_in(value: _Evaluate, options: _Node) -> _Evaluate:
    if options.is_constant and all(isinstance(each, str) for each in options.constant):
        texts = frozenset(options.constant)
        return lambda message: isinstance(found := value(message), str) and found in texts

    def find(message: Message) -> bool:
        found, listed = value(message), options.evaluate(message)
        return isinstance(listed, list) and any(is_same(found, each) for each in listed)

    return find


def _call(function: Function, arguments: Sequence[_Node]) -> _Evaluate:
    run, (first, *rest) = function.run, (each.evaluate for each in arguments)
    if function.name == "match" and arguments[1].is_constant:
        pattern = to_glob(arguments[1].constant)
        return lambda message: match_glob(first(message), pattern)
    if not rest:
        return lambda message: run(first(message))
    second = rest[0]
    return lambda message: run(first(message), second(message))


def _to_condition(node: _Node) -> Condition:
    _require(node, ("bool",), "Compare it with something, such as: … = 'track'")
    evaluate = node.evaluate
    return evaluate if node.type == "bool" else lambda message: evaluate(message) is True


def _find_function(meta: Meta, name: str) -> Function:
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    close = get_close_matches(name.lower(), FUNCTIONS, 1)
    hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(FUNCTIONS)}."
    raise _make_error(meta, f"there is no function {name}", hint)


def _constant(meta: Meta, value: Any, type_: str) -> _Node:
    return _Node(lambda _: value, type_, meta.column, meta.line, constant=value, is_constant=True)


def _nest(meta: Meta, evaluate: _Evaluate, type_: str, parts: Sequence[_Node]) -> _Node:
    depth = 1 + max((part.depth for part in parts), default=0)
    if depth > MAX_DEPTH:
        raise _make_error(meta, f"more than {MAX_DEPTH} brackets inside each other", "Make several filters of it.")
    return _Node(evaluate, type_, meta.column, meta.line, depth)


def _require(node: _Node, types: Sequence[str], hint: str) -> None:
    if node.type not in (*types, "any", "null"):
        wanted = " or ".join(_NAMES[type_] for type_ in types)
        raise _make_error(node, f"expected {wanted}, found {_NAMES[node.type]}", hint)


_NAMES: Final = {"bool": "a condition", "string": "a text", "number": "a number", "list": "a list"}


def _explain(error: UnexpectedInput, query: str) -> InvalidField:
    """Return what the parser says in words of the language."""
    wanted: set[str] = set(getattr(error, "allowed", None) or getattr(error, "accepts", None) or ())
    place = _Place(error.line, error.column)
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        lines = query.rstrip().split("\n")
        place = _Place(len(lines), len(lines[-1]) + 1)
    rest = query.split("\n")[place.line - 1][place.column - 1 :].strip()
    if "PATH" in wanted:
        if rest[:1] in ('"', "'") and isinstance(error, UnexpectedCharacters):
            return _make_error(place, "the text that begins here has no end", "Close it with the same quotation mark.")
        expected = "a value"
    elif "STRING" in wanted:
        expected = "a value of the list"
    elif isinstance(error, UnexpectedCharacters):
        expected = "an operator"  # the parser knows more than one that could follow, and which of them fits only later
    else:
        expected = _list_signs(wanted)
    found = f"found {_shorten(rest)}" if rest else "and the filter ends here"
    return _make_error(place, f"expected {expected}, {found}", _find_hint(query, rest, place))


def _list_signs(wanted: set[str]) -> str:
    signs = [words for token, words in _SIGNS.items() if token in wanted]
    return f"{', '.join(signs[:-1])} or {signs[-1]}" if len(signs) > 1 else "".join(signs)


_SIGNS: Final = {
    "COMPARISON": "a comparison such as =",
    "AND": "and",
    "OR": "or",
    "COMMA": "a comma",
    "RPAR": "a closing bracket",
    "RSQB": "a closing square bracket",
    "$END": "the end",
}


def _find_hint(query: str, rest: str, place: _Place) -> str:
    before = query.split("\n")[place.line - 1][: place.column - 1].split()
    word = re.match(r"\w*", rest)
    if before[-1:] in (["not"], ["NOT"]):
        return "Write ! before the condition: !contains(event, 'Button')."
    if word and word.group() == "in" and any(each.startswith("!") for each in before):
        return "Put what ! negates in brackets: !(type in ['track'])."
    for begins, hint in _HINTS.items():
        if rest.startswith(begins) if not begins.isalpha() else word and word.group() == begins:
            return hint
    return "Examples: type = 'track' and event = 'Button Clicked'; contains(context.page.url, '/internal')."


_HINTS: Final = {
    "=": "Equality is one =.",
    "&": "Write and.",
    "|": "Write or.",
    "AND": "Write and, in small letters.",
    "OR": "Write or, in small letters.",
    "“": "Use straight quotation marks.",
}


@dataclass(frozen=True, slots=True)
class _Place:
    line: int
    column: int


def _make_error(place: _Place | _Node | Meta, what: str, hint: str) -> InvalidField:
    where = f"Column {place.column}" if place.line == 1 else f"Line {place.line}, column {place.column}"
    context = {"line": place.line, "column": place.column}
    return InvalidField(f"{where}: {what}.", code="invalid_filter", hint=hint, context=context)


def _shorten(text: str) -> str:
    shown = text.split()[0]
    return shown if len(shown) <= 20 else f"{shown[:20]}…"
