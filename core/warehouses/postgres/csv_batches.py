"""Batches of Arrow from the lines that `COPY … TO STDOUT (FORMAT csv)` sends.

All values of a column are read at once; where one of them is beyond Arrow's own reader (a year before 1 or after 9999,
an infinite time, a NaN among decimals), that batch is read as text and its columns are converted one by one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

import pyarrow as pa
import pyarrow.csv

from core.warehouses.wire.texts import convert_texts, make_schema
from core.warehouses.wire.types import Transport


def read_batches(pieces: Iterable[bytearray], transports: Sequence[Transport]) -> Generator[pa.RecordBatch, None, None]:
    """Yield a batch for each piece, which holds whole lines; one of no rows where there are none."""
    schema = make_schema(transports)
    is_empty = True
    for piece in pieces:
        yield _parse(piece, transports, schema)
        is_empty = False
    if is_empty:
        yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _parse(lines: bytearray, transports: Sequence[Transport], schema: pa.Schema) -> pa.RecordBatch:
    data = pa.py_buffer(lines)
    wanted = [pa.string() if pa.types.is_binary(transport.type) else transport.type for transport in transports]
    try:
        table = _read_csv(data, wanted)
    except pa.ArrowInvalid:
        table = _read_csv(data, [pa.string()] * len(wanted))
    arrays = [
        convert_texts(column.combine_chunks(), transport.type)
        for column, transport in zip(table.columns, transports, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _read_csv(data: pa.Buffer, types: Sequence[pa.DataType]) -> pa.Table:
    names = [str(number) for number in range(len(types))]
    return pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=data.size + 1),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict(zip(names, types, strict=True)),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
