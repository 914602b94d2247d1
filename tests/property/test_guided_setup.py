"""Any order of presses in two browsers, with changes behind their backs: the setup never claims what is not so."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import booleans, sampled_from, text

from core.clock import FixedClock
from core.errors import CoreError, VersionConflict
from core.setup import guided_setup
from core.setup.guided_setup import Setup, Step, TileState
from core.setup.record import read_record
from core.sources.store import delete_source, list_sources
from core.sql_models.sql_model import list_sql_models
from core.syncs.sync import list_syncs
from core.warehouses.store import list_warehouses
from core.workspaces.workspace import Workspace, open_workspace, request_access
from tests import guided
from tests.new_home import new_home
from tests.sizes import examples

QUERIES = (guided.SQL, "SELECT id, email, plan FROM customers", "SELECT nope FROM customers", "DROP TABLE customers")

STARTS = (request_access, guided.connect, guided.define, guided.map_columns, guided.add_identifiers_and_traits)


class GuidedSetup(RuleBasedStateMachine):
    """A person in each of two browsers presses whatever they see; one browser may be stale."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="onramp-property-"))
        clock = FixedClock(datetime(2026, 11, 24, 9, tzinfo=UTC))
        self.workspace = open_workspace(new_home(self.folder), clock=clock)
        self.file = guided.make_warehouse_file(self.workspace, rows=3)
        self.seen: Setup = guided_setup.get_setup(self.workspace)

    @initialize(start=sampled_from(STARTS))
    def go_some_of_the_way(self, start: Callable[[Workspace], object]) -> None:
        # Without a head start hardly any order of presses gets beyond the second step.
        start(self.workspace)

    @rule()
    def reload(self) -> None:
        self.seen = guided_setup.get_setup(self.workspace)

    @rule(stale=booleans())
    def confirm(self, stale: bool) -> None:
        self._press(
            lambda version: guided_setup.confirm_branch(self.workspace, "warehouse", expected_version=version), stale
        )

    @rule(stale=booleans())
    def connect(self, stale: bool) -> None:
        self._press(
            lambda version: guided_setup.connect_warehouse(
                self.workspace,
                kind="duckdb",
                name="Customers",
                settings={"path": self.file},
                expected_version=version,
            ),
            stale,
        )

    @rule(typed=text(max_size=40), stale=booleans())
    def type_sql(self, typed: str, stale: bool) -> None:
        before = guided_setup.get_draft_sql(self.workspace)
        try:
            version = self.seen.version if stale else None
            self.seen = guided_setup.save_draft_sql(self.workspace, typed, expected_version=version)
        except VersionConflict as conflict:
            given_back = conflict.context["typed"]
            assert isinstance(given_back, dict)
            assert len(str(given_back["sql"])) <= len(typed)
            assert guided_setup.get_draft_sql(self.workspace) == before
        except CoreError:
            assert guided_setup.get_draft_sql(self.workspace) == before

    @rule(sql=sampled_from(QUERIES), stale=booleans())
    def define(self, sql: str, stale: bool) -> None:
        self._press(
            lambda version: guided_setup.define_sql_model(
                self.workspace, name="Customers", sql=sql, key_column="id", expected_version=version
            ),
            stale,
        )

    @rule(with_phone=booleans(), stale=booleans())
    def create_mapping(self, with_phone: bool, stale: bool) -> None:
        setup = guided_setup.get_setup(self.workspace)
        mapping = guided.make_mapping(setup.space_id, phone="phone" if with_phone else None)
        self._press(
            lambda version: guided_setup.create_mapping(self.workspace, mapping, expected_version=version), stale
        )

    @rule(type_=sampled_from(["user_id", "email", "nonsense"]), stale=booleans())
    def add_identifier(self, type_: str, stale: bool) -> None:
        self._press(
            lambda version: guided_setup.add_default_identifiers(self.workspace, [type_], expected_version=version),
            stale,
        )

    @rule(type_=sampled_from(["user_id", "email"]))
    def delete_identifier(self, type_: str) -> None:
        self._press(lambda version: guided_setup.delete_identifier(self.workspace, type_), stale=False)

    @rule(keys=sampled_from([[], ["total_inbounds"], ["total_inbounds", "total_outbounds"]]), stale=booleans())
    def save_traits(self, keys: list[str], stale: bool) -> None:
        self._press(lambda version: guided_setup.save_traits(self.workspace, keys, expected_version=version), stale)

    @rule()
    def check(self) -> None:
        before = guided_setup.get_setup(self.workspace).get_tile(Step.CHECK)
        try:
            run = guided_setup.run_setup_checks(self.workspace)
        except CoreError:
            assert before.state is TileState.LOCKED
        else:
            assert before.state is not TileState.LOCKED
            assert guided_setup.get_setup(self.workspace).check_passed == run.ok

    @precondition(lambda self: bool(self.seen.source_id) and not list_syncs(self.workspace))
    @rule()
    def delete_the_source_elsewhere(self) -> None:
        if any(source.id == self.seen.source_id for source in list_sources(self.workspace)):
            delete_source(self.workspace, str(self.seen.source_id))

    @invariant()
    def no_press_makes_a_second_object(self) -> None:
        assert len(list_warehouses(self.workspace)) <= 1
        assert len(list_sources(self.workspace)) <= 2
        assert len(list_sql_models(self.workspace)) <= 1
        assert len(list_syncs(self.workspace)) <= 1

    @invariant()
    def the_tiles_are_true(self) -> None:
        setup = guided_setup.get_setup(self.workspace)
        complete = [tile.state is TileState.COMPLETE for tile in setup.tiles]
        assert all(tile.reason for tile in setup.tiles)
        assert complete[0] == setup.confirmed
        assert complete[1] == (setup.has_warehouse and setup.has_sql_model and setup.has_mapping)
        assert complete[2] == (setup.identifiers_saved and setup.traits_saved)
        assert not complete[3] or (all(complete) and setup.check is not None and setup.check.ok)
        assert setup.version == read_record(self.workspace).version

    def _press(self, press: Callable[[int | None], Setup], stale: bool) -> None:
        before = guided_setup.get_setup(self.workspace)
        expected = self.seen.version if stale else None
        try:
            self.seen = press(expected)
        except CoreError as error:
            assert error.message
            assert error.hint
            if isinstance(error, VersionConflict):
                assert expected != before.version
            assert guided_setup.get_setup(self.workspace) == before
        else:
            assert expected in (None, before.version)

    def teardown(self) -> None:
        self.workspace.close()
        shutil.rmtree(self.folder)


TestGuidedSetup = GuidedSetup.TestCase
TestGuidedSetup.settings = settings(max_examples=examples(12), stateful_step_count=20, deadline=None)
