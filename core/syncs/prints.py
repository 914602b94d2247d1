"""What a sync's state remembers of its copy in the warehouse: the prints of this run's rows, and a generation.

See docs/decisions/0009. The table `prints` lies in the sync's state file: from the committed plan to its end it holds
the print of each row that was read, with the checksum of its payload. A print may stand in the warehouse only for the
payload that the destination acknowledged, so what is recorded is joined by that checksum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

from core.syncs.state_file import StateFile
from core.warehouses.definition import ColumnType

RECORD_BATCH_ROWS = 20_000
SCHEMA = "CREATE TABLE IF NOT EXISTS prints (key VARCHAR, print VARCHAR, checksum UHUGEINT);"
_COMPLETE = (
    "SELECT a.key AS record_id, coalesce(p.print, '') AS print FROM acked a "
    "LEFT JOIN prints p ON p.key = a.key AND p.checksum = a.checksum WHERE a.checksum IS NOT NULL"
)
_CHANGED = (
    "SELECT a.key AS record_id, p.print FROM prints p JOIN acked a ON a.key = p.key AND a.checksum = p.checksum "
    "UNION ALL SELECT a.key, NULL FROM plan p JOIN acked a ON a.key = p.key "
    "WHERE p.operation = 'deleted' AND a.checksum IS NULL"
)


class Generation(NamedTuple):
    """What both sides must agree on: a name for the copy, and a text for everything that a print depends on."""

    name: str
    recipe: str


class Comparison(NamedTuple):
    """How the warehouse compared: all rows came (`is_complete`), or those that differ from `known` records.

    `columns` are those that the print covers, the key first. `may_count` lets the warehouse leave out rows that share
    an unchanged key, where counting all rows is cheaper than looking at each key.
    """

    is_complete: bool
    known: int
    recipe: str
    columns: tuple[ColumnType, ...]
    may_count: bool = True


class Prints:
    """The prints of one sync, in its state's file."""

    def __init__(self, file: StateFile) -> None:
        self._db = file.database
        self._get, self._put = file.get, file.put
        self._db.execute(SCHEMA)

    @property
    def is_local(self) -> bool:
        """Whether a person has chosen to keep nothing in the warehouse."""
        return self._get("place") == "local"

    def choose_place(self, *, is_local: bool) -> None:
        """Remember a person's choice; the next run reads every row once."""
        self._put("place", "local" if is_local else "warehouse")
        self._put("given_up", "")
        self.explain("")
        self.distrust()

    @property
    def why_here(self) -> str:
        """Why the last run compared here although nobody chose so, in a sentence; "" where there is no such reason."""
        return self._get("why_here") or ""

    @property
    def missing_grant(self) -> str:
        """The statement that would let the warehouse compare; "" where no right is missing."""
        return self._get("missing_grant") or ""

    def explain(self, why: str, *, grant: str = "") -> None:
        """Remember why this run compares here, and the grant that is missing for it."""
        if (why, grant) != (self.why_here, self.missing_grant):
            self._put("why_here", why)
            self._put("missing_grant", grant)

    def give_up(self, recipe: str, why: str) -> None:
        """Remember that the warehouse failed to compare these columns, so that no run tries until something changes."""
        self._put("given_up", recipe)
        self.explain(why)

    def has_given_up(self, recipe: str) -> bool:
        """Say whether the warehouse has failed to compare these very columns."""
        return self._get("given_up") == recipe

    def read_generation(self) -> Generation | None:
        """Return what the warehouse must hold for its copy to be trusted; None where it is not to be trusted."""
        name, recipe = self._get("generation"), self._get("recipe")
        return Generation(name, recipe) if name and recipe else None

    def distrust(self) -> None:
        """Have the next run read every row."""
        self._put("generation", "")

    def trust(self, name: str) -> None:
        """Note that the warehouse holds exactly what was acknowledged, under this name, by the recipe of `commit`."""
        self._put("generation", name)

    def commit(self, comparison: Comparison | None, *, has_rows: bool) -> None:
        """Keep the prints of the rows in the temporary table `mapped`, in the transaction that commits the plan.

        Where nothing differs from a trusted copy, it stays trusted.
        """
        if comparison is not None and not comparison.is_complete and not has_rows:
            return
        self.distrust()
        if comparison is None:
            return
        self._put("recipe", comparison.recipe)
        self._put("prints", "complete" if comparison.is_complete else "changed")
        self._db.execute(
            "INSERT INTO prints SELECT key, any_value(print), any_value(checksum) FROM mapped "
            "WHERE print IS NOT NULL AND key IS NOT NULL AND NOT is_gone GROUP BY key HAVING count(*) = 1"
        )

    def read_kept(self) -> str:
        """Return which prints are kept for the warehouse: complete, changed, or none (an empty text)."""
        return self._get("prints") or ""

    def clear(self) -> None:
        """Forget the prints of the run, in the transaction that clears its plan."""
        self._db.execute("DELETE FROM prints")
        self._put("prints", "")

    def iterate(self) -> Iterator[pa.RecordBatch]:
        """Yield what the warehouse is to hold, once the plan is closed: record_id and print, NULL for a deletion."""
        question = _COMPLETE if self.read_kept() == "complete" else _CHANGED
        cursor = self._db.cursor()
        try:
            rows: pa.RecordBatchReader = cursor.sql(question).to_arrow_reader(RECORD_BATCH_ROWS)
            yield from rows
        finally:
            cursor.close()
