"""Writes rows into the synced tables of one schema: through a stage of texts, so that writing twice is writing once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from core.clock import to_iso
from core.errors import InvalidField, PermissionMissing
from core.profiles_sync.event_tables import EventTables
from core.profiles_sync.happened import Row, Rows, read_sources
from core.profiles_sync.layout import (
    CURRENT,
    EXTERNAL_ID_UPDATES,
    HAPPENED,
    OWNERS,
    PROPERTIES,
    SOURCES,
    STAGE_PREFIX,
    STAGED,
    TABLES,
    TRACK,
    WRITTEN_AT,
    ColumnKind,
    SyncedTable,
    add_columns_sql,
    complete_mappings_sql,
    create_index_sql,
    create_sql,
    create_stage_sql,
    empty_stage_sql,
    forget_all_sql,
    forget_owners_sql,
    forget_removed_sql,
    forget_span_sql,
    get_dialect,
    insert_event_sql,
    insert_sql,
    name_stage,
)
from core.warehouses.cancel import CancelToken
from core.warehouses.state_session import StateSession
from core.warehouses.warehouse import Warehouse
from core.workspaces.workspace import Workspace


class Writer:
    """What writes one schema of a warehouse, to be closed. It opens its session with the first thing that is written.

    Raises:
        UnknownConnector: Profiles cannot be written to this kind of warehouse.
    """

    def __init__(self, workspace: Workspace, warehouse: Warehouse, schema: str, cancel: CancelToken) -> None:
        self._dialect = get_dialect(warehouse.dialect, warehouse.definition.label)
        self._workspace = workspace
        self._warehouse = warehouse
        self._schema = schema
        self._cancel = cancel
        self._opened: StateSession | None = None
        self._events = EventTables()

    @property
    def is_idle(self) -> bool:
        """Whether nothing was written."""
        return self._opened is None

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing that found no place in a table of its event."""
        return self._events.tell_notes()

    def forget_after(self, offset: int) -> None:
        """Take away what happened after `offset`, which only a run that was cut short has written."""
        self._prepare()
        for name in self._list_happened():
            self._run(forget_span_sql(self._schema, name, offset))

    def write_span(self, rows: Rows) -> dict[str, int]:
        """Write what happened."""
        written = {table.name: self._put(table, rows) for table in HAPPENED if rows.get(table)}
        return written | self._put_events(rows[TRACK]) if rows.get(TRACK) else written

    def fill_events(self, calls: Sequence[Row], after: int, end: int) -> dict[str, int]:
        """Bring track calls above `after` up to `end` into the tables of their events, where they are missing."""
        if not calls:
            return {}
        self._fill_stage(TRACK, calls)
        return self._put_events(calls, (after, end))

    def write_current(self, rows: Rows) -> dict[str, int]:
        """Write how the profiles of `OWNERS` are, in place of what the tables said of them."""
        self._fill_stage(OWNERS, rows[OWNERS])
        for table in CURRENT:
            self._run(forget_owners_sql(self._schema, table.name, table.owner))
        return {table.name: self._put(table, rows) for table in CURRENT}

    def write_removed(self, rows: Sequence[Row]) -> dict[str, int]:
        """Write which identifiers were deleted from profiles, all of each, in place of what was said of it."""
        if not rows:
            return {}
        self._fill_stage(EXTERNAL_ID_UPDATES, rows)
        self._run(forget_removed_sql(self._schema))
        self._run(insert_sql(self._schema, EXTERNAL_ID_UPDATES, self._dialect))
        return {EXTERNAL_ID_UPDATES.name: len(rows)}

    def forget_current(self) -> None:
        """Take away all that the tables say of how things are."""
        for table in CURRENT:
            self._run(forget_all_sql(self._schema, table))

    def forget_happened(self, profile_ids: Sequence[str]) -> None:
        """Take away all that happened to profiles that are there no more."""
        self._fill_stage(OWNERS, [{"segment_id": profile_id} for profile_id in profile_ids])
        for name in self._list_happened():
            self._run(forget_owners_sql(self._schema, name))

    def close(self) -> None:
        """End the session, if there is one."""
        if self._opened is not None:
            self._opened.close()

    def _prepare(self) -> StateSession:
        """Return the session; at first look up what the schema holds, and make what is missing.

        Raises:
            PermissionMissing: The login may not; the hint says what its owner can do.
            InvalidField: A table of somebody else has a name that one of ours needs.
        """
        if self._opened is not None:
            return self._opened
        # before the session is there: an embedded warehouse is read by other processes, and while none writes it
        catalog = self._warehouse.list_tables(self._schema.upper() if self._dialect.folds_up else self._schema)
        found = {table.name.lower(): {column.name.lower() for column in table.columns} for table in catalog}
        mappings = EXTERNAL_ID_UPDATES.columns.keys()
        is_older = bool(mappings - found.get(f"{STAGE_PREFIX}{EXTERNAL_ID_UPDATES.name}", mappings))
        self._require_own(found)
        self._events = EventTables(catalog)
        self._opened = self._warehouse.open_write_session()
        try:
            if not found:
                self._make_schema()
            for table in TABLES:
                if table.name not in found:
                    self._run(create_sql(self._schema, table, self._dialect))
                self._add_columns(table.name, table.columns, found.get(table.name))
            for table in CURRENT if self._dialect.has_indexes else ():
                self._run(create_index_sql(self._schema, table))
            for table in sorted(STAGED, key=lambda each: each is EXTERNAL_ID_UPDATES):
                if is_older and table is EXTERNAL_ID_UPDATES:  # its stage comes last: a kill does not forget this
                    self._complete_mappings()
                name = f"{STAGE_PREFIX}{table.name}"
                if name not in found:
                    self._run(create_stage_sql(self._schema, table, self._dialect))
                self._add_columns(name, dict.fromkeys(table.columns, ColumnKind.TEXT), found.get(name))
        except PermissionMissing as error:
            raise PermissionMissing(
                f"The login may not make tables in the schema {self._schema}.",
                hint=f"Its owner can make the schema and give it to the login: CREATE SCHEMA {self._schema}.",
                context=error.context,
            ) from error
        return self._opened

    def _require_own(self, found: Mapping[str, set[str]]) -> None:
        """Refuse to change a table that lacks our columns and has no stage beside it: no Onramp has made it."""
        for table in TABLES:
            columns = found.get(table.name)
            if columns is not None and f"{STAGE_PREFIX}{table.name}" not in found and table.columns.keys() - columns:
                raise InvalidField(
                    f"{self._schema}.{table.name} is there already and was not made by Onramp.",
                    hint="Rename it or move it to another schema: the next run makes a table of this name.",
                )

    def _complete_mappings(self) -> None:
        with self._workspace.database.reading() as connection:
            self._fill_stage(SOURCES, list(read_sources(connection).values()))
        for sql in complete_mappings_sql(self._schema, self._dialect):
            self._run(sql)

    def _make_schema(self) -> None:
        try:
            self._run(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
        except PermissionMissing:
            # some engines ask for the right to make schemas even where this one exists: then its tables can be made
            self._run(create_sql(self._schema, TABLES[0], self._dialect))

    def _add_columns(self, name: str, columns: Mapping[str, ColumnKind], found: set[str] | None) -> None:
        """Add what a table of ours lacks that was made by an older Onramp."""
        missing = {column: kind for column, kind in columns.items() if found is not None and column not in found}
        for sql in add_columns_sql(self._schema, name, missing, self._dialect) if missing else ():
            self._run(sql)

    def _list_happened(self) -> list[str]:
        return [*(table.name for table in HAPPENED), *self._events.names]

    def _put_events(self, calls: Sequence[Row], missing: tuple[int, int] | None = None) -> dict[str, int]:
        """Bring the calls that are in the stage of `TRACK` into the tables of their events; see `insert_event_sql`."""
        batch = self._events.take(calls)
        for table in batch.made:
            self._run(create_sql(self._schema, table, self._dialect))
        for name, columns in batch.added.items():
            for sql in add_columns_sql(self._schema, name, columns, self._dialect):
                self._run(sql)
        if batch.filled:
            self._fill_stage(PROPERTIES, batch.values)
        counts = dict(batch.counts)
        for table in batch.filled:
            inserted = self._run(insert_event_sql(self._schema, table, self._dialect, missing))
            counts[table.name] = inserted if missing and inserted >= 0 else counts[table.name]
        return counts

    def _put(self, table: SyncedTable, rows: Rows) -> int:
        new = rows.get(table, [])
        if new:
            self._fill_stage(table, new)
            self._run(insert_sql(self._schema, table, self._dialect))
        return len(new)

    def _fill_stage(self, table: SyncedTable, rows: Sequence[Row]) -> None:
        self._run(empty_stage_sql(self._schema, table))
        written_at = to_iso(self._workspace.now())
        columns = {name: [self._to_text(row.get(name)) for row in rows] for name in table.columns}
        if WRITTEN_AT in columns:
            columns[WRITTEN_AT] = [written_at] * len(rows)
        arrays = [pa.array(column, pa.string()) for column in columns.values()]
        batch = pa.RecordBatch.from_arrays(arrays, names=list(table.columns))
        self._prepare().load(name_stage(self._schema, table), [batch], cancel=self._cancel)

    def _to_text(self, value: object) -> str | None:
        if value is None:
            return None
        text, most = str(value).replace("\0", ""), self._dialect.max_text_bytes  # Postgres and Redshift take no NUL
        return text if most is None or len(text) * 4 <= most else text.encode()[:most].decode(errors="ignore")

    def _run(self, sql: str) -> int:
        return self._prepare().execute(sql, cancel=self._cancel)
