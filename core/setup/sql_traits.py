"""SQL traits: what a warehouse knows about people, kept on their profiles by a query (spec/profiles.md 2.3).

They are a sync like any other: the query is a SQL model, each row one identify message to Segment Profiles, in mode
mirror. So only rows that changed are sent, a person who is no longer returned gets null, and the runs, their balance
sheets and every value's way back to its row are those of syncs. What is here are the rules of the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import pyarrow as pa

from core.destinations.segment_profiles import SEND_IDENTIFY, SEND_TRAITS_BY_EMAIL
from core.errors import InvalidField, LimitExceeded, MappingError, PrimaryKeyNotUnique
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.records import to_json_value
from core.setup.connections import find_warehouse_source, make_warehouse_source
from core.setup.entitled import ensure_entitled_segment_profiles
from core.sql_models.key_check import KeyCheck, check_key
from core.sql_models.preview import preview
from core.sql_models.sql_model import get_sql_model, save_sql_model
from core.syncs.run import SyncRun, list_runs
from core.syncs.sync import Sync, list_syncs, save_sync
from core.warehouses.definition import ColumnType, Kind
from core.warehouses.registry import open_warehouse
from core.warehouses.store import get_warehouse
from core.workspaces.spaces import connect_source
from core.workspaces.workspace import Workspace

INTERVALS_MINUTES = (60, 120, 240, 360, 480, 720, 1440)
DEFAULT_INTERVAL_MINUTES = 720
MAX_COLUMNS = 25
MAX_ROWS = 25_000_000
MAX_ROW_BYTES = 16 * 1024
IDENTITIES = ("user_id", "email", "anonymous_id")
"""The columns that may say whose a row is, the strongest first."""

_ACTIONS = (SEND_IDENTIFY.name, SEND_TRAITS_BY_EMAIL.name)
_TRAIT_KINDS = (Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)


@dataclass(frozen=True, slots=True)
class SqlTraits:
    """The traits that one query keeps: `key_column` says whose a row is, `columns` are the traits."""

    key_column: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SqlTraitsCheck:
    """What a query was found to return."""

    traits: SqlTraits
    rows: int
    sample: pa.Table


@dataclass(frozen=True, slots=True)
class SqlTraitsSync:
    """One sync that keeps traits, with its newest run; `columns` are the traits that it fills."""

    sync: Sync
    sql_model: str
    columns: tuple[str, ...]
    newest_run: SyncRun | None

    @property
    def fresh_at(self) -> datetime | None:
        """When the newest run ended."""
        return self.newest_run.finished_at if self.newest_run else None


def read_columns(columns: Sequence[ColumnType]) -> SqlTraits:
    """Return which column identifies and which are traits.

    Raises:
        MappingError: No column identifies, user_id and anonymous_id do both, there is no trait, there are too many
            columns, or a trait is neither text nor number.
    """
    names = {column.name.lower(): column.name for column in columns}
    found = [names[name] for name in IDENTITIES if name in names]
    if not found:
        raise MappingError(
            "No column says whose a row is.", hint=f"Return one of {', '.join(IDENTITIES)}, under exactly this name."
        )
    if "user_id" in names and "anonymous_id" in names:
        raise MappingError("The query returns user_id and anonymous_id.", hint="Return one of the two.")
    if len(columns) > MAX_COLUMNS:
        raise MappingError(f"The query returns {len(columns)} columns.", hint=f"Return at most {MAX_COLUMNS}.")
    traits = [column for column in columns if column.name != found[0]]
    for column in traits:
        if column.kind not in _TRAIT_KINDS:
            raise MappingError(
                f"The column {column.name} is {column.type}; a SQL trait is a text or a number.",
                hint=f"Cast it in the query: CAST({column.name} AS VARCHAR).",
            )
    if not traits:
        raise MappingError(f"The query returns {found[0]} and no trait.", hint="Return at least one more column.")
    return SqlTraits(found[0], tuple(column.name for column in traits))


def check_sql_traits(workspace: Workspace, warehouse_id: str, sql: str) -> SqlTraitsCheck:
    """Run the query, look at its first rows, and count the keys of all rows.

    Raises:
        NotReadOnly, SqlSyntaxError, QueryError: As for a preview.
        MappingError: As `read_columns`, or a row is too large.
        PrimaryKeyNotUnique: Rows share a key, or have none.
        LimitExceeded: There are too many rows.
    """
    with open_warehouse(workspace, warehouse_id) as warehouse:
        first = preview(warehouse, sql)
        traits = read_columns(first.columns)
        for number, row in enumerate(first.rows.to_pylist(), start=1):
            size = len(orjson.dumps(to_json_value(row)))
            if size >= MAX_ROW_BYTES:
                raise MappingError(
                    f"Row {number} takes {size:,} bytes.", hint=f"A row has less than {MAX_ROW_BYTES:,}: shorten it."
                )
        keys = check_key(warehouse, sql, traits.key_column)
    _require_keys(keys, traits.key_column)
    return SqlTraitsCheck(traits, keys.rows, first.rows)


def create_sql_traits(
    workspace: Workspace,
    space_id: str,
    *,
    name: str,
    warehouse_id: str,
    sql: str,
    interval_minutes: int = DEFAULT_INTERVAL_MINUTES,
) -> Sync:
    """Make the SQL model and the sync that keep these traits; its first run is due at once.

    Raises:
        InvalidField: The name is empty or taken, or the interval is none of those there are.
        LimitExceeded: There is no room for the source or the destination, or there are too many rows.
        CoreError: As `check_sql_traits`; nothing is made.
    """
    if interval_minutes not in INTERVALS_MINUTES:
        choices = ", ".join(str(minutes) for minutes in INTERVALS_MINUTES)
        raise InvalidField(f"SQL traits cannot run every {interval_minutes} minutes.", hint=f"Use one of: {choices}.")
    if any(sync.name.casefold() == name.strip().casefold() for sync in list_syncs(workspace)):
        raise InvalidField(f"A sync with the name {name.strip()!r} exists.", hint="Choose another name.")
    traits = check_sql_traits(workspace, warehouse_id, sql).traits
    warehouse = get_warehouse(workspace, warehouse_id)
    source = find_warehouse_source(workspace, warehouse) or make_warehouse_source(workspace, warehouse)
    connect_source(workspace, space_id, source.id)
    destination = ensure_entitled_segment_profiles(workspace)
    model = save_sql_model(workspace, name=name, warehouse_id=warehouse_id, sql=sql, key_column=traits.key_column)
    return save_sync(
        workspace,
        name=name,
        sql_model_id=model.id,
        source_id=source.id,
        destination_id=destination.id,
        action=(SEND_TRAITS_BY_EMAIL if _is_by_email(traits) else SEND_IDENTIFY).name,
        mapping=_make_mapping(space_id, traits),
        mode="mirror",
        interval_minutes=interval_minutes,
    )


def list_sql_traits(workspace: Workspace) -> list[SqlTraitsSync]:
    """Return every sync that fills traits of profiles from a SQL model, with what it fills."""
    found = []
    for sync in list_syncs(workspace):
        keys = tuple(entry.key for entry in sync.mapping.entries if entry.field == "traits" and entry.key)
        if sync.action in _ACTIONS and keys:
            runs = list_runs(workspace, sync.id, limit=1)
            model = get_sql_model(workspace, sync.sql_model_id)
            found.append(SqlTraitsSync(sync, model.name, keys, runs[0] if runs else None))
    return found


def _require_keys(keys: KeyCheck, column: str) -> None:
    if keys.rows > MAX_ROWS:
        raise LimitExceeded(
            f"The query returns {keys.rows:,} rows.", hint=f"SQL traits take at most {MAX_ROWS:,}: return fewer."
        )
    if not keys.ok:
        raise PrimaryKeyNotUnique(
            f"{keys.duplicate_rows:,} rows share a value of {column}, and {keys.nulls:,} have none.",
            hint=f"Return one row a {column}, with GROUP BY or DISTINCT, and leave out rows WHERE {column} IS NULL.",
        )


def _is_by_email(traits: SqlTraits) -> bool:
    return traits.key_column.lower() == "email"


def _make_mapping(space_id: str, traits: SqlTraits) -> FieldMapping:
    field, key = ("traits", "email") if _is_by_email(traits) else (traits.key_column.lower(), None)
    entries = [MappingEntry("engage_space", None, Constant(space_id))]
    entries.append(MappingEntry(field, key, ColumnRef(traits.key_column)))
    entries += [MappingEntry("traits", column.lower(), ColumnRef(column)) for column in traits.columns]
    return FieldMapping(tuple(entries))
