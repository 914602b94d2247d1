"""Snowflake's words."""

from __future__ import annotations

from collections.abc import Sequence

from core.syncs.diff.dialect import DiffDialect
from core.warehouses.definition import ColumnType, Kind

_DOCUMENTS = ("VARIANT", "OBJECT", "ARRAY")


class SnowflakeDiff(DiffDialect):
    """Each value is written as text and that as an MD5, so that no two rows give one text and no row is too long.

    `to_varchar` alone would not do: it writes a float with ten digits, a time with the thousandths that the account's
    `TIMESTAMP_OUTPUT_FORMAT` asks for, bytes by `BINARY_OUTPUT_FORMAT`, and the text "1" in a VARIANT like the number.
    """

    def text_sql(self, expression: str) -> str:
        """Return the expression as text without the collation that its column or the account may have."""
        return f"collate(to_varchar({expression}), '')"

    def print_sql(self, columns: Sequence[ColumnType]) -> str:
        """Return the MD5 of the MD5s of the values as text; NULL is a dash."""
        return f"md5({' || '.join(self._write(column) for column in columns)})"

    def can_print(self, column: ColumnType) -> bool:
        """Say no to shapes, vectors and maps, which have no text or one that the account's settings choose."""
        return column.type in _DOCUMENTS or column.type == "TIME" or column.kind not in (Kind.JSON, Kind.OTHER)

    def _write(self, column: ColumnType) -> str:
        name = self.quote(column.name)
        if column.type in _DOCUMENTS:
            text = f"to_json(to_variant({name}))"
        elif column.kind is Kind.FLOAT:
            text = f"CASE WHEN {name} IS NOT NULL THEN to_varchar(hash({name})) END"
        elif column.kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
            text = f"to_varchar(date_part(epoch_nanosecond, {name}))"
        elif column.kind is Kind.DATE:
            text = f"to_varchar({name}, 'YYYY-MM-DD')"
        elif column.kind is Kind.BYTES:
            text = f"hex_encode({name})"
        elif column.type == "TIME":
            text = f"to_varchar({name}, 'HH24:MI:SS.FF9')"
        else:
            text = f"to_varchar({name})"
        return f"coalesce(md5({text}), '-')"
