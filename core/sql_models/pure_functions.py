"""The functions that a SQL model may call, by dialect; kept as data in `functions/`, one word a function.

A function that is not listed is refused, whatever SQLGlot makes of it: only a list by name keeps out functions of the
warehouse's own users, and what engines will add. Safe to list: the result depends on the arguments, on the clock, on
chance or on who asks, and nothing else happens. Not listed: what writes, waits, locks, counts (sequences), reads files,
addresses, settings, statistics or statement texts, takes keys or secrets, or calls a model (ML, AI).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.errors import UnknownConnector

DIALECTS = ("bigquery", "duckdb", "postgres", "redshift", "snowflake")
_FOLDER = Path(__file__).parent / "functions"


def read_words(text: str) -> frozenset[str]:
    """Return the words of a text that is a list; `#` starts a comment."""
    return frozenset(word for line in text.splitlines() for word in line.partition("#")[0].split())


CHANCE_FUNCTIONS = read_words(
    """array_sample array_shuffle gen_random_uuid generate_uuid normal rand randn random random_normal randstr
    reservoir_quantile uniform uuid uuid_generate_v4 uuid_string uuidv4 uuidv7 zipf seq1 seq2 seq4 seq8"""
)
CLOCK_FUNCTIONS = read_words(
    """ago clock_timestamp current_date current_datetime current_localtime current_localtimestamp current_time
    current_timestamp get_current_time get_current_timestamp getdate localtime localtimestamp now statement_timestamp
    sysdate systimestamp timeofday today transaction_timestamp"""
)
_FILE_WORDS = ("read", "scan", "glob", "sniff", "parquet", "pg_ls", "pg_stat_file", "lo_", "external", "dblink")


@dataclass(frozen=True, slots=True)
class FunctionList:
    """What a dialect may call: `everywhere`, and in `from_clause` in place of a table."""

    everywhere: frozenset[str]
    from_clause: frozenset[str]


@cache
def get_functions(dialect: str) -> FunctionList:
    """Return the lists of `dialect`, in lower case.

    Raises:
        UnknownConnector: There is no list for this dialect, so nothing in it can be let through.
    """
    if dialect not in DIALECTS:
        raise UnknownConnector(f"There is no SQL dialect {dialect!r}.", hint=f"Use one of: {', '.join(DIALECTS)}.")
    everywhere: set[str] = set()
    from_clause: set[str] = set()
    for line in (_FOLDER / f"{dialect}.txt").read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["@table"]:
            from_clause.update(words[1:])
        else:
            everywhere.update(words)
    return FunctionList(frozenset(everywhere), frozenset(from_clause))


def reads_files(function: str) -> bool:
    """Return whether a refused function's name says that it reaches for files or other servers."""
    return any(word in function for word in _FILE_WORDS)
