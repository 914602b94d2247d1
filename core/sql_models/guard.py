"""The guard: a SQL model is one read-only query, by its text and by its parsed form.

Strict on purpose: what is not known to be harmless is refused by name. The read-only session of the warehouse is the
second lock, and a least-privilege role the real boundary; none replaces the others.

What is sent is the person's own text with its comments blanked out, not the parsed form written out again: SQLGlot's
writing changes meaning here and there, and an engine's "line 3, column 8" must be true in the editor. That is safe only
where the engine cuts the text into the same tokens as we did, so it holds for plain texts (`sql_text.is_plain`). Any
other text is written out again, and only if that reads back as the same tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sqlglot import Dialect, exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from core.errors import CoreError, NotReadOnly, SqlSyntaxError
from core.sql_models.calls import find_calls
from core.sql_models.limits import MAX_SQL_CHARS
from core.sql_models.node_check import check_nodes, list_tables
from core.sql_models.other_dialect import check_clauses, check_functions, check_signs
from core.sql_models.pure_functions import CHANCE_FUNCTIONS, CLOCK_FUNCTIONS, get_functions, reads_files
from core.sql_models.sql_text import blank_comments, is_plain, locate, syntax_error, tokenize

_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
_WRITING_WORDS = frozenset(
    """alter analyze attach begin cache call checkpoint cluster comment commit copy create deallocate delete detach
    discard do drop exec execute export grant import insert install kill listen load lock merge notify prepare put
    reassign refresh reindex remove rename replace reset revoke rollback set truncate undrop unload update upsert use
    vacuum""".split()  # noqa: SIM905 - a list of forty words is easier to read this way
)
_OTHER_WORDS = frozenset(("assert", "cancel", "declare", "desc", "describe", "explain", "get", "if", "list", "loop"))
_OTHER_STARTS = _OTHER_WORDS | {"ls", "pivot", "pragma", "show", "summarize", "unpivot", "while"}
_TOO_DEEP = ("The SQL is nested too deeply to be checked.", "Split it with WITH, or move a part of it into a view.")


@dataclass(frozen=True, slots=True)
class GuardedQuery:
    """A query that may be sent: `sql` is the text to send, without comments and semicolon.

    `tables` are those it names, without its own CTEs; `warnings` are sentences.
    """

    sql: str
    tables: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def check_query(sql: str, dialect: str) -> GuardedQuery:
    """Return the query in the form to send. Answers are kept: a page asks at every rerun.

    Args:
        sql: What a person typed.
        dialect: SQLGlot's name of the warehouse's dialect: bigquery, duckdb, postgres, redshift or snowflake.

    Raises:
        SqlSyntaxError: It is empty, too long or cannot be read; the message gives line and column.
        NotReadOnly: It is not one read-only query; `code` names the rule: two_statements, not_a_query, writes,
            locks_rows, file_access, table_function, function_not_allowed, parameter, syntax_not_allowed.
        UnknownConnector: There is no such dialect.
    """
    get_functions(dialect)
    _check_size(sql)
    tokens = _drop_last_semicolons(tokenize(sql, dialect))
    sql, tokens = _spell_out_table(sql, tokens, dialect)
    _check_statement(sql, tokens)
    check_signs(sql, tokens, dialect)
    try:
        root = _parse_known(sql, tokens, dialect)
        check_clauses(root, sql, tokens, dialect)
        check_functions(find_calls(tokens, root, dialect), sql, dialect)
        check_nodes(root, sql, dialect)
        warnings = _check_calls(root, sql, tokens, dialect)
        return GuardedQuery(_choose_text(root, sql, tokens, dialect), list_tables(root), warnings)
    except RecursionError as error:
        raise SqlSyntaxError(_TOO_DEEP[0], code="too_deep", hint=_TOO_DEEP[1]) from error


def _check_size(sql: str) -> None:
    if len(sql) > MAX_SQL_CHARS:
        raise SqlSyntaxError(
            f"The SQL has {len(sql):,} characters; the limit is {MAX_SQL_CHARS:,}.",
            code="too_long",
            hint="Shorten it, or move a part of it into a view.",
        )
    # A NUL ends the text for some engines; a lone surrogate cannot be sent at all
    for offset, character in enumerate(sql):
        if character == "\x00" or "\ud800" <= character <= "\udfff":
            what = f"there is a character (U+{ord(character):04X}) that no SQL text may hold"
            raise syntax_error(what, *locate(sql, offset), hint="Remove it; it usually comes from a paste.")


def _drop_last_semicolons(tokens: list[Token]) -> list[Token]:
    end = len(tokens)
    while end and tokens[end - 1].token_type is TokenType.SEMICOLON:
        end -= 1
    if not end:
        raise SqlSyntaxError("There is no SQL yet.", code="empty", hint="Write one SELECT query.")
    return tokens[:end]


def _spell_out_table(sql: str, tokens: list[Token], dialect: str) -> tuple[str, list[Token]]:
    """Return `TABLE t` as the query it stands for; SQLGlot does not know the short form."""
    if dialect not in ("duckdb", "postgres") or tokens[0].text.lower() != "table" or len(tokens) < 2:
        return sql, tokens
    spelled = f"SELECT * FROM {sql[tokens[1].start : tokens[-1].end + 1]}"  # noqa: S608 - checked like any other text
    return spelled, tokenize(spelled, dialect)


def _check_statement(sql: str, tokens: list[Token]) -> None:
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            raise refuse(
                "two_statements",
                "a second statement begins after this semicolon; a SQL model is exactly one query",
                sql,
                token.start,
                "Keep one SELECT and remove the rest.",
            )
    first = tokens[0]
    word = first.text.lower().partition(" ")[0]
    if word in _WRITING_WORDS:
        what = f"{word.upper()} changes something; a SQL model only reads"
        raise refuse("writes", what, sql, first.start, "Start with SELECT or WITH.")
    if word in _OTHER_STARTS:
        what = f"{word.upper()} is a statement of its own, not a query"
        raise refuse("not_a_query", what, sql, first.start, "Start with SELECT or WITH.")


def _parse_known(sql: str, tokens: list[Token], dialect: str) -> exp.Expr:
    try:
        return _parse(sql, tokens, dialect)
    except SqlSyntaxError:
        check_functions(find_calls(tokens, exp.Select(), dialect), sql, dialect)  # which may be what cannot be read
        raise


def _parse(sql: str, tokens: list[Token], dialect: str) -> exp.Expr:
    try:
        statements = Dialect.get_or_raise(dialect).parser().parse(tokens, sql)
    except ParseError as error:
        raise _explain(error, sql) from error
    except (SqlglotError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        # SQLGlot itself stumbles over some texts that no engine takes either
        raise SqlSyntaxError("The SQL cannot be read.", hint="Correct it, then preview again.") from error
    root = statements[0] if len(statements) == 1 else None
    if not isinstance(root, _QUERIES):
        what = "this is not a query that returns rows"
        raise refuse("not_a_query", what, sql, tokens[0].start, "Start with SELECT or WITH.")
    for node in list(root.find_all(exp.Hint)):
        node.pop()
    return root


def _explain(error: ParseError, sql: str) -> CoreError:
    first = error.errors[0] if error.errors else {}
    near = str(first.get("highlight") or "").strip()
    line = int(first.get("line") or sql.count("\n") + 1)
    # SQLGlot counts to the last character of the fragment
    column = max(1, int(first.get("col") or 1) - max(0, len(near) - 1))
    text = str(first.get("description") or "").rstrip(".")
    if text.startswith("Expecting"):
        what = f"{text.removeprefix('Expecting').strip()} is missing near {near!r}"
    elif "Required keyword" in text or not near:
        what = f"something is missing near {near!r}" if near else "the SQL is not complete"
    else:
        what = f"{near[:60]!r} is not expected here"
    return syntax_error(what, line, column, hint="Correct the SQL there, then preview again.")


def _check_calls(root: exp.Expr, sql: str, tokens: list[Token], dialect: str) -> tuple[str, ...]:
    functions = get_functions(dialect)
    warnings: dict[str, None] = {}
    for call in find_calls(tokens, root, dialect):
        if call.odd:
            what = f"{call.name}() {call.odd}, so it could be anybody's function"
            hint = "Call a built-in function by its plain name."
            raise refuse("function_not_allowed", what, sql, call.offset, hint)
        if call.name not in functions.everywhere and call.name not in functions.from_clause:
            code = "file_access" if reads_files(call.name) else "function_not_allowed"
            what = f"the function {call.name}() is not known to only read and compute"
            hint = "Use another function, or do this step in a view of the warehouse."
            raise refuse(code, what, sql, call.offset, hint)
        if call.name in CHANCE_FUNCTIONS:
            warnings[f"{call.name}() gives another value each time, so every sync sees these rows as changed."] = None
    words = {token.text.lower() for token in tokens if token.token_type is not TokenType.STRING}
    for word in sorted(words & CLOCK_FUNCTIONS):
        if word not in ("now", "today", "ago", "sysdate", "localtime") or root.find(exp.Func):
            warnings[f"{word} moves on: fine in a filter; a column made from it looks changed at every sync."] = None
    if root.find(exp.TableSample):
        warnings["A sample holds other rows each time, so every sync adds and deletes rows."] = None
    if isinstance(root, exp.Select) and root.args.get("limit") and not root.args.get("order"):
        warnings["LIMIT without ORDER BY may return other rows each time, so a sync may add and delete rows."] = None
    return tuple(warnings)


def _choose_text(root: exp.Expr, sql: str, tokens: list[Token], dialect: str) -> str:
    if is_plain(sql, tokens, dialect):
        return blank_comments(sql, tokens)
    try:
        written = root.sql(dialect=dialect, comments=False)
        again = _parse(written, tokenize(written, dialect), dialect)
        if again == root:
            return written
    except CoreError:
        pass
    raise NotReadOnly(
        "The SQL holds a string or a quoted name that engines may read in different ways.",
        code="syntax_not_allowed",
        hint="Write strings in single quotes on one line, without a backslash before a quote.",
    )


def refuse(code: str, what: str, sql: str, offset: int, hint: str) -> NotReadOnly:
    """Return the refusal of what stands at `offset`."""
    line, column = locate(sql, offset)
    return NotReadOnly(
        f"Line {line}, column {column}: {what}.", code=code, hint=hint, context={"line": line, "column": column}
    )
