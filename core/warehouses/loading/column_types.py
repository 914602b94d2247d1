"""Finds the type of each column of a table that was loaded as text, by looking at every row.

A type is given only when every value fits it and loses nothing in it: `00001` is an id and stays text, and so do
`+4930123456`, a number of 19 digits, and a date whose day and month could be the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

SAMPLE_ROWS = 2048
COLUMNS_AT_ONCE = 20
MAX_DECIMAL_SCALE = 9
MAX_DECIMAL_DIGITS = 18

_INTEGER = r"-?(0|[1-9][0-9]{0,17})"
_DECIMAL = rf"{_INTEGER}(\.[0-9]{{1,{MAX_DECIMAL_SCALE}}})?"
_FLOAT = r"-?(0|[1-9][0-9]{0,14})(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_ZONE = r" ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)"


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A type and the test that every value must pass; `$v` is the trimmed value."""

    type: str
    test: str


_CANDIDATES = (
    _Candidate("BOOLEAN", "lower($v) IN ('true', 'false')"),
    _Candidate("BIGINT", f"regexp_full_match($v, '{_INTEGER}')"),
    _Candidate("DECIMAL", f"regexp_full_match($v, '{_DECIMAL}')"),
    _Candidate("DOUBLE", f"regexp_full_match($v, '{_FLOAT}') AND TRY_CAST($v AS DOUBLE) IS NOT NULL"),
    _Candidate("DATE", f"regexp_full_match($v, '{_DAY}') AND TRY_CAST($v AS DATE) IS NOT NULL"),
    _Candidate("TIMESTAMP", f"regexp_full_match($v, '{_DAY}({_CLOCK})?') AND TRY_CAST($v AS TIMESTAMP) IS NOT NULL"),
    _Candidate(
        "TIMESTAMP WITH TIME ZONE",
        f"regexp_full_match($v, '{_DAY}{_CLOCK}{_ZONE}') AND TRY_CAST($v AS TIMESTAMPTZ) IS NOT NULL",
    ),
    _Candidate("JSON", "left($v, 1) IN ('{', '[') AND json_valid($v)"),
)


def infer_types(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> dict[str, str]:
    """Return the type of each of the text columns of `table` (an expression for FROM); text where nothing fits.

    The first rows choose the candidates and all rows confirm them, so that most tests never run on most rows.
    """
    sample = f"(FROM {table} LIMIT {SAMPLE_ROWS})"
    types: dict[str, str] = {}
    for start in range(0, len(columns), COLUMNS_AT_ONCE):
        part = columns[start : start + COLUMNS_AT_ONCE]
        first = {column: tuple(_CANDIDATES) for column in part}
        likely = _keep_fitting(connection, sample, first)
        fitting = _keep_fitting(connection, table, likely)
        for column in part:
            types[column] = _resolve(connection, table, column, fitting.get(column, ()))
    return types


def cast(column: str, type_text: str) -> str:
    """Return the expression that turns the text column into `type_text`; an empty text becomes NULL, but stays text."""
    name = quote(column)
    return name if type_text == "VARCHAR" else f"CAST(nullif(trim({name}), '') AS {type_text}) AS {name}"


def quote(name: str) -> str:
    """Return `name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _keep_fitting(
    connection: duckdb.DuckDBPyConnection, table: str, wanted: Mapping[str, Sequence[_Candidate]]
) -> dict[str, tuple[_Candidate, ...]]:
    """Return for each column the candidates that all its values pass; none for a column without values."""
    asked = [(column, candidate) for column, candidates in wanted.items() for candidate in candidates]
    if not asked:
        return {}
    numbers = {column: number for number, column in enumerate(wanted)}
    values = [f"nullif(trim({quote(column)}), '') AS v{number}" for column, number in numbers.items()]
    tests = [
        f"bool_and({candidate.test.replace('$v', f'v{numbers[column]}')}) FILTER (v{numbers[column]} IS NOT NULL)"
        for column, candidate in asked
    ]
    sql = f"SELECT {', '.join(tests)} FROM (SELECT {', '.join(values)} FROM {table})"  # noqa: S608 - quoted names
    row = connection.execute(sql).fetchone() or ()
    kept: dict[str, tuple[_Candidate, ...]] = {}
    for (column, candidate), fits in zip(asked, row, strict=True):
        # None: no value yet. In the sample that keeps every candidate alive; over all rows it means an empty column.
        if fits is not False:
            kept[column] = (*kept.get(column, ()), candidate)
    return kept


def _resolve(connection: duckdb.DuckDBPyConnection, table: str, column: str, fitting: Sequence[_Candidate]) -> str:
    if not fitting or len(fitting) == len(_CANDIDATES):
        return "VARCHAR"  # nothing fits, or there is no value to judge by
    return _decimal(connection, table, column) if fitting[0].type == "DECIMAL" else fitting[0].type


def _decimal(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> str:
    value = f"trim({quote(column)})"
    digits, scale = connection.execute(
        f"SELECT max(length(ltrim(split_part({value}, '.', 1), '-'))), max(length(split_part({value}, '.', 2)))"  # noqa: S608
        f" FROM {table}"
    ).fetchone() or (0, 0)
    return f"DECIMAL({max(MAX_DECIMAL_DIGITS, digits + scale)},{scale})"
