"""The guided setup as a page needs it: where it stands, what is drafted, what is locked and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.checks.store import CheckRun
from core.errors import IllegalTransition
from core.mappings.mapping import Constant, FieldMapping, MappingEntry
from core.setup.branches import Connection
from core.setup.facts import Facts, read_facts
from core.setup.record import SetupRecord, read_record
from core.setup.steps import ConnectionStep, Step, Tile, TileState, build_connections, build_tiles
from core.workspaces.workspace import Access, Workspace

DEFAULT_MODE = "upsert"
DEFAULT_INTERVAL_MINUTES = 60
SPACE_FIELD = "engage_space"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person typed last: the unsaved text where there is one, else what is saved (for a form to start from)."""

    sql: str
    key_column: str | None
    sql_model_name: str | None
    mapping: FieldMapping
    mode: str
    interval_minutes: int | None
    trait_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setup:
    """One reading of the guided setup; `version` goes back with the next change."""

    access: Access
    branch: str | None
    confirmed: bool
    confirmed_at: datetime | None
    space_id: str | None
    warehouse_id: str | None
    source_id: str | None
    sql_model_id: str | None
    sql_model_name: str | None
    sync_id: str | None
    website_source_id: str | None
    mobile_source_id: str | None
    previewed: bool
    previewed_sql: str
    identifiers_saved: bool
    traits_saved: bool
    check: CheckRun | None
    check_passed: bool
    version: int
    draft: Draft
    tiles: tuple[Tile, ...]
    connections: tuple[ConnectionStep, ...]

    @property
    def has_warehouse(self) -> bool:
        """Whether a warehouse is connected and its source feeds the space."""
        return self._is_connected(Connection.WAREHOUSE)

    @property
    def has_sql_model(self) -> bool:
        """Whether the SQL model is saved as it was previewed."""
        return self._is_connected(Connection.SQL_MODEL)

    @property
    def has_mapping(self) -> bool:
        """Whether a complete mapping exists."""
        return self._is_connected(Connection.MAPPING)

    @property
    def is_complete(self) -> bool:
        """Whether all four steps are complete, so that Return to Flex is offered (W87)."""
        return all(tile.state is TileState.COMPLETE for tile in self.tiles)

    def is_previewed(self, sql: str) -> bool:
        """Whether exactly this text was previewed last, or is the saved model as it was previewed (W30)."""
        return bool(sql.strip()) and sql.strip() == self.previewed_sql

    def get_tile(self, step: Step) -> Tile:
        """Return the tile of one step."""
        return next(tile for tile in self.tiles if tile.step is step)

    def get_connection(self, connection: Connection) -> ConnectionStep | None:
        """Return this sub-step of step 2, if the chosen branch has it."""
        return next((step for step in self.connections if step.connection is connection), None)

    def _is_connected(self, connection: Connection) -> bool:
        step = self.get_connection(connection)
        return step is not None and step.is_complete


def get_setup(workspace: Workspace) -> Setup:
    """Return where the guided setup stands now, derived from the objects that exist."""
    return describe(workspace, read_record(workspace))


def describe(workspace: Workspace, record: SetupRecord) -> Setup:
    """Return the setup for a record that was read or written already."""
    facts = read_facts(workspace, record)
    tiles = build_tiles(facts)
    sql_model = facts.sql_model
    return Setup(
        access=facts.access,
        branch=facts.branch,
        confirmed=facts.confirmed_at is not None,
        confirmed_at=facts.confirmed_at,
        space_id=facts.space.id if facts.space else None,
        warehouse_id=facts.warehouse.id if facts.warehouse else None,
        source_id=facts.source.id if facts.source else None,
        sql_model_id=sql_model.id if sql_model else None,
        sql_model_name=sql_model.name if sql_model else None,
        sync_id=facts.sync.id if facts.sync else None,
        website_source_id=facts.website.source.id if facts.website else None,
        mobile_source_id=facts.mobile.source.id if facts.mobile else None,
        previewed=sql_model is not None and facts.previewed_version == sql_model.version,
        previewed_sql=_read_previewed_sql(record, facts),
        identifiers_saved=bool(facts.identifiers),
        traits_saved=facts.traits_saved_at is not None or bool(facts.traits),
        check=facts.check_run,
        check_passed=tiles[-1].state is TileState.COMPLETE,
        version=record.version,
        draft=_read_draft(record, facts),
        tiles=tiles,
        connections=build_connections(facts),
    )


def require_open(setup: Setup, step: Step) -> None:
    """Refuse an action of a step that is locked.

    Raises:
        IllegalTransition: The step is locked; the message says why.
    """
    tile = setup.get_tile(step)
    if tile.state is TileState.LOCKED:
        raise IllegalTransition(f"Step {tile.number}, {tile.title}, is locked.", code="step_locked", hint=tile.reason)


def _read_previewed_sql(record: SetupRecord, facts: Facts) -> str:
    model, warehouse = facts.sql_model, facts.warehouse
    if (text := record.get_id("previewed_sql")) or model is None or warehouse is None:
        return text or ""
    is_as_previewed = model.warehouse_id == warehouse.id and facts.previewed_version == model.version
    return model.sql.strip() if is_as_previewed else ""


def _read_draft(record: SetupRecord, facts: Facts) -> Draft:
    draft, model, sync = record.draft, facts.sql_model, facts.sync
    interval = draft.get("interval_minutes", sync.interval_minutes if sync else DEFAULT_INTERVAL_MINUTES)
    keys = draft.get("trait_keys")
    return Draft(
        sql=_text(draft.get("sql")) or (model.sql if model else ""),
        key_column=_text(draft.get("key_column")) or (model.key_column if model else None),
        sql_model_name=_text(draft.get("sql_model_name")) or (model.name if model else None),
        mapping=_read_mapping(draft.get("mapping"), facts),
        mode=_text(draft.get("mode")) or (str(sync.mode) if sync else DEFAULT_MODE),
        interval_minutes=interval if isinstance(interval, int) and interval > 0 else None,
        trait_keys=tuple(keys) if isinstance(keys, list) else tuple(trait.key for trait in facts.traits),
    )


def _read_mapping(saved: object, facts: Facts) -> FieldMapping:
    if isinstance(saved, dict):
        return FieldMapping.from_dict(saved)
    if facts.sync is not None:
        return facts.sync.mapping
    # The target side is pre-filled (W32): the profile space is known, so nobody has to choose it.
    return FieldMapping((MappingEntry(SPACE_FIELD, None, Constant(facts.space.id)),) if facts.space else ())


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
