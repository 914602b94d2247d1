"""From BigQuery's rows to Arrow: the JSON pages of the REST API, and the batches of the Storage API."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Generator, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from google.cloud.bigquery import SchemaField

from core.errors import QueryError
from core.records import to_json_value
from core.warehouses.bigquery.types import arrow_type, base_type, is_array, kind_of
from core.warehouses.definition import Kind

Row = Mapping[str, Any]
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def read_page(rows: Sequence[Row], fields: Sequence[SchemaField], schema: pa.Schema) -> pa.RecordBatch:
    """Return one page of the REST API, `{"f": [{"v": …}, …]}` a row, as a batch."""
    cells = [[row["f"][number]["v"] for row in rows] for number in range(len(fields))]
    arrays = [_read_column(values, field) for values, field in zip(cells, fields, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def read_batch(batch: pa.RecordBatch, fields: Sequence[SchemaField], schema: pa.Schema) -> pa.RecordBatch:
    """Return one batch of the Storage API with the same types and texts as the REST API gives."""
    arrays = [_read_array(array, field) for array, field in zip(batch.columns, fields, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def rebatch(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, batch_rows: int
) -> Generator[pa.RecordBatch, None, None]:
    """Yield the same rows in batches of exactly `batch_rows`, the last one shorter; at least one comes."""
    held = schema.empty_table()
    is_first = True
    for batch in batches:
        held = pa.concat_tables([held, pa.Table.from_batches([batch])])
        while held.num_rows >= batch_rows:
            yield _to_batch(held.slice(0, batch_rows), schema)
            held, is_first = held.slice(batch_rows), False
    if held.num_rows or is_first:
        yield _to_batch(held, schema)


def _to_batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    arrays = [column.combine_chunks() if column.num_chunks != 1 else column.chunk(0) for column in table.columns]
    return pa.RecordBatch.from_arrays(
        [array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array for array in arrays], schema=schema
    )


def _read_column(values: list[Any], field: SchemaField) -> pa.Array:
    kind, target = kind_of(field), arrow_type(field)
    if kind is Kind.JSON and (is_array(field) or base_type(field) == "STRUCT"):
        return pa.array([None if value is None else _to_json(_read_value(value, field)) for value in values], target)
    if kind is Kind.BYTES:
        return pa.array([None if value is None else base64.b64decode(value) for value in values], target)
    texts = pa.array(values, pa.string())
    if pa.types.is_string(target):
        return texts
    try:
        if kind is Kind.BOOLEAN:
            return pc.equal(texts, "true")
        if kind is Kind.TIMESTAMPTZ:
            return pc.cast(pc.cast(texts, pa.int64()), target)  # microseconds since 1970
        return pc.cast(texts, target)
    except pa.ArrowInvalid as error:
        raise QueryError(
            f"A value of the column {field.name!r} is no {base_type(field)}.",
            code="value_failed",
            hint="Cast the column to STRING in the SQL.",
            context={"engine_message": str(error)},
        ) from error


def _read_value(value: Any, field: SchemaField) -> object:
    if is_array(field):
        return [_read_one(item["v"], field) for item in value]
    return _read_one(value, field)


def _read_one(value: Any, field: SchemaField) -> object:
    if value is None:
        return None
    match base_type(field):
        case "STRUCT":
            cells = zip(field.fields, value["f"], strict=True)
            return {part.name: None if cell["v"] is None else _read_value(cell["v"], part) for part, cell in cells}
        case "INT64":
            return int(value)
        case "FLOAT64":
            return float(value)
        case "BOOL":
            return value == "true"
        case "NUMERIC" | "BIGNUMERIC":
            return Decimal(value)
        case "TIMESTAMP":
            return _EPOCH + datetime.timedelta(microseconds=int(value))
        case "JSON":
            return orjson.loads(value)
    return value


def _read_array(array: pa.Array, field: SchemaField) -> pa.Array:
    kind, target = kind_of(field), arrow_type(field)
    if array.type == target:
        return array
    if kind is Kind.JSON:
        return pa.array(
            [None if value is None else _to_json(_to_plain(value, field)) for value in array.to_pylist()], target
        )
    if pa.types.is_string(target):
        return pa.array([_to_text(value) for value in array.to_pylist()], target)
    return pc.cast(array, target)


def _to_plain(value: Any, field: SchemaField) -> object:
    if is_array(field):
        return [_to_plain_one(item, field) for item in value]
    return _to_plain_one(value, field)


def _to_plain_one(value: Any, field: SchemaField) -> object:
    if value is None:
        return None
    match base_type(field):
        case "STRUCT":
            parts = ((part, value[part.name]) for part in field.fields)
            return {part.name: None if each is None else _to_plain(each, part) for part, each in parts}
        case "JSON":
            return orjson.loads(value)
        case "DATETIME" | "DATE" | "TIME" | "INTERVAL" | "RANGE":
            return _to_text(value)
    return value


def _to_text(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case Decimal():
            text = format(value, "f")
            return text.rstrip("0").rstrip(".") if "." in text else text
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case pa.MonthDayNano():
            return _write_interval(value)
        case {"start": start, "end": end}:
            return f"[{_to_text(start) or 'UNBOUNDED'}, {_to_text(end) or 'UNBOUNDED'})"
    return str(value)


def _write_interval(value: pa.MonthDayNano) -> str:
    # BigQuery's own text: years-months days hours:minutes:seconds, each with its sign
    years, months = divmod(abs(value.months), 12)
    micros = abs(value.nanoseconds) // 1000
    seconds, fraction = divmod(micros, 1_000_000)
    clock = f"{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}"
    if fraction:
        clock += f".{fraction:06d}".rstrip("0")
    signs = ("-" if value.months < 0 else "", "-" if value.nanoseconds < 0 else "")
    return f"{signs[0]}{years}-{months} {value.days} {signs[1]}{clock}"


def _to_json(value: object) -> str:
    return orjson.dumps(to_json_value(value)).decode()
