"""Redshift's words. It has neither rows as text nor IS DISTINCT FROM, and `||` with NULL is NULL."""

from __future__ import annotations

from collections.abc import Sequence

from core.syncs.diff.dialect import DiffDialect
from core.warehouses.definition import ColumnType, Kind

_KEY_BYTES = 1024


class RedshiftDiff(DiffDialect):
    """Each value is written as text and that as an MD5: the texts of a row may be longer than a VARCHAR together.

    A CAST cuts a key of more than 1,024 bytes; that it is not the same text here as there is noticed, and every row is
    read. Not noticed: keys that only differ in case, in a database that was made `COLLATE CASE_INSENSITIVE`.
    """

    text_type = f"VARCHAR({_KEY_BYTES})"  # wider ones take their full width in memory while they are joined

    def create_records_sql(self, table: str) -> str:
        """Return the statement that makes a table of keys and prints where there is none."""
        return f"CREATE TABLE IF NOT EXISTS {table} (record_id {self.text_type}, print VARCHAR(32))"

    def print_sql(self, columns: Sequence[ColumnType]) -> str:
        """Return the MD5 of the MD5s of the values as text; NULL is a dash."""
        return f"md5({' || '.join(self._write(column) for column in columns)})"

    def can_print(self, column: ColumnType) -> bool:
        """Say no to SUPER, which takes no part in a full join, and to what has no cast to text."""
        return column.kind not in (Kind.JSON, Kind.OTHER)

    def _write(self, column: ColumnType) -> str:
        name = self.quote(column.name)
        match column.kind:
            case Kind.BOOLEAN:  # there is no cast of it
                text = f"CASE WHEN {name} THEN 't' WHEN NOT {name} THEN 'f' END"
            case Kind.FLOAT:  # a cast writes 15 digits
                text = f"CASE WHEN {name} IS NOT NULL THEN CAST(fnv_hash({name}) AS VARCHAR(20)) END"
            case Kind.BYTES:
                text = f"to_hex({name})"
            case _:
                text = f"CAST({name} AS VARCHAR(65535))"
        return f"coalesce(md5({text}), '-')"
