"""What a text calls, by the name that stands before each bracket.

SQLGlot gives most functions a node of their own and forgets how they were written, and it knows more names than an
engine has: `uuid_string()` in Postgres could be anybody's function. So names are taken from the tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from core.sql_models.pure_functions import read_words

# Words that may stand before a bracket and are no function. Where such a word is used as one, SQLGlot gives it a node
# that is refused, or an anonymous one whose name is looked up.
_SYNTAX = read_words(
    """and any as asc at before between by case cross cube desc distinct else end except exclude exclusive filter first
    following for from full full_outer group grouping having ilike in inner intersect into is join lateral left like
    limit materialized minus not offset on or order outer over partition pivot preceding qualify recursive rename
    replace rlike rollup row rows sample select semi sets similar skip some system table tablesample then to top union
    unpivot using values when where window with within bernoulli reservoir all escape natural anti asof positional
    ordinality only connect start prior"""
)
_TYPES = read_words(
    """array bigdecimal bigint bignumeric binary bit blob bool boolean bpchar bytea bytes char character datetime dec
    decimal double enum float float4 float8 geography geometry int int2 int4 int8 integer interval json jsonb map
    nchar number numeric nvarchar object precision real smallint string struct super text time timestamp timestamp_ltz
    timestamp_ntz timestamp_tz timestamptz timetz tinyint tuple union utinyint varbinary varbit varbyte varchar
    variant varying vector hugeint ubigint uinteger"""
)
_NAMESPACES = {"bigquery": ("hll_count", "kll_quantiles")}


@dataclass(frozen=True, slots=True)
class Call:
    """One name before a bracket, in lower case; `offset` is where it starts. `odd` says what is wrong with its form."""

    name: str
    offset: int
    odd: str = ""


def find_calls(tokens: Sequence[Token], root: exp.Expr, dialect: str) -> Iterator[Call]:
    """Yield what is called, in the order of the text; syntax, types and column lists of aliases are left out."""
    aliases = _find_column_lists(root)
    for index in range(len(tokens) - 1):
        token = tokens[index]
        if tokens[index + 1].token_type is not TokenType.L_PAREN or not _is_word(token) or token.start in aliases:
            continue
        name = token.text.lower()
        if index and tokens[index - 1].token_type is TokenType.DOT:
            yield from _read_dotted(tokens, index, dialect)
        elif token.token_type is TokenType.IDENTIFIER:
            yield Call(name, token.start, "is written in quotes")
        elif name.split()[-1] not in _SYNTAX | _TYPES:
            yield Call(name, token.start)


def _read_dotted(tokens: Sequence[Token], index: int, dialect: str) -> Iterator[Call]:
    token = tokens[index]
    if token.token_type in (TokenType.IN, TokenType.LIKE):
        return
    start = index
    while start >= 2 and tokens[start - 1].token_type is TokenType.DOT:
        start -= 2
    path = [tokens[at].text.lower() for at in range(start, index + 1, 2)]
    if dialect == "bigquery" and path[0] == "safe" and len(path) == 2:
        yield Call(path[1], token.start)
    elif len(path) == 2 and path[0] in _NAMESPACES.get(dialect, ()):
        yield Call(".".join(path), tokens[start].start)
    else:
        yield Call(".".join(path), tokens[start].start, "is called through a dot")


def _is_word(token: Token) -> bool:
    return token.token_type is TokenType.IDENTIFIER or (
        token.token_type not in (TokenType.STRING, TokenType.NUMBER) and token.text[:1].replace("_", "a").isalpha()
    )


def _find_column_lists(root: exp.Expr) -> frozenset[int]:
    # WITH x(a, b) AS ... and FROM f AS x(a, b): the places of the x
    return frozenset(
        alias.this.meta["start"]
        for alias in root.find_all(exp.TableAlias)
        if alias.this is not None and alias.args.get("columns") and "start" in alias.this.meta
    )
