"""Loads one file into one table of a DuckDB connection that has `made` and `staging` attached."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from core.errors import InternalError, InvalidField
from core.warehouses.embedded_errors import is_disk_full
from core.warehouses.loading.column_types import cast, infer_types, quote
from core.warehouses.loading.csv_dialect import CsvDialect, detect_dialect
from core.warehouses.loading.csv_rows import MAX_ROW_CHARS, RowCounts, split_rows
from core.warehouses.loading.encoding import detect_encoding

REJECTED_SUFFIX = "__rejected"
PARQUET_ENDINGS = (".parquet", ".pq")
_CSV_FORM = """auto_detect=false, header=false, quote='"', escape='"', new_line='\\n', allow_quoted_nulls=false"""


def load_file(connection: duckdb.DuckDBPyConnection, source: Path, shown: str, table: str) -> LoadedFile:
    """Make `made.<table>` from the CSV or Parquet file `source`, which a person calls `shown`.

    Raises:
        InvalidField: The file is neither, or holds nothing.
    """
    load = _load_parquet if shown.lower().endswith(PARQUET_ENDINGS) else _load_csv
    return load(connection, source, shown, table)


def escape(text: str) -> str:
    """Return `text` for use between single quotes in SQL."""
    return text.replace("'", "''")


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What came of one file."""

    rows: int
    rejected: int
    encoding: str
    notes: tuple[str, ...]


def _load_parquet(connection: duckdb.DuckDBPyConnection, source: Path, shown: str, table: str) -> LoadedFile:
    size = source.stat().st_size
    with source.open("rb") as file:
        starts = file.read(4) == b"PAR1"
        file.seek(max(0, size - 4))
        ends = file.read(4) == b"PAR1"
    if not (starts and ends):
        raise InvalidField(f"{shown} is not a Parquet file, or it is cut off.", hint="Export the file again.")
    try:
        connection.execute(f"CREATE TABLE made.{quote(table)} AS FROM read_parquet('{escape(str(source))}')")
    except duckdb.Error as error:
        if is_disk_full(error):
            raise
        raise InvalidField(f"{shown} cannot be read as Parquet.", hint="Export the file again, or as CSV.") from error
    return LoadedFile(_count(connection, f"made.{quote(table)}"), 0, "Parquet", ())


def _load_csv(connection: duckdb.DuckDBPyConnection, source: Path, shown: str, table: str) -> LoadedFile:
    encoding = detect_encoding(source, shown)
    dialect = detect_dialect(source, encoding)
    if dialect is None:
        raise InvalidField(f"{shown} has no rows.", hint="Choose a file with at least a header row.")
    good, broken = source.with_name("good.csv"), source.with_name("broken.csv")
    counts = split_rows(source, encoding, dialect, good, broken)
    _stage(connection, good, dialect, counts, shown)
    types = infer_types(connection, "staging.rows", dialect.names)
    casts = ", ".join(cast(column, types[column]) for column in dialect.names)
    connection.execute(f"CREATE TABLE made.{quote(table)} AS SELECT {casts} FROM staging.rows")  # noqa: S608 - quoted
    if counts.broken:
        _keep_broken(connection, broken, table)
    connection.execute("DROP TABLE staging.rows")
    return LoadedFile(counts.good, counts.broken, encoding.label, _describe(encoding.note, dialect, counts, table))


def _stage(
    connection: duckdb.DuckDBPyConnection, good: Path, dialect: CsvDialect, counts: RowCounts, shown: str
) -> None:
    columns = ", ".join(f"'{escape(name)}': 'VARCHAR'" for name in dialect.names)
    for is_parallel in ("true", "false"):
        connection.execute(
            f"CREATE OR REPLACE TABLE staging.rows AS FROM read_csv('{escape(str(good))}', {_CSV_FORM},"
            f" delim='{escape(dialect.delimiter)}', columns={{{columns}}},"
            f" max_line_size={MAX_ROW_CHARS * 4}, parallel={is_parallel})"
        )
        if _count(connection, "staging.rows") == counts.good:
            return
    raise InternalError(f"{shown} has {counts.good} good rows, but not all of them were loaded.")


def _keep_broken(connection: duckdb.DuckDBPyConnection, broken: Path, table: str) -> None:
    connection.execute(
        f"CREATE TABLE made.{quote(table + REJECTED_SUFFIX)} AS FROM read_csv('{escape(str(broken))}', {_CSV_FORM},"
        f" delim=',', columns={{'line': 'BIGINT', 'text': 'VARCHAR', 'reason': 'VARCHAR'}},"
        f" max_line_size={MAX_ROW_CHARS})"
    )


def _describe(encoding_note: str, dialect: CsvDialect, counts: RowCounts, table: str) -> tuple[str, ...]:
    notes = [encoding_note] if encoding_note else []
    notes += dialect.notes
    if counts.broken:
        rows = "1 broken row is" if counts.broken == 1 else f"{counts.broken:,} broken rows are"
        notes.append(f"{rows} in the table {table}{REJECTED_SUFFIX}, each with its line and the reason.")
    if not counts.good:
        notes.append("The file has a header but no rows." if not counts.broken else "No row could be loaded.")
    return tuple(notes)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a quoted name
    return int(row[0]) if row else 0
