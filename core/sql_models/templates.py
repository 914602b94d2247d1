"""Sample SQL models for Salesforce objects, written for each engine's own dialect (W100-W108)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.errors import InvalidField

_FOLDER = Path(__file__).parent / "templates"

DIALECTS = ("bigquery", "duckdb", "postgres", "redshift", "snowflake")
"""The dialects that have sample models."""


@dataclass(frozen=True, slots=True)
class SqlTemplate:
    """One sample model. `key_column` is spelled as the engine returns it."""

    name: str
    label: str
    description: str
    sql: str
    key_column: str


_TEXTS = (
    ("accounts", "Salesforce accounts", "Households and businesses, with a phone that lookups find (E.164)."),
    ("contacts", "Salesforce contacts", "People who are customers, with a phone that lookups find (E.164)."),
    ("leads", "Salesforce leads", "People who may become customers, with a phone that lookups find (E.164)."),
    ("all_accounts", "All Salesforce accounts", "Every column and row of the accounts, with phones as typed."),
)


@cache
def list_templates(dialect: str) -> tuple[SqlTemplate, ...]:
    """Return the sample models in `dialect`, the three with a phone to look up by first (W100, W107).

    Raises:
        InvalidField: There are no sample models in this dialect.
    """
    if dialect not in DIALECTS:
        raise InvalidField(
            f"There are no sample models for the dialect {dialect!r}.", hint=f"Use one of {', '.join(DIALECTS)}."
        )
    # Snowflake returns unquoted names in upper case, and so does a copy of its tables in DuckDB
    key_column = "ID" if dialect in {"duckdb", "snowflake"} else "id"
    return tuple(
        SqlTemplate(name, label, description, _read_sql(name, dialect), key_column)
        for name, label, description in _TEXTS
    )


def _read_sql(name: str, dialect: str) -> str:
    return (_FOLDER / f"{name}.{dialect}.sql").read_text(encoding="utf-8").strip()
