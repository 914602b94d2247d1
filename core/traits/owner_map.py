"""Whose each message is, for DuckDB's queries over many messages: a number a message, in a file of its own.

A join would hold every message of the log in memory, or write it to the disk and read it again. Offsets follow each
other, so four bytes at the place of each do, in a file that the system keeps in memory as far as there is room.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Self, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import PythonUDFType

_WRITTEN_BYTES = 1 << 20
_Numbers: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int32]]
Offsets: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
OWNERS = pa.schema({"owner": pa.string(), "offsets": pa.list_(pa.int64())})
"""A profile and the offsets of its messages. A profile may come in several rows."""


class OwnerMap:
    """Makes the table `people` (owner, number) and the function `owner_of(offset)`, 0 where a message is nobody's.

    Both are there once something was read, and until the map is closed. Reading may go on beside other queries, in a
    thread. What is read of the whole log serves any number of traits.

    Args:
        database: The connection whose queries use them.
        first: The first offset.
        last: The last one.
        owners: Whose these messages are, all of them for None; as tables of `OWNERS`.
    """

    def __init__(
        self,
        database: duckdb.DuckDBPyConnection,
        first: int,
        last: int,
        owners: Callable[[Offsets | None], Iterable[pa.Table]],
    ) -> None:
        self.first, self.last = first, last
        self.is_whole = False
        self._database = database.cursor()
        self._owners = owners
        ((folder,),) = database.execute("SELECT current_setting('temp_directory')").fetchall()
        self._file = tempfile.TemporaryFile(dir=folder if Path(folder).is_dir() else None)  # noqa: SIM115
        self._numbers = _make_numbers(self._file, last - first + 1)
        self._same: _Numbers | None = None
        database.create_function("owner_of", self._find, ["BIGINT"], "INTEGER", type=PythonUDFType.ARROW)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._file.close()

    def read(self, only: Offsets | None = None) -> None:
        """Read whose the messages are, or whose `only` these are."""
        self._database.execute("CREATE OR REPLACE TABLE rows_read (number INTEGER, owner VARCHAR)")
        count = 0
        for table in self._owners(only):
            numbers = np.arange(count + 1, count + len(table) + 1, dtype=np.int32)
            count += len(table)
            self._database.register("batch", pa.table({"number": numbers, "owner": table["owner"]}))
            self._database.execute("INSERT INTO rows_read FROM batch")
            self._put(numbers, table["offsets"])
        self._number_people(count)
        self.is_whole = only is None

    def _put(self, numbers: _Numbers, offsets: pa.ChunkedArray) -> None:
        each = pc.list_value_length(offsets).to_numpy()
        self._numbers[pc.list_flatten(offsets).to_numpy() - self.first] = np.repeat(numbers, each)

    def _number_people(self, rows: int) -> None:
        """Give each person the first of the numbers of its rows."""
        database = self._database
        database.execute(
            "CREATE OR REPLACE TABLE people AS SELECT owner, min(number) AS number FROM rows_read GROUP BY owner"
        )
        ((people,),) = database.execute("SELECT count(*) FROM people").fetchall()
        self._same = None
        if people < rows:
            found = database.execute(
                "SELECT rows_read.number AS row, people.number AS person FROM rows_read JOIN people USING (owner)"
            ).fetchnumpy()
            self._same = np.zeros(rows + 1, np.int32)
            self._same[found["row"]] = found["person"]
        database.execute("DROP TABLE rows_read")

    def _find(self, offsets: pa.Array) -> pa.Array:
        numbers = self._numbers[offsets.to_numpy() - self.first]
        return pa.array(numbers if self._same is None else self._same[numbers])


def _make_numbers(file: IO[bytes], count: int) -> _Numbers:
    """Return zeros kept in the file, written out: where a hole meets a full disk, the process would end."""
    for start in range(0, 4 * count, _WRITTEN_BYTES):
        file.write(bytes(min(_WRITTEN_BYTES, 4 * count - start)))
    file.flush()
    return np.memmap(file, np.int32, "r+", shape=(count,))
