"""The guided setup on the demo warehouse without a browser: the same calls to `core.setup` that the pages make."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import func, select

from core.building import build_space
from core.checks.check import CheckState
from core.checks.store import CheckRun
from core.errors import IllegalTransition
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.profiles.build import BuildReport
from core.samples.demo import DEMO_FILE, append_demo_events, append_demo_orders, ensure_demo_warehouse
from core.setup import guided_setup
from core.setup.guided_setup import Setup
from core.sql_models.templates import SqlTemplate, list_templates
from core.storage.lease import WORKER_WAIT_S
from core.storage.tables import profiles
from core.syncs.engine import execute_run
from core.syncs.run import RunState, SyncRun, take_up_run
from core.traits.recipes import RECIPES
from core.warehouses.store import WarehouseRecord, get_warehouse
from core.workspaces.workspace import Access, Workspace, request_access

BRANCH = "warehouse"
TEMPLATE = "contacts"
IDENTIFIERS = ("user_id", "email", "anonymous_id")
PHONE = "phone"
COLUMNS_BY_TRAIT = {
    "email": "EMAIL",
    "phone": "PHONE",
    "firstName": "FIRST_NAME",
    "lastName": "LAST_NAME",
    "city": "MAILING_CITY",
    "country": "MAILING_COUNTRY",
    "language": "PREFERRED_LANGUAGE__C",
    "roofAreaM2": "ROOF_AREA_M2__C",
}

Progress = Callable[[str, float], None]
"""Told what is being done and the share of the whole that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one part of the demo took."""

    step: str
    took_ms: int


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo did and found. The events and `build` count what was new; `profiles` what there is."""

    setup: Setup
    run: SyncRun
    flex_events: int
    shop_events: int
    build: BuildReport
    profiles: int
    checks: CheckRun
    timings: tuple[Timing, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether the sheet closes, no check failed and every step of the setup is complete."""
        return self.run.sheet is not None and self.run.sheet.closes and self.checks.ok and self.setup.is_complete

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {
            "ok": self.ok,
            "tiles": [{"title": tile.title, "state": str(tile.state)} for tile in self.setup.tiles],
            "run": {"id": self.run.id, "state": str(self.run.state), "error": self.run.error},
            "sheet": self.run.sheet.to_dict() if self.run.sheet else None,
            "flex_events": self.flex_events,
            "shop_events": self.shop_events,
            "build": {"read": self.build.read, "applied": self.build.applied, "merges": self.build.merges},
            "profiles": self.profiles,
            "checks": self.checks.to_dict(),
            "timings_ms": {timing.step: timing.took_ms for timing in self.timings},
        }


def run_demo(workspace: Workspace, progress: Progress | None = None) -> DemoResult:
    """Perform the guided setup on the demo warehouse, sync, build the profiles, and check everything.

    Steps that are complete are left as they are, so a second call syncs unchanged rows and adds nothing.

    Args:
        workspace: A new workspace, or one in which the demo was set up before.
        progress: Told before each part.

    Raises:
        IllegalTransition: The workspace is set up with another warehouse, or its access has to be accepted first.
        CoreError: What a step refused; the demo can be started again and goes on there.
    """
    demo = _Demo(workspace, progress or (lambda _what, _share: None))
    demo.set_up()
    run = demo.sync()
    flex_events = demo.add_flex_events()
    shop_events = demo.add_orders()
    build = demo.build_profiles()
    checks = demo.check()
    setup = guided_setup.get_setup(workspace)
    count = _count_profiles(workspace, str(setup.space_id))
    return DemoResult(setup, run, flex_events, shop_events, build, count, checks, tuple(demo.timings))


class _Demo:
    """The parts of one demo, each timed and told of."""

    def __init__(self, workspace: Workspace, progress: Progress) -> None:
        self.timings: list[Timing] = []
        self._workspace = workspace
        self._progress = progress

    def set_up(self) -> None:
        """Go through steps 1 to 3, as far as they are not complete."""
        workspace = self._workspace
        with self._part("1 Select data sources", 0.0):
            _refuse_other_warehouse(workspace)
            _confirm(workspace)
        with self._part("demo warehouse", 0.01):
            warehouse = ensure_demo_warehouse(workspace)
        with self._part("2 Connect data warehouse", 0.12):
            _connect(workspace, warehouse)
        with self._part("2 Define Model", 0.15):
            _define(workspace)
        with self._part("2 Create Mapping", 0.20):
            _map(workspace)
        with self._part("3 Add identifiers and traits", 0.25):
            _add_identifiers_and_traits(workspace)

    def sync(self) -> SyncRun:
        """Run the sync once, to its end."""
        workspace = self._workspace
        sync_id = str(guided_setup.get_setup(workspace).sync_id)
        with self._part("sync", 0.30):
            run = execute_run(workspace, take_up_run(workspace, sync_id).id, wait_s=WORKER_WAIT_S)
        if run.state is RunState.FAILED:
            self._progress(f"sync failed: {(run.error or {}).get('message', '')}", 0.45)
        return run

    def add_flex_events(self) -> int:
        """Write the history of Flex events to the log; return how many are new."""
        with self._part("Flex events", 0.50):
            return append_demo_events(self._workspace)

    def add_orders(self) -> int:
        """Write the history of the online shop to the log; return how many messages are new."""
        with self._part("orders of the shop", 0.55):
            return append_demo_orders(self._workspace)

    def build_profiles(self) -> BuildReport:
        """Read the log to its end."""
        space_id = str(guided_setup.get_setup(self._workspace).space_id)
        with self._part("profiles", 0.60):
            return build_space(self._workspace, space_id, wait_s=WORKER_WAIT_S)

    def check(self) -> CheckRun:
        """Press Enable Sources and Test Connections."""
        with self._part("4 Check configuration", 0.90):
            checks = guided_setup.run_setup_checks(self._workspace)
        failed = sum(result.state is CheckState.FAILED for result in checks.results)
        self._progress(f"{len(checks.results)} checks, {failed} failed", 1.0)
        return checks

    @contextmanager
    def _part(self, step: str, share: float) -> Iterator[None]:
        self._progress(step, share)
        started = time.monotonic()
        yield
        self.timings.append(Timing(step, round((time.monotonic() - started) * 1000)))


def _confirm(workspace: Workspace) -> None:
    if request_access(workspace).access is not Access.ACCEPTED:
        raise IllegalTransition(
            "Access is requested but not accepted.", hint="Run: python -m core access accept. Then run the demo again."
        )
    guided_setup.confirm_branch(workspace, BRANCH)


def _refuse_other_warehouse(workspace: Workspace) -> None:
    warehouse_id = guided_setup.get_setup(workspace).warehouse_id
    if warehouse_id and get_warehouse(workspace, warehouse_id).settings.get("path") != DEMO_FILE:
        raise IllegalTransition(
            "This workspace is set up with another warehouse than the demo's.",
            hint="Run the demo in a folder of its own: ONRAMP_HOME=./demo python -m core demo.",
        )


def _connect(workspace: Workspace, warehouse: WarehouseRecord) -> None:
    if not guided_setup.get_setup(workspace).has_warehouse:
        guided_setup.connect_warehouse(workspace, warehouse_id=warehouse.id)


def _define(workspace: Workspace) -> None:
    if guided_setup.get_setup(workspace).has_sql_model:
        return
    template = _get_template()
    guided_setup.preview_sql(workspace, template.sql)
    guided_setup.define_sql_model(workspace, name=template.label, sql=template.sql, key_column=template.key_column)


def _map(workspace: Workspace) -> None:
    setup = guided_setup.get_setup(workspace)
    if not setup.has_mapping:
        guided_setup.create_mapping(workspace, make_demo_mapping(str(setup.space_id)), mode="mirror")


def make_demo_mapping(space_id: str) -> FieldMapping:
    """Return the mapping of the sample contacts to a profile."""
    key_column = _get_template().key_column
    return FieldMapping(
        (
            MappingEntry("engage_space", None, Constant(space_id)),
            MappingEntry("user_id", None, ColumnRef(key_column)),
            *(MappingEntry("traits", trait, ColumnRef(column)) for trait, column in COLUMNS_BY_TRAIT.items()),
            MappingEntry("timestamp", None, ColumnRef("SYSTEM_MODSTAMP")),
        )
    )


def _add_identifiers_and_traits(workspace: Workspace) -> None:
    setup = guided_setup.get_setup(workspace)
    if not setup.identifiers_saved:
        guided_setup.add_default_identifiers(workspace, IDENTIFIERS)
        guided_setup.add_custom_identifier(workspace, PHONE)
    if not setup.traits_saved:
        guided_setup.save_traits(workspace, [recipe.key for recipe in RECIPES if recipe.recommended])


def _get_template() -> SqlTemplate:
    return next(template for template in list_templates("duckdb") if template.name == TEMPLATE)


def _count_profiles(workspace: Workspace, space_id: str) -> int:
    living = (profiles.c.space_id == space_id) & profiles.c.merged_into.is_(None)
    with workspace.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(profiles).where(living)).scalar_one()
