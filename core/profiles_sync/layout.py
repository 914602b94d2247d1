"""The tables of a synced space in a warehouse, and the SQL that writes them in each engine.

Two kinds. Tables of what happened only grow: messages, and what each of them changed. Tables of how things are hold
each profile as it is now. Names and meanings are those of the specification (spec/profiles.md, section 6), but for
`group_call`, because GROUP is a word of SQL. The tables of single events are what happened too; senders choose their
names and columns (`event_tables.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.errors import UnknownConnector

SEQ = "seq"
WRITTEN_AT = "uuid_ts"
OPERATION, CREATED, REMOVED = "__operation", "CREATED", "REMOVED"
STAGE_PREFIX = "onramp_stage_"


class ColumnKind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    FLOAT = "float"
    BOOLEAN = "boolean"
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


# a column that came later stands at the end: it does where tables were upgraded, and stages are filled by place
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
    "triggering_event_type triggering_event_name triggering_event_source_id uuid_ts __operation "
    "id triggering_event_source_name triggering_event_source_slug",
)
TRAIT_UPDATES = _table(
    "profile_traits_updates",
    "segment_id name value seq timestamp received_at triggering_event_id triggering_event_source_id uuid_ts",
)
ID_GRAPH = _table("id_graph", "segment_id canonical_segment_id timestamp uuid_ts")
MERGES = _table("profile_merges", "canonical_segment_id segment_id uuid_ts seq received_at timestamp")
PROFILE_TRAITS = _table("profile_traits", "segment_id merged_to traits created_at updated_at uuid_ts")
USER_TRAITS = _table(
    "user_traits", "canonical_segment_id name value seq timestamp uuid_ts", owner="canonical_segment_id"
)
USER_IDENTIFIERS = _table(
    "user_identifiers",
    "canonical_segment_id type value external_id_hash source_id seq timestamp uuid_ts",
    owner="canonical_segment_id",
)
EXTERNAL_IDS = _table(
    "external_id_mapping",
    "canonical_segment_id external_id_type external_id_value external_id_hash seq timestamp uuid_ts",
    owner="canonical_segment_id",
)
CALLS = {"identify": IDENTIFY, "track": TRACK, "page": PAGE, "screen": SCREEN, "group": GROUP, "alias": ALIAS}
HAPPENED = (*CALLS.values(), ID_GRAPH_UPDATES, EXTERNAL_ID_UPDATES, TRAIT_UPDATES)
CURRENT = (ID_GRAPH, EXTERNAL_IDS, MERGES, PROFILE_TRAITS, USER_TRAITS, USER_IDENTIFIERS)
CURRENT_LAYOUT = 2
"""Part of the print of every profile: a higher one has all of them written again, where these tables have changed."""
TABLES = (*HAPPENED, *CURRENT)
OWNERS = _table("owners", "segment_id")
"""The profiles of a batch: all of theirs is taken away before what they are now is put in its place."""
PROPERTIES = _table("properties", "target seq name value uuid_ts")
"""A value of an event on its way to a column of the table `target`; one of no name stands for the event itself."""
SOURCES = _table("sources", "source_id name slug")
"""What the sources of the workspace are called, for rows that were written before tables had a column for it."""
STAGED = (*TABLES, OWNERS, PROPERTIES, SOURCES)
EVENT_COLUMNS = _table("event", f"{_CALL} event uuid_ts").columns
"""What the table of an event has before its properties. `track` has no `uuid_ts`: so a view over it is none of ours."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine names types. `max_text_bytes` is what its text holds; None where every value of ours fits.

    `has_indexes` says that it finds rows by an index, and reads the whole table without one; `adds_many`, that one
    statement adds several columns; `folds_up`, that its catalog has names in upper case.
    """

    text: str = "VARCHAR"
    number: str = "BIGINT"
    float: str = "DOUBLE"
    boolean: str = "BOOLEAN"
    time: str = "TIMESTAMPTZ"
    max_text_bytes: int | None = None
    has_indexes: bool = False
    adds_many: bool = False
    folds_up: bool = False

    def type_of(self, kind: ColumnKind) -> str:
        """Return the engine's type for a kind of column."""
        return str(getattr(self, kind))

    def read(self, value: str, kind: ColumnKind) -> str:
        """Return the expression that makes a value of this kind of a text."""
        if kind is ColumnKind.TEXT:
            return value
        if kind is ColumnKind.BOOLEAN:  # Redshift casts no text to it
            return f"CASE {value} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END"
        return f"CAST({value} AS {self.type_of(kind)})"


DIALECTS: Mapping[str, Dialect] = {
    "bigquery": Dialect(
        text="STRING", number="INT64", float="FLOAT64", boolean="BOOL", time="TIMESTAMP", adds_many=True
    ),
    "duckdb": Dialect(),
    "postgres": Dialect(text="TEXT", float="DOUBLE PRECISION", has_indexes=True, adds_many=True),
    "redshift": Dialect(text="VARCHAR(65535)", float="DOUBLE PRECISION", max_text_bytes=65_535),
    "snowflake": Dialect(time="TIMESTAMP_TZ", folds_up=True),
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
    values = ", ".join(dialect.read(name, kind) for name, kind in table.columns.items())
    names = ", ".join(table.columns)
    return f"INSERT INTO {schema}.{table.name} ({names}) SELECT {values} FROM {name_stage(schema, table)}"  # noqa: S608


def add_columns_sql(schema: str, table: str, columns: Mapping[str, ColumnKind], dialect: Dialect) -> Iterator[str]:
    """Yield the statements that give a table more columns."""
    added = [f"ADD COLUMN {name} {dialect.type_of(kind)}" for name, kind in columns.items()]
    for some in [", ".join(added)] if dialect.adds_many else added:
        yield f"ALTER TABLE {schema}.{table} {some}"


def insert_event_sql(schema: str, table: SyncedTable, dialect: Dialect, missing: tuple[int, int] | None = None) -> str:
    """Return the statement that brings the events of the stages of `TRACK` and `PROPERTIES` into an event's table.

    `table` has the columns that the stage has values for; other columns of the table stay NULL. Where the staged events
    are `missing`, which is above one offset up to another, those that the table has already are left out.
    """
    own = [name for name in table.columns if name not in EVENT_COLUMNS]
    # read after MAX, so that no text is cast that is another column's
    values = [f"MAX(CASE WHEN name = '{name}' THEN value END) AS v{number}" for number, name in enumerate(own)]
    sources = {WRITTEN_AT: f"p.{WRITTEN_AT}"} | {name: f"p.v{number}" for number, name in enumerate(own)}
    read = [dialect.read(sources.get(name, f"c.{name}"), kind) for name, kind in table.columns.items()]
    events = (
        f"SELECT {', '.join([SEQ, f'MAX({WRITTEN_AT}) AS {WRITTEN_AT}', *values])} "  # noqa: S608 - names of ours
        f"FROM {name_stage(schema, PROPERTIES)} WHERE target = '{table.name}' GROUP BY {SEQ}"
    )
    only = ""
    if missing is not None:
        there = f"SELECT {SEQ} FROM {schema}.{table.name} WHERE {SEQ} > {missing[0]} AND {SEQ} <= {missing[1]}"  # noqa: S608
        only = f" WHERE {dialect.read(f'c.{SEQ}', ColumnKind.NUMBER)} NOT IN ({there})"
    return (
        f"INSERT INTO {schema}.{table.name} ({', '.join(table.columns)}) SELECT {', '.join(read)} "  # noqa: S608
        f"FROM {name_stage(schema, TRACK)} c JOIN ({events}) p ON p.{SEQ} = c.{SEQ}{only}"
    )


def forget_span_sql(schema: str, table: str, after: int) -> str:
    """Return the statement that takes away what a run that was cut short wrote after the offset `after`."""
    return f"DELETE FROM {schema}.{table} WHERE {SEQ} > {after}"  # noqa: S608 - names of ours and a number


def forget_removed_sql(schema: str) -> str:
    """Return the statement that takes away which identifiers were deleted from the profiles that the stage names."""
    table, staged = EXTERNAL_ID_UPDATES.name, f"SELECT segment_id FROM {name_stage(schema, EXTERNAL_ID_UPDATES)}"  # noqa: S608
    return f"DELETE FROM {schema}.{table} WHERE {OPERATION} = '{REMOVED}' AND segment_id IN ({staged})"  # noqa: S608


def complete_mappings_sql(schema: str, dialect: Dialect) -> Iterator[str]:
    """Yield what tells of rows of `EXTERNAL_ID_UPDATES` what they had no column for, the sources being in their stage.

    A row is complete once it has an id, so that comes last.
    """
    table, sources = f"{schema}.{EXTERNAL_ID_UPDATES.name}", name_stage(schema, SOURCES)
    yield (
        f"UPDATE {table} SET triggering_event_source_name = s.name, triggering_event_source_slug = s.slug "  # noqa: S608
        f"FROM {sources} s WHERE triggering_event_source_id = s.source_id AND id IS NULL"
    )
    operation = f"COALESCE({OPERATION}, '{CREATED}')"
    row_id = f"CAST({SEQ} AS {dialect.text}) || '-' || {operation} || '-' || external_id_hash"
    yield f"UPDATE {table} SET {OPERATION} = {operation}, id = {row_id} WHERE id IS NULL"  # noqa: S608 - names of ours


def forget_all_sql(schema: str, table: SyncedTable) -> str:
    """Return the statement that takes every row out of the table."""
    return f"DELETE FROM {schema}.{table.name} WHERE TRUE"  # noqa: S608 - names of ours


def forget_owners_sql(schema: str, table: str, owner: str = "segment_id") -> str:
    """Return the statement that takes away all that the table says of the profiles of a batch."""
    owners = f"SELECT segment_id FROM {name_stage(schema, OWNERS)}"  # noqa: S608 - names of ours
    return f"DELETE FROM {schema}.{table} WHERE {owner} IN ({owners})"  # noqa: S608


def name_stage(schema: str, table: SyncedTable) -> str:
    """Return the stage of a table."""
    return f"{schema}.{STAGE_PREFIX}{table.name}"
