"""What a warehouse is made of: its definition, its column types, its catalog, the report of a connection test.

Values cross the boundary as Arrow with these rules, the same for every engine: `json` columns hold JSON text, `other`
columns hold the engine's text, `timestamptz` is in UTC, NULL is null and never the empty text. A `decimal` column is
an Arrow decimal, or text in plain notation where the engine's numbers have more digits than an Arrow decimal holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from core.errors import CoreError, InvalidField
from core.fields import Field

TIME_ZONE = Field(
    "time_zone",
    "Time zone of times without one",
    "What a time that names no zone means in this warehouse, as an IANA name such as Europe/Berlin.",
    default="UTC",
    placeholder="UTC",
)
"""A setting that every kind of warehouse has, last in its form."""

TYPE_KEY = b"onramp.type"
KIND_KEY = b"onramp.kind"
ZONE_KEY = b"onramp.zone"


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
class SetupGuide:
    """What the owner of a warehouse runs once, ready to be copied: `text` in the language `sql` or `bash`."""

    title: str
    text: str
    language: str = "sql"
    note: str = ""


WriteGuide = Callable[[Mapping[str, object]], tuple[SetupGuide, ...]]
"""Makes the guide for the settings typed so far; a name that is not typed yet has a placeholder."""


@dataclass(frozen=True, slots=True)
class WarehouseDefinition:
    """A kind of warehouse: the form, the validation and the docs page derive from it.

    `write_guide` is None where nothing has to be set up on the other side. `default_schema` is the one whose tables a
    query names without it, where a setting `schema` does not say another.
    """

    name: str
    label: str
    summary: str
    docs_url: str
    settings: tuple[Field, ...]
    dialect: str
    write_guide: WriteGuide | None = None
    default_schema: str = ""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """One column of a query's result; `type` is the engine's own text.

    `zone` says what the times of a `timestamp` column mean, which name no zone themselves: the warehouse's `TIME_ZONE`.
    """

    name: str
    type: str
    kind: Kind
    zone: str = "UTC"


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
class QueryTag:
    """What a query is run for; the engine shows it in its own list of queries."""

    sync_id: str
    run_id: str

    @property
    def text(self) -> str:
        """The tag as one text without quotes: `onramp sync=syn_1 run=run_2`."""
        return f"onramp sync={self.sync_id} run={self.run_id}"


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a query would cost, as far as the engine tells before it runs; None is "cannot tell", never zero.

    `scanned_bytes` are what the engine would read (and bill, on BigQuery), `rows` those that it expects to return.
    `planner_cost` is in a unit of the engine's own: it compares two queries of one warehouse.
    """

    detail: str
    rows: int | None = None
    scanned_bytes: int | None = None
    planner_cost: float | None = None


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What a connection test found. `error` says why where `ok` is false.

    `write_error` says why sync state cannot be kept inside the warehouse: a read-only login is fine, and its syncs
    keep their state beside the workspace.
    """

    ok: bool
    can_read: bool
    can_write: bool
    took_ms: int
    detail: str
    error: CoreError | None = None
    write_error: CoreError | None = None


def tag_schema(schema: pa.Schema, columns: tuple[ColumnType, ...]) -> pa.Schema:
    """Return `schema` with each column's engine type and kind in its metadata, for `read_columns`."""
    return pa.schema([field.with_metadata(_write_tags(column)) for field, column in zip(schema, columns, strict=True)])


def read_columns(schema: pa.Schema) -> tuple[ColumnType, ...]:
    """Return the columns of a result as `Warehouse.query` or `Warehouse.stream` gave it.

    Columns that were added later, without a tag, have the Arrow type's text and the kind `other`.
    """
    return tuple(_read_column(field) for field in schema)


def _read_column(field: pa.Field) -> ColumnType:
    tags: dict[bytes, bytes] = field.metadata or {}
    type_text = tags.get(TYPE_KEY, str(field.type).encode()).decode()
    kind = Kind(tags.get(KIND_KEY, b"other").decode())
    return ColumnType(field.name, type_text, kind, tags.get(ZONE_KEY, b"UTC").decode())


def _write_tags(column: ColumnType) -> dict[bytes, bytes]:
    tags = {TYPE_KEY: column.type.encode(), KIND_KEY: column.kind.encode()}
    return tags if column.zone == "UTC" else tags | {ZONE_KEY: column.zone.encode()}


def check_zone(settings: Mapping[str, object]) -> str:
    """Return the setting `time_zone`.

    Raises:
        InvalidField: No zone has this name.
    """
    name = str(settings.get(TIME_ZONE.name) or "UTC")
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidField(
            f"There is no time zone {name!r}.",
            hint="Use a name such as Europe/Berlin, America/New_York or UTC.",
            context={"field": TIME_ZONE.name},
        ) from error
