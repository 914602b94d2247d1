"""The tables of a synced space in a warehouse, and the SQL that writes them in each engine.

Two kinds. Tables of what happened only grow: messages, and what each of them changed. Tables of how things are hold
each profile as it is now. Names and meanings are those of the specification (spec/profiles.md, section 6), but for
`group_call`, because GROUP is a word of SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.errors import UnknownConnector

SEQ = "seq"
STAGE_PREFIX = "onramp_stage_"


class ColumnKind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class SyncedTable:
    """One table: its name, its columns by name, and the column that names the profile."""

    name: str
    columns: Mapping[str, ColumnKind]
    owner: str = "segment_id"

    def __hash__(self) -> int:
        """Return the hash of the name."""
        return hash(self.name)


def _table(name: str, text: str, *, owner: str = "segment_id") -> SyncedTable:
    kinds = {"seq": ColumnKind.NUMBER}
    kinds |= dict.fromkeys(("timestamp", "received_at", "uuid_ts", "created_at", "updated_at"), ColumnKind.TIME)
    return SyncedTable(name, {column: kinds.get(column, ColumnKind.TEXT) for column in text.split()}, owner)


_CALL = "id seq segment_id event_source_id user_id anonymous_id received_at timestamp context"
IDENTIFY = _table("identify", f"{_CALL} traits")
TRACK = _table("track", f"{_CALL} event properties")
PAGE = _table("page", f"{_CALL} name properties")
SCREEN = _table("screen", f"{_CALL} name properties")
GROUP = _table("group_call", f"{_CALL} group_id traits")
ALIAS = _table("alias", f"{_CALL} previous_id")
ID_GRAPH_UPDATES = _table(
    "id_graph_updates",
    "segment_id canonical_segment_id seq timestamp triggering_event_type triggering_event_id uuid_ts",
)
EXTERNAL_ID_UPDATES = _table(
    "external_id_mapping_updates",
    "segment_id external_id_type external_id_value external_id_hash seq timestamp received_at triggering_event_id "
    "triggering_event_type triggering_event_name triggering_event_source_id uuid_ts",
)
TRAIT_UPDATES = _table(
    "profile_traits_updates",
    "segment_id name value seq timestamp received_at triggering_event_id triggering_event_source_id uuid_ts",
)
ID_GRAPH = _table("id_graph", "segment_id canonical_segment_id timestamp uuid_ts")
MERGES = _table("profile_merges", "canonical_segment_id segment_id uuid_ts")
PROFILE_TRAITS = _table("profile_traits", "segment_id merged_to traits created_at updated_at uuid_ts")
USER_TRAITS = _table(
    "user_traits", "canonical_segment_id name value seq timestamp uuid_ts", owner="canonical_segment_id"
)
USER_IDENTIFIERS = _table(
    "user_identifiers",
    "canonical_segment_id type value external_id_hash source_id seq timestamp uuid_ts",
    owner="canonical_segment_id",
)
CALLS = {"identify": IDENTIFY, "track": TRACK, "page": PAGE, "screen": SCREEN, "group": GROUP, "alias": ALIAS}
HAPPENED = (*CALLS.values(), ID_GRAPH_UPDATES, EXTERNAL_ID_UPDATES, TRAIT_UPDATES)
CURRENT = (ID_GRAPH, MERGES, PROFILE_TRAITS, USER_TRAITS, USER_IDENTIFIERS)
TABLES = (*HAPPENED, *CURRENT)
OWNERS = _table("owners", "segment_id")
"""The profiles of a batch: all of theirs is taken away before what they are now is put in its place."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine names types. `max_text_bytes` is what its text holds; None where every value of ours fits.

    `has_indexes` says that it finds rows by an index, and reads the whole table without one.
    """

    text: str = "VARCHAR"
    number: str = "BIGINT"
    time: str = "TIMESTAMPTZ"
    max_text_bytes: int | None = None
    has_indexes: bool = False

    def type_of(self, kind: ColumnKind) -> str:
        """Return the engine's type for a kind of column."""
        return {ColumnKind.TEXT: self.text, ColumnKind.NUMBER: self.number, ColumnKind.TIME: self.time}[kind]


DIALECTS: Mapping[str, Dialect] = {
    "bigquery": Dialect(text="STRING", number="INT64", time="TIMESTAMP"),
    "duckdb": Dialect(),
    "postgres": Dialect(text="TEXT", has_indexes=True),
    "redshift": Dialect(text="VARCHAR(65535)", max_text_bytes=65_535),
    "snowflake": Dialect(time="TIMESTAMP_TZ"),
}
"""By SQLGlot's name of the warehouse's dialect."""


def get_dialect(name: str, label: str) -> Dialect:
    """Return how a warehouse's engine writes what is needed; `label` names the kind of warehouse.

    Raises:
        UnknownConnector: Profiles cannot be written to this kind of warehouse.
    """
    if name not in DIALECTS:
        raise UnknownConnector(
            f"Profiles cannot be written to {label} yet.", hint=f"Use one of: {', '.join(sorted(DIALECTS))}."
        )
    return DIALECTS[name]


def create_sql(schema: str, table: SyncedTable, dialect: Dialect) -> str:
    """Return the statement that makes the table where there is none."""
    columns = ", ".join(f"{name} {dialect.type_of(kind)}" for name, kind in table.columns.items())
    return f"CREATE TABLE IF NOT EXISTS {schema}.{table.name} ({columns})"


def create_index_sql(schema: str, table: SyncedTable) -> str:
    """Return the statement that makes the index by which what a table says of a profile is found."""
    return f"CREATE INDEX IF NOT EXISTS {table.name}_{table.owner} ON {schema}.{table.name} ({table.owner})"


def create_stage_sql(schema: str, table: SyncedTable, dialect: Dialect) -> str:
    """Return the statement that makes the table of texts through which rows come in."""
    columns = ", ".join(f"{name} {dialect.text}" for name in table.columns)
    return f"CREATE TABLE IF NOT EXISTS {name_stage(schema, table)} ({columns})"


def empty_stage_sql(schema: str, table: SyncedTable) -> str:
    """Return the statement that takes every row out of the stage."""
    return f"DELETE FROM {name_stage(schema, table)} WHERE TRUE"  # noqa: S608 - names of ours


def insert_sql(schema: str, table: SyncedTable, dialect: Dialect) -> str:
    """Return the statement that brings the stage's rows into the table, each value in its type."""
    values = ", ".join(
        name if kind is ColumnKind.TEXT else f"CAST({name} AS {dialect.type_of(kind)})"
        for name, kind in table.columns.items()
    )
    names = ", ".join(table.columns)
    return f"INSERT INTO {schema}.{table.name} ({names}) SELECT {values} FROM {name_stage(schema, table)}"  # noqa: S608


def forget_span_sql(schema: str, table: SyncedTable, after: int) -> str:
    """Return the statement that takes away what a run that was cut short wrote after the offset `after`."""
    return f"DELETE FROM {schema}.{table.name} WHERE {SEQ} > {after}"  # noqa: S608 - names of ours and a number


def forget_all_sql(schema: str, table: SyncedTable) -> str:
    """Return the statement that takes every row out of the table."""
    return f"DELETE FROM {schema}.{table.name} WHERE TRUE"  # noqa: S608 - names of ours


def forget_owners_sql(schema: str, table: SyncedTable) -> str:
    """Return the statement that takes away all that the table says of the profiles of a batch."""
    owners = f"SELECT segment_id FROM {name_stage(schema, OWNERS)}"  # noqa: S608 - names of ours
    return f"DELETE FROM {schema}.{table.name} WHERE {table.owner} IN ({owners})"  # noqa: S608


def name_stage(schema: str, table: SyncedTable) -> str:
    """Return the stage of a table."""
    return f"{schema}.{STAGE_PREFIX}{table.name}"
