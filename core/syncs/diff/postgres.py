"""Postgres's words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from core.syncs.diff.dialect import TOTAL, DiffDialect
from core.warehouses.definition import ColumnType, Kind
from core.warehouses.state_session import STATE_SCHEMA

_PLAIN_TEXT = ("text", "character varying")


class PostgresDiff(DiffDialect):
    """A print is made of one 64-bit hash for each column, each from a seed of its own, joined by exclusive or.

    That takes half the time of an MD5 of the row as text. A change goes unseen once in 2^64 changes.
    """

    text_type = "text"

    def print_sql(self, columns: Sequence[ColumnType]) -> str:
        """Return the hashes of the columns, joined."""
        hashes = (self._hash_sql(column, number) for number, column in enumerate(columns))
        return f"({' # '.join(hashes)})::text"

    def _hash_sql(self, column: ColumnType, number: int) -> str:
        name, seed = self.quote(column.name), _make_seed(number)
        if column.kind is Kind.INTEGER:
            hashed = f"hashint8extended({name}::bigint, {seed})"
        elif column.kind is Kind.BOOLEAN:
            hashed = f"hashint4extended({name}::integer, {seed})"
        elif column.kind in (Kind.TEXT, Kind.OTHER) and not column.type.startswith(_PLAIN_TEXT):
            # What the server would send, in which a char(n) has its blanks; a cast takes them off
            hashed = f'hashtextextended(concat({name}) COLLATE "C", {seed})'
        else:
            hashed = f'hashtextextended({name}::text COLLATE "C", {seed})'
        return f"CASE WHEN {name} IS NULL THEN {seed} ELSE {hashed} END"

    def text_sql(self, expression: str) -> str:
        """Return the expression as text that sorts by its bytes, which is several times faster than by a language."""
        return f'({expression})::text COLLATE "C"'

    def create_schema_sql(self) -> str:
        """Return a statement that needs no right to make schemas where ours was made before."""
        return (
            f"DO $$ BEGIN IF to_regnamespace('{STATE_SCHEMA}') IS NULL THEN CREATE SCHEMA {STATE_SCHEMA}; "
            "END IF; END $$"
        )

    def create_records_sql(self, table: str) -> str:
        """Return the table with keys that sort by their bytes, as `text_sql` does."""
        return f'CREATE TABLE IF NOT EXISTS {table} (record_id text COLLATE "C", print text)'

    def counted_rows_sql(self, query: str, key_column: str, columns: Sequence[ColumnType], records: str) -> str | None:
        """Return the join without a look at each key, which needs no sorting and is done by several processes."""
        changed = self._joined_sql(self._printed_sql(query, key_column, columns), columns, records)
        nothing = ", ".join(["NULL"] * (len(columns) + 2))
        return (
            f"SELECT changed.*, NULL::bigint AS {self.quote(TOTAL)} FROM ({changed}) AS changed "  # noqa: S608
            f"UNION ALL SELECT {nothing}, FALSE, FALSE, count(*) FROM ({query}\n) AS model_rows"
        )

    def differs_sql(self, left: str, right: str) -> str:
        """Return a condition that the planner expects to be rare: of `<>` it expects that nearly every row has it, and
        so many rows it will not let several processes work on.
        """
        return f"({left} = {right})::int = 0"

    def settle_sql(self, table: str) -> tuple[str, ...]:
        """Return what makes the planner know at once that no two keys are equal; else it would sort them."""
        return (f"ANALYZE {table}",)


def _make_seed(number: int) -> int:
    return int.from_bytes(hashlib.blake2b(b"column %d" % number, digest_size=8).digest()) >> 1
