"""Questions about all rows of a SQL model: a failure tells its place in the person's own text, not in ours."""

from __future__ import annotations

import pyarrow as pa

from core.errors import QueryError
from core.sql_models.sql_text import locate
from core.warehouses.cancel import CancelToken
from core.warehouses.warehouse import Warehouse


def ask(
    warehouse: Warehouse, question: str, query: str, *, timeout_s: float, cancel: CancelToken | None = None
) -> pa.Table:
    """Return the answer to `question`, a SQL text that was built around the guarded `query`.

    Raises:
        QueryError: As the warehouse raises it; line and column are those of `query`, or left out.
    """
    try:
        return warehouse.query(question, timeout_s=timeout_s, cancel=cancel)
    except QueryError as error:
        _move_place(error, question, query)
        raise


def _move_place(error: QueryError, question: str, query: str) -> None:
    line, column = error.context.pop("line", None), error.context.pop("column", None)
    if not isinstance(line, int) or not isinstance(column, int):
        return
    message = error.message.removeprefix(f"Line {line}, column {column}: ")
    lines = question.split("\n")
    offset = sum(len(text) + 1 for text in lines[: line - 1]) + column - 1 - question.find(query)
    if 0 <= offset < len(query):
        line, column = locate(query, offset)
        error.context |= {"line": line, "column": column}
        error.message = f"Line {line}, column {column}: {message}"
    else:
        error.message = message[:1].upper() + message[1:]
    error.args = (error.message,)
