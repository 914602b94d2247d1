"""DuckDB's vocabulary stops here: what a sandbox child or a writer is told becomes an error of the tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import orjson

from core.errors import (
    CoreError,
    NotReadOnly,
    QueryError,
    ResultTooLarge,
    SqlSyntaxError,
    StorageFull,
    Unreachable,
)

_REFUSALS = {
    "two_statements": ("The text holds more than one statement.", "Keep one SELECT; remove the others and their `;`."),
    "not_a_query": ("The text is not a query that reads.", "Write one SELECT (or WITH … SELECT)."),
}
_FILE_ENDINGS = (".csv", ".tsv", ".parquet", ".json", ".ndjson", ".duckdb", ".db", ".xlsx")
_LOCKED = "could not set lock"
_FULL = ("no space left", "file too large", "disk quota", "disk full", "could not write", "available disk space")
_READS_ONLY = "A SQL model may only read the tables of its warehouse."


def translate_error(reply: Mapping[str, Any], sql: str, path: Path) -> CoreError:
    """Return the error for a failure reply of the sandbox child.

    Args:
        reply: `type` (DuckDB's exception class), `code` (ours, for text that is no query), `message`.
        sql: The text that was sent, for line and column.
        path: The warehouse file; its folder is removed from every text.
    """
    kind, code = str(reply["type"]), str(reply["code"])
    details = _read_details(str(reply["message"]).replace(f"{path.parent}/", ""))
    context: dict[str, object] = {"engine_message": details["exception_message"], "engine_error": kind}
    if code:
        message, hint = _REFUSALS[code]
        return NotReadOnly(message, code=code, hint=hint, context=context)
    if "Out of Memory" in str(reply["message"]):
        kind = "OutOfMemoryException"  # while rows are read, Arrow reports it as an OSError
    error = _choose(kind, details, path.name)
    place = _locate(sql, details.get("position"), int(reply.get("offset", 0)))
    if place is not None and isinstance(error, QueryError):
        line, column = place
        error.message = f"Line {line}, column {column}: {error.message}"
        error.args = (error.message,)
        context |= {"line": line, "column": column}
    error.context.update(context)
    return error


def translate_write_error(error: duckdb.Error, path: Path) -> CoreError:
    """Return the error for a statement of Onramp's own that could not write the warehouse file."""
    if is_disk_full(error):
        return StorageFull(
            f"The disk under the warehouse file {path.name} is full.", hint="Free some space, then try again."
        )
    return QueryError(
        f"The warehouse file {path.name} refused what was to be written.",
        hint="What the warehouse said is below; report it where it is no table of another program.",
        context={"engine_message": str(error).replace(f"{path.parent}/", "").partition("\n")[0]},
    )


def translate_open_error(error: duckdb.Error, path: Path) -> CoreError:
    """Return the error for a warehouse file that cannot be opened."""
    return _unreadable(str(error).lower(), path.name)


def is_locked(error: duckdb.Error) -> bool:
    """Return whether another program has the file open."""
    return _LOCKED in str(error).lower()


def is_disk_full(error: Exception) -> bool:
    """Return whether the text of a DuckDB error says that no more can be written."""
    return any(word in str(error).lower() for word in _FULL)


def file_gone(path: Path) -> CoreError:
    """Return the error for a warehouse file that is not there."""
    return Unreachable(
        f"The warehouse file {path.name} is gone.",
        code="warehouse_file_missing",
        hint="Put the file back into the workspace's warehouse folder, or create the warehouse again.",
    )


def not_duckdb(path: Path) -> CoreError:
    """Return the error for a warehouse file that is none of DuckDB's."""
    return _unreadable("not a valid duckdb", path.name)


def unreadable(path: Path) -> CoreError:
    """Return the error for a warehouse file that the system does not give."""
    return _unreadable("", path.name)


def _choose(kind: str, details: Mapping[str, str], file_name: str) -> CoreError:
    text = details["exception_message"]
    first_line = text.splitlines()[0] if text else kind
    lowered = text.lower()
    if "Memory" in kind or "bad allocation" in lowered:
        return ResultTooLarge(
            "The query needs more memory than a query may use.",
            code="out_of_memory",
            hint="Select fewer columns, filter earlier, or aggregate before joining.",
        )
    if "read-only mode" in lowered:
        return NotReadOnly("The query tries to write.", code="writes", hint=_READS_ONLY)
    if "configuration has been locked" in lowered:
        return NotReadOnly("The query tries to change a setting of the engine.", code="writes", hint=_READS_ONLY)
    match kind:
        case "ParserException":
            return SqlSyntaxError(f"{first_line}.", hint="Correct the SQL at that place.")
        case "PermissionException":
            return NotReadOnly("The query asks for a file or an address.", code="file_access", hint=_READS_ONLY)
        case "BinderException" | "CatalogException":
            return _missing(details, first_line)
        case "IOException" | "ConnectionException":
            return _unreadable(lowered, file_name)
        case "ConversionException" | "OutOfRangeException" | "InvalidInputException":
            return _failed_value(first_line)
    return QueryError(f"{_sentence(first_line)}", hint="Change the SQL, or select fewer rows to find the cause.")


def _missing(details: Mapping[str, str], first_line: str) -> QueryError:
    name, subtype = details.get("name", ""), details.get("error_subtype", "")
    similar = details.get("candidates", "")
    hint = f"Did you mean {similar.split(',')[0].strip()}?" if similar else ""
    if subtype == "COLUMN_NOT_FOUND":
        return SqlSyntaxError(
            f'there is no column "{name}".', code="unknown_column", hint=hint or "Look it up in the table list."
        )
    if subtype == "MISSING_ENTRY" and "function" in details.get("type", "").lower():
        return SqlSyntaxError(f"there is no function {name}().", code="unknown_function", hint=hint)
    if "/" in name or name.lower().endswith(_FILE_ENDINGS):
        return NotReadOnly("The query asks for a file or an address.", code="file_access", hint=_READS_ONLY)
    if subtype == "MISSING_ENTRY":
        return SqlSyntaxError(
            f'there is no table "{name}".', code="unknown_table", hint=hint or "Look it up in the table list."
        )
    return SqlSyntaxError(_sentence(first_line), hint=hint or "Correct the SQL at that place.")


def _unreadable(lowered: str, file_name: str) -> CoreError:
    if _LOCKED in lowered:
        return Unreachable(
            f"Another program has the warehouse file {file_name} open.",
            code="warehouse_locked",
            hint="Close the other program, or wait until its query has ended; then try again.",
        )
    if "not a valid duckdb" in lowered or "version number" in lowered or "corrupt" in lowered:
        return Unreachable(
            f"{file_name} is not a DuckDB file that this version can read.",
            code="warehouse_unreadable",
            hint="Create the warehouse again from its CSV or Parquet files, or restore the file from a backup.",
        )
    return Unreachable(f"The warehouse file {file_name} cannot be read.", hint="Check that it exists and is readable.")


def _failed_value(first_line: str) -> QueryError:
    if first_line.startswith("Values were not provided"):
        return SqlSyntaxError(
            "the query has a parameter, and nothing gives it a value.",
            code="parameter",
            hint="Write the value itself instead of ? or $1.",
        )
    return QueryError(
        _sentence(first_line),
        code="value_failed",
        hint="Use TRY_CAST to turn values that do not fit into NULL, or filter them out.",
    )


def _read_details(message: str) -> dict[str, str]:
    # "Binder Error: {json}", or plain text where DuckDB did not get as far as its error formatter.
    start = message.find("{")
    if start >= 0:
        try:
            return {str(key): str(value) for key, value in orjson.loads(message[start:]).items()}
        except orjson.JSONDecodeError:
            pass
    head, colon, rest = message.partition(": ")
    return {"exception_message": rest if colon and head.endswith("Error") else message}


def _locate(sql: str, position: str | None, offset: int) -> tuple[int, int] | None:
    """Return line and column, from 1, of a byte position in `offset` bytes followed by `sql`."""
    if position is None or not position.isdigit():
        return None
    before = sql.encode()[: max(0, int(position) - offset)].decode(errors="ignore")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
