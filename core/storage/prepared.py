"""Statements written with SQLAlchemy that are compiled once for each store and then go to the driver as they are.

For the few that run with every live event: what SQLAlchemy does around a statement takes longer than the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Executable,
    ScalarSelect,
    Select,
    Text,
    cast,
    func,
    literal_column,
)
from sqlalchemy.engine import Dialect

from core.storage.bulk import execute_raw

Statement = Callable[[str], Executable]


class Prepared:
    """A statement with named parameters.

    Args:
        make: Returns the statement for a dialect: `sqlite` or `postgresql`.
    """

    def __init__(self, make: Statement) -> None:
        self._make = make
        self._compiled: dict[str, tuple[str, dict[str, Any], Sequence[str] | None]] = {}

    def execute(self, connection: Connection, **values: object) -> Any:
        """Run it with `values` as they are stored; returns the driver's cursor."""
        return execute_raw(connection, *self.write(connection.dialect, values))

    def write(self, dialect: Dialect, values: Mapping[str, object]) -> tuple[str, Any]:
        """Return it in the spelling of the dialect's driver, and its parameters as that takes them."""
        sql, known, order = self._compiled.get(dialect.name) or self._compile(dialect)
        parameters = {**known, **values}
        return sql, parameters if order is None else [parameters[each] for each in order]

    def _compile(self, dialect: Dialect) -> tuple[str, dict[str, Any], Sequence[str] | None]:
        statement: Any = self._make(dialect.name)
        compiled = statement.compile(dialect=dialect)
        found = str(compiled), dict(compiled.params), compiled.positiontup
        self._compiled[dialect.name] = found
        return found


def as_json(dialect: str, query: Select[Any]) -> ScalarSelect[str]:
    """Return the rows of `query` as one JSON text, a list of lists: so one statement reads the rows of many tables."""
    columns: Sequence[ColumnElement[Any]] = list(query.selected_columns)
    if dialect == "sqlite":
        rows: ColumnElement[Any] = func.json_group_array(func.json_array(*columns))
    else:
        empty = literal_column("'[]'::json", JSON)
        rows = cast(func.coalesce(func.json_agg(func.json_build_array(*columns)), empty), Text)
    return query.with_only_columns(rows, maintain_column_froms=True).scalar_subquery()
