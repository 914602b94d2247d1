"""SQL traits: what a warehouse knows about people or accounts, kept by a query (spec/profiles.md 2.3).

They are a sync like any other: the query is a SQL model, each row one record for Segment Profiles, in mode mirror. So
only rows that changed are sent, who is no longer returned gets null, and the runs, their balance sheets and every
value's way back to its row are those of syncs. What is here are the rules of the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import pyarrow as pa

from core.destinations.segment_profiles import (
    KEEP_ACCOUNT_TRAITS,
    KEEP_TRAITS,
    KEEP_TRAITS_BY_EMAIL,
    SEND_IDENTIFY,
    SEND_TRAITS_BY_EMAIL,
)
from core.errors import InvalidField, LimitExceeded, MappingError, NotFound, PrimaryKeyNotUnique
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.records import to_json_value
from core.setup.connections import find_warehouse_source, make_warehouse_source
from core.setup.entitled import ensure_entitled_segment_profiles
from core.setup.status import SPACE_FIELD
from core.sql_models.key_check import KeyCheck, check_key
from core.sql_models.limits import MAX_TRAITS_ROW_BYTES
from core.sql_models.preview import preview
from core.sql_models.sql_model import get_sql_model, save_sql_model
from core.syncs.engine import delete_sync
from core.syncs.run import SyncRun, list_runs
from core.syncs.sync import Sync, get_sync, list_syncs, save_sync
from core.warehouses.definition import ColumnType, Kind
from core.warehouses.registry import open_warehouse
from core.warehouses.store import get_warehouse
from core.workspaces.spaces import connect_source
from core.workspaces.workspace import Workspace

INTERVALS_MINUTES = (60, 120, 240, 360, 480, 720, 1440)
DEFAULT_INTERVAL_MINUTES = 720
MAX_COLUMNS = 25
MAX_ROWS = 25_000_000
ACCOUNT = "group_id"
IDENTITIES = ("user_id", "email", "anonymous_id", ACCOUNT)
"""The columns that may say whose a row is, the strongest first; of a person's `group_id` is a trait."""

_OWN_ACTIONS = (KEEP_TRAITS.name, KEEP_TRAITS_BY_EMAIL.name, KEEP_ACCOUNT_TRAITS.name)
_ACTIONS = (*_OWN_ACTIONS, SEND_IDENTIFY.name, SEND_TRAITS_BY_EMAIL.name)
_TRAIT_KINDS = (Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)


@dataclass(frozen=True, slots=True)
class SqlTraits:
    """The traits that one query keeps: `key_column` says whose a row is, `columns` are the traits."""

    key_column: str
    columns: tuple[str, ...]

    @property
    def is_of_accounts(self) -> bool:
        """Whether the rows are about accounts, not people."""
        return self.key_column.lower() == ACCOUNT


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
    def is_of_accounts(self) -> bool:
        """Whether they are about accounts, not people."""
        return self.sync.action == KEEP_ACCOUNT_TRAITS.name

    @property
    def is_sql_traits(self) -> bool:
        """Whether the sync was made as SQL traits, and is not one that fills traits beside other things."""
        return self.sync.action in _OWN_ACTIONS

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
            if size >= MAX_TRAITS_ROW_BYTES:
                raise MappingError(
                    f"Row {number} takes {size:,} bytes.",
                    hint=f"A row has less than {MAX_TRAITS_ROW_BYTES:,}: shorten it.",
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
    _check_interval(interval_minutes)
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
        action=_choose_action(traits),
        mapping=_make_mapping(Constant(space_id), traits),
        mode="mirror",
        interval_minutes=interval_minutes,
    )


def edit_sql_traits(
    workspace: Workspace, name: str, *, sql: str | None = None, interval_minutes: int | None = None
) -> Sync:
    """Change the query or the schedule of SQL traits; what is None stays. The next run sends what differs.

    Raises:
        NotFound: There are none with this name or id.
        InvalidField: The query is about others than before, or the interval is none of those there are.
        CoreError: As `check_sql_traits`; nothing is changed.
    """
    sync = find_sql_traits(workspace, name)
    model = get_sql_model(workspace, sync.sql_model_id)
    minutes = sync.interval_minutes if interval_minutes is None else interval_minutes
    _check_interval(minutes)
    mapping = sync.mapping
    if sql is not None:
        traits = check_sql_traits(workspace, model.warehouse_id, sql).traits
        if traits.key_column.lower() != model.key_column.lower():
            raise InvalidField(
                f"The query returns {traits.key_column}, and {model.key_column} until now.",
                hint="Make other SQL traits of it, and delete these.",
            )
        space = next(entry.value for entry in sync.mapping.entries if entry.field == SPACE_FIELD)
        mapping = _make_mapping(space, traits)
        save_sql_model(
            workspace,
            name=model.name,
            warehouse_id=model.warehouse_id,
            sql=sql,
            key_column=traits.key_column,
            sql_model_id=model.id,
        )
    return save_sync(
        workspace,
        name=sync.name,
        sql_model_id=model.id,
        source_id=sync.source_id,
        destination_id=sync.destination_id,
        action=sync.action,
        mapping=mapping,
        mode=sync.mode,
        interval_minutes=minutes,
        sync_id=sync.id,
    )


def delete_sql_traits(workspace: Workspace, name: str) -> Sync:
    """Keep these traits no more; their values stay. Returns what was deleted.

    Raises:
        NotFound: There are none with this name or id.
        RunInProgress: They have a run that is not over.
    """
    sync = find_sql_traits(workspace, name)
    delete_sync(workspace, sync.id)
    return sync


def find_sql_traits(workspace: Workspace, name: str) -> Sync:
    """Return the sync of the SQL traits with this name or id.

    Raises:
        NotFound: There are none.
    """
    found = [each.sync for each in list_sql_traits(workspace) if each.is_sql_traits]
    for sync in found:
        if name in (sync.id, sync.name):
            return get_sync(workspace, sync.id)
    names = ", ".join(sync.name for sync in found) or "none yet"
    raise NotFound(f"There are no SQL traits {name!r}.", hint=f"There are: {names}.")


def list_sql_traits(workspace: Workspace, space_id: str | None = None) -> list[SqlTraitsSync]:
    """Return every sync that fills traits of profiles from a SQL model, or those of one space, with what it fills."""
    found = []
    for sync in list_syncs(workspace):
        keys = tuple(entry.key for entry in sync.mapping.entries if entry.field == "traits" and entry.key)
        if sync.action in _ACTIONS and keys and (space_id is None or _find_space(sync) in (space_id, None)):
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


def _check_interval(minutes: int | None) -> None:
    if minutes not in INTERVALS_MINUTES:
        choices = ", ".join(str(each) for each in INTERVALS_MINUTES)
        raise InvalidField(f"SQL traits cannot run every {minutes} minutes.", hint=f"Use one of: {choices}.")


def _find_space(sync: Sync) -> str | None:
    """Return the id of the space that a sync fills; None where its rows say it."""
    values = (entry.value for entry in sync.mapping.entries if entry.field == SPACE_FIELD)
    return next((str(value.value) for value in values if isinstance(value, Constant)), None)


def _choose_action(traits: SqlTraits) -> str:
    if traits.is_of_accounts:
        return KEEP_ACCOUNT_TRAITS.name
    return (KEEP_TRAITS_BY_EMAIL if _is_by_email(traits) else KEEP_TRAITS).name


def _is_by_email(traits: SqlTraits) -> bool:
    return traits.key_column.lower() == "email"


def _make_mapping(space: ColumnRef | Constant, traits: SqlTraits) -> FieldMapping:
    field, key = ("traits", "email") if _is_by_email(traits) else (traits.key_column.lower(), None)
    entries = [MappingEntry(SPACE_FIELD, None, space)]
    entries.append(MappingEntry(field, key, ColumnRef(traits.key_column)))
    entries += [MappingEntry("traits", column.lower(), ColumnRef(column)) for column in traits.columns]
    return FieldMapping(tuple(entries))
