"""What a warehouse is made of: its definition, its column types, its catalog, the report of a connection test.

Values cross the boundary as Arrow with these rules, the same for every engine: `json` columns hold JSON text, `other`
columns hold the engine's text, `timestamptz` is in UTC, NULL is null and never the empty text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from core.errors import CoreError
from core.fields import Field

TYPE_KEY = b"onramp.type"
KIND_KEY = b"onramp.kind"


class Kind(StrEnum):
    """What a column holds, in words that every engine shares."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    JSON = "json"
    BYTES = "bytes"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class WarehouseDefinition:
    """A kind of warehouse: the form, the validation and the docs page derive from it."""

    name: str
    label: str
    summary: str
    docs_url: str
    settings: tuple[Field, ...]
    dialect: str


@dataclass(frozen=True, slots=True)
class ColumnType:
    """One column of a query's result; `type` is the engine's own text."""

    name: str
    type: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column of a table in the catalog."""

    name: str
    type: str
    kind: Kind
    nullable: bool = True
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class TableInfo:
    """One table or view of the catalog. `row_estimate` is None where the engine keeps none (views)."""

    schema: str
    name: str
    columns: tuple[ColumnInfo, ...]
    row_estimate: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What a connection test found. `error` says why where `ok` is false."""

    ok: bool
    can_read: bool
    can_write: bool
    took_ms: int
    detail: str
    error: CoreError | None = None


def tag_schema(schema: pa.Schema, columns: tuple[ColumnType, ...]) -> pa.Schema:
    """Return `schema` with each column's engine type and kind in its metadata, for `read_columns`."""
    fields = [
        field.with_metadata({TYPE_KEY: column.type.encode(), KIND_KEY: column.kind.encode()})
        for field, column in zip(schema, columns, strict=True)
    ]
    return pa.schema(fields)


def read_columns(schema: pa.Schema) -> tuple[ColumnType, ...]:
    """Return the columns of a result as `Warehouse.query` or `Warehouse.stream` gave it.

    Columns that were added later, without a tag, have the Arrow type's text and the kind `other`.
    """
    return tuple(_read_column(field) for field in schema)


def _read_column(field: pa.Field) -> ColumnType:
    tags: dict[bytes, bytes] = field.metadata or {}
    type_text = tags.get(TYPE_KEY, str(field.type).encode()).decode()
    return ColumnType(field.name, type_text, Kind(tags.get(KIND_KEY, b"other").decode()))
