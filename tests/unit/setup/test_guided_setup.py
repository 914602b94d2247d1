"""The guided setup from the gate to Return to Flex, on a real warehouse; W-numbers are those of spec/wizard.md."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from core.checks.check import CheckState
from core.errors import (
    CoreError,
    IllegalTransition,
    InvalidField,
    LimitExceeded,
    NotReadOnly,
    RequiredFieldUnmapped,
    UnknownColumn,
    VersionConflict,
)
from core.identity.edits import RuleEdit
from core.mappings.mapping import Constant, FieldMapping
from core.setup import guided_setup
from core.setup.entitled import create_entitled_source
from core.setup.entitlements import Entitled, get_usage
from core.setup.guided_setup import Setup, Step, TileState, get_setup
from core.setup.record import update_record
from core.sources.store import delete_source, disable_source, get_source, list_sources
from core.sql_models.sql_model import get_sql_model, list_sql_models, save_sql_model
from core.syncs.sync import get_sync, list_syncs
from core.warehouses.store import list_warehouses, read_secrets
from core.workspaces.audit import list_changes
from core.workspaces.spaces import list_connected_sources, list_spaces
from core.workspaces.workspace import Access, Workspace, accept_access, open_workspace, request_access
from tests import guided
from tests.hosted import postgres_form
from tests.postgres import PostgresServer


def states(setup: Setup) -> list[str]:
    return [str(tile.state) for tile in setup.tiles]


# -- the gate and step 1 ----------------------------------------------------------------------------------------
def test_w3_nothing_starts_before_access_is_accepted(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRAMP_ACCESS", "manual")
    assert states(get_setup(workspace)) == ["locked"] * 4
    assert get_setup(workspace).tiles[0].reason == "Request access first."
    with pytest.raises(IllegalTransition, match="is locked"):
        guided_setup.confirm_branch(workspace, "warehouse")
    request_access(workspace)
    assert "has to be accepted" in get_setup(workspace).tiles[0].reason
    with pytest.raises(IllegalTransition):
        guided_setup.choose_branch(workspace, "warehouse")
    accept_access(workspace)
    assert get_setup(workspace).access is Access.ACCEPTED
    assert states(get_setup(workspace)) == ["open", "locked", "locked", "locked"]


def test_w6_w7_there_are_four_numbered_tiles_in_a_fixed_order(workspace: Workspace) -> None:
    assert [(tile.number, tile.title) for tile in get_setup(workspace).tiles] == [
        (1, "Select data sources"),
        (2, "Add connections"),
        (3, "Add identifiers and traits"),
        (4, "Check configuration"),
    ]


def test_w9_a_selected_option_is_remembered_and_not_yet_final(workspace: Workspace) -> None:
    request_access(workspace)
    setup = guided_setup.choose_branch(workspace, "warehouse")
    assert (setup.branch, setup.confirmed) == ("warehouse", False)
    assert setup.tiles[0].reason == "You selected 'A data warehouse only'; confirm it with Continue."
    assert not list_spaces(workspace)


def test_w1_w115_continue_makes_the_space_and_the_flex_source_connected_to_it(workspace: Workspace) -> None:
    setup = guided.confirm(workspace)
    flex = get_source(workspace, "flex-unify-server-source")
    assert [space.id for space in list_spaces(workspace)] == [setup.space_id]
    assert list_connected_sources(workspace, str(setup.space_id)) == {flex.id}
    assert states(setup) == ["complete", "open", "locked", "locked"]


def test_w11_w13_the_choice_is_irreversible(workspace: Workspace) -> None:
    setup = guided.confirm(workspace)
    again = guided_setup.confirm_branch(workspace)
    assert (again.confirmed_at, again.version) == (setup.confirmed_at, setup.version)
    assert "cannot be changed; more sources can be added" in again.tiles[0].reason
    with pytest.raises(InvalidField):
        guided_setup.choose_branch(workspace, "salesforce_warehouse")
    assert get_setup(workspace).branch == "warehouse"


def test_continue_without_a_selection_is_refused(workspace: Workspace) -> None:
    request_access(workspace)
    with pytest.raises(IllegalTransition, match="No data source is selected"):
        guided_setup.confirm_branch(workspace)


# -- step 2 -----------------------------------------------------------------------------------------------------
def test_w19_the_connections_of_the_chosen_option_come_in_their_order(workspace: Workspace) -> None:
    assert get_setup(workspace).connections == ()
    steps = guided.confirm(workspace).connections
    assert [step.label for step in steps] == ["Connect data warehouse", "Define Model", "Create Mapping"]
    assert [str(step.state) for step in steps] == ["open", "locked", "locked"]
    assert steps[1].reason == "Finish Connect data warehouse first."


def test_w26_w27_connecting_a_warehouse_saves_it_with_a_source_that_feeds_the_space(workspace: Workspace) -> None:
    setup = guided.connect(workspace)
    source = get_source(workspace, str(setup.source_id))
    assert (source.kind, source.name, source.warehouse_id) == ("duckdb", "Customers", setup.warehouse_id)
    assert source.id in list_connected_sources(workspace, str(setup.space_id))
    assert setup.has_warehouse
    assert not setup.has_sql_model


def test_w27_a_warehouse_whose_test_fails_leaves_nothing_behind(workspace: Workspace) -> None:
    guided.confirm(workspace)
    before = get_setup(workspace)
    with pytest.raises(CoreError):
        guided_setup.connect_warehouse(workspace, kind="duckdb", name="Gone", settings={"path": "nowhere.duckdb"})
    assert get_setup(workspace) == before
    assert not list_warehouses(workspace)
    assert len(list_sources(workspace)) == 1


def test_step_2_is_locked_before_step_1_is_confirmed(workspace: Workspace) -> None:
    request_access(workspace)
    with pytest.raises(IllegalTransition, match=r"Step 2, Add connections, is locked") as caught:
        guided_setup.connect_warehouse(workspace, kind="duckdb", name="x", settings={"path": "x.duckdb"})
    assert caught.value.hint == "Complete step 1, Select data sources, first."
    with pytest.raises(IllegalTransition):
        guided_setup.save_draft_sql(workspace, "SELECT 1")


def test_the_same_form_sent_twice_makes_one_warehouse_and_one_source(workspace: Workspace) -> None:
    setup = guided.connect(workspace)
    again = guided_setup.connect_warehouse(workspace, kind="duckdb", name="Customers", settings={"path": guided.FILE})
    assert (again.warehouse_id, again.source_id) == (setup.warehouse_id, setup.source_id)
    assert len(list_sources(workspace)) == 2


def test_the_same_form_with_another_password_is_refused_and_points_to_where_it_is_changed(
    workspace: Workspace, warehouse_server: PostgresServer
) -> None:
    guided.confirm(workspace)
    form = postgres_form(warehouse_server)
    form.connect(workspace)
    form.connect(workspace)  # the very same form again is the same warehouse
    (record,) = list_warehouses(workspace)
    warehouse_server.execute(f"ALTER ROLE {form.settings['user']} PASSWORD 'a new one'")
    with pytest.raises(InvalidField, match="already a warehouse named 'Customer data'") as caught:
        replace(form, secrets={"password": "a new one"}).connect(workspace)
    assert "Change connection" in caught.value.hint
    assert list_warehouses(workspace) == [record]
    assert read_secrets(workspace, record.id) == form.secrets


def test_w115_without_room_for_its_source_a_warehouse_is_not_saved(workspace: Workspace) -> None:
    guided.confirm(workspace)
    for number in range(5):
        create_entitled_source(workspace, kind="duckdb", name=f"S{number}", warehouse_id="wh")
    file = guided.make_warehouse_file(workspace)
    with pytest.raises(LimitExceeded, match="may have 5 additional sources"):
        guided_setup.connect_warehouse(workspace, kind="duckdb", name="Customers", settings={"path": file})
    assert not list_warehouses(workspace)


def test_w29_w30_the_model_is_defined_from_a_previewed_query(workspace: Workspace) -> None:
    guided.connect(workspace, rows=40)
    preview = guided_setup.preview_sql(workspace, guided.SQL)
    assert preview.rows.num_rows == 10
    setup = guided_setup.define_sql_model(workspace, name="Customers", sql=guided.SQL, key_column="id")
    assert setup.previewed
    assert setup.has_sql_model
    assert setup.connections[1].reason == "Customers: 5 columns, one row for each id."


def test_a_text_that_was_not_previewed_is_previewed_before_it_is_saved(workspace: Workspace) -> None:
    guided.connect(workspace)
    with pytest.raises(CoreError):
        guided_setup.define_sql_model(workspace, name="Broken", sql="SELECT nope FROM customers", key_column="nope")
    assert not list_sql_models(workspace)


def test_a_model_that_writes_is_refused(workspace: Workspace) -> None:
    guided.connect(workspace)
    with pytest.raises(NotReadOnly):
        guided_setup.preview_sql(workspace, "DELETE FROM customers")
    with pytest.raises(NotReadOnly):
        guided_setup.define_sql_model(workspace, name="Bad", sql="DELETE FROM customers", key_column="id")


def test_the_model_waits_for_the_warehouse_and_the_mapping_for_the_model(workspace: Workspace) -> None:
    guided.confirm(workspace)
    with pytest.raises(IllegalTransition, match="No warehouse is connected"):
        guided_setup.define_sql_model(workspace, name="x", sql="SELECT 1 AS id", key_column="id")
    setup = guided.connect(workspace)
    with pytest.raises(IllegalTransition, match="not ready to be mapped"):
        guided_setup.create_mapping(workspace, guided.make_mapping(setup.space_id))


def test_w32_the_target_side_is_prefilled_with_the_profile_space(workspace: Workspace) -> None:
    setup = guided.define(workspace)
    entry = setup.draft.mapping.get("engage_space")
    assert entry is not None
    assert entry.value == Constant(setup.space_id)
    assert guided_setup.get_draft_mapping(workspace) == setup.draft.mapping


def test_w20_w34_w35_w38_creating_the_mapping_completes_the_tile(workspace: Workspace) -> None:
    setup = guided.map_columns(workspace)
    sync = get_sync(workspace, str(setup.sync_id))
    assert (sync.source_id, sync.sql_model_id) == (setup.source_id, setup.sql_model_id)
    assert (sync.interval_minutes, sync.enabled) == (60, True)
    assert states(setup) == ["complete", "complete", "open", "locked"]
    assert get_usage(workspace, Entitled.DESTINATIONS).used == 1


def test_an_incomplete_mapping_is_not_created(workspace: Workspace) -> None:
    setup = guided.define(workspace)
    mapping = guided.make_mapping(setup.space_id)
    with pytest.raises(RequiredFieldUnmapped, match="Neither User ID nor Anonymous ID"):
        guided_setup.create_mapping(workspace, mapping.without("user_id"))
    with pytest.raises(UnknownColumn, match="'surname'"):
        guided_setup.create_mapping(workspace, guided.make_mapping(setup.space_id, user_id="surname"))
    with pytest.raises(RequiredFieldUnmapped, match="Profile Space"):
        guided_setup.create_mapping(workspace, mapping.without("engage_space"))
    assert not list_syncs(workspace)
    assert get_usage(workspace, Entitled.DESTINATIONS).used == 0


def test_a_mapping_created_again_changes_the_one_sync(workspace: Workspace) -> None:
    setup = guided.map_columns(workspace)
    again = guided_setup.create_mapping(
        workspace, guided.make_mapping(setup.space_id, phone=None), mode="mirror", interval_minutes=None
    )
    assert again.sync_id == setup.sync_id
    assert len(list_syncs(workspace)) == 1
    sync = get_sync(workspace, str(setup.sync_id))
    assert (sync.mode, sync.interval_minutes) == ("mirror", None)


def test_a_mapped_column_that_vanishes_reopens_the_mapping_and_names_the_column(workspace: Workspace) -> None:
    guided.add_identifiers_and_traits(workspace)
    setup = guided_setup.define_sql_model(
        workspace, name="Customers", sql="SELECT id, email, plan FROM customers", key_column="id"
    )
    assert [str(step.state) for step in setup.connections] == ["complete", "complete", "open"]
    assert "'phone'" in setup.connections[2].reason
    assert states(setup) == ["complete", "open", "complete", "locked"]
    assert "'phone'" in setup.get_tile(Step.CONNECTIONS).reason
    mended = guided_setup.create_mapping(workspace, guided.make_mapping(setup.space_id, phone=None))
    assert states(mended) == ["complete", "complete", "complete", "open"]


def test_a_model_changed_behind_the_setup_has_to_be_previewed_again(workspace: Workspace) -> None:
    setup = guided.map_columns(workspace)
    model = get_sql_model(workspace, str(setup.sql_model_id))
    save_sql_model(
        workspace,
        name=model.name,
        warehouse_id=model.warehouse_id,
        sql=f"{guided.SQL} WHERE plan = 'pro'",
        key_column="id",
        sql_model_id=model.id,
        expected_version=model.version,
    )
    changed = get_setup(workspace)
    assert not changed.previewed
    assert "changed after its last preview" in changed.connections[1].reason
    mended = guided_setup.define_sql_model(
        workspace, name=model.name, sql=f"{guided.SQL} WHERE plan = 'pro'", key_column="id"
    )
    assert mended.get_tile(Step.CONNECTIONS).state is TileState.COMPLETE


def test_another_warehouse_reopens_the_model_until_it_is_saved_for_it(workspace: Workspace) -> None:
    first = guided.map_columns(workspace)
    file = guided.make_warehouse_file(workspace, file="other.duckdb")
    setup = guided_setup.connect_warehouse(workspace, kind="duckdb", name="Other", settings={"path": file})
    assert setup.warehouse_id != first.warehouse_id
    assert [str(step.state) for step in setup.connections] == ["complete", "open", "complete"]
    again = guided_setup.define_sql_model(workspace, name="Customers", sql=guided.SQL, key_column="id")
    assert again.sql_model_id == first.sql_model_id
    assert again.get_tile(Step.CONNECTIONS).state is TileState.COMPLETE


def test_a_source_deleted_elsewhere_reopens_the_warehouse_step(workspace: Workspace) -> None:
    setup = guided.connect(workspace)
    delete_source(workspace, str(setup.source_id))
    reopened = get_setup(workspace)
    assert not reopened.has_warehouse
    assert "is gone; connect the warehouse again" in reopened.connections[0].reason
    assert guided_setup.connect_warehouse(workspace, warehouse_id=setup.warehouse_id).has_warehouse


def test_what_a_crash_left_half_done_is_taken_up_again(workspace: Workspace) -> None:
    """Each object is saved before the setup remembers it; a kill in between leaves the object alone."""
    first = guided.map_columns(workspace)
    update_record(workspace, lambda now: replace(now, state={}))
    assert states(get_setup(workspace))[1] == "open"
    again = guided.map_columns(workspace)
    assert (again.warehouse_id, again.source_id) == (first.warehouse_id, first.source_id)
    assert (again.sql_model_id, again.sync_id) == (first.sql_model_id, first.sync_id)


# -- step 3 -----------------------------------------------------------------------------------------------------
def test_step_3_is_locked_before_the_connections_are_complete(workspace: Workspace) -> None:
    guided.define(workspace)
    with pytest.raises(IllegalTransition, match=r"Step 3, Add identifiers and traits, is locked"):
        guided_setup.add_default_identifiers(workspace, ["user_id"])
    with pytest.raises(IllegalTransition):
        guided_setup.save_traits(workspace, [])


def test_w62_w63_w66_step_3_needs_an_identifier_and_a_press_of_save(workspace: Workspace) -> None:
    guided.map_columns(workspace)
    saved = guided_setup.save_traits(workspace, [])
    assert "at least one identifier" in saved.tiles[2].reason
    complete = guided_setup.add_default_identifiers(workspace, ["user_id", "email"])
    assert complete.tiles[2].state is TileState.COMPLETE
    assert complete.tiles[2].reason == "2 identifiers; computed traits: none."


def test_identifiers_alone_leave_step_3_open_until_save(workspace: Workspace) -> None:
    guided.map_columns(workspace)
    setup = guided_setup.add_default_identifiers(workspace, ["user_id"])
    assert "press Save" in setup.tiles[2].reason


def test_w64_an_identifier_can_be_edited_and_deleted(workspace: Workspace) -> None:
    guided.add_identifiers_and_traits(workspace)
    guided_setup.edit_identifier(workspace, RuleEdit("email", value_limit=3, period="annually"))
    setup = guided_setup.delete_identifier(workspace, "phone")
    assert setup.tiles[2].state is TileState.COMPLETE
    with pytest.raises(CoreError, match="no identifier 'phone'"):
        guided_setup.delete_identifier(workspace, "phone")


def test_the_last_identifier_stays(workspace: Workspace) -> None:
    guided.map_columns(workspace)
    guided_setup.add_default_identifiers(workspace, ["user_id"])
    with pytest.raises(IllegalTransition, match="last identifier"):
        guided_setup.delete_identifier(workspace, "user_id")


def test_nothing_selected_is_refused_and_so_is_the_same_identifier_twice(workspace: Workspace) -> None:
    guided.map_columns(workspace)
    with pytest.raises(InvalidField, match="No identifier is selected"):
        guided_setup.add_default_identifiers(workspace, [])
    guided_setup.add_default_identifiers(workspace, ["user_id"])
    with pytest.raises(InvalidField, match="there already"):
        guided_setup.add_default_identifiers(workspace, ["email", "user_id"])


def test_w66_w67_two_computed_traits_can_be_saved_and_a_third_is_refused(workspace: Workspace) -> None:
    setup = guided.add_identifiers_and_traits(workspace)
    assert setup.traits_saved
    assert "Total inbounds" in setup.tiles[2].reason
    assert "Frequent inbound channel" in setup.tiles[2].reason
    with pytest.raises(LimitExceeded, match="3 computed traits are selected; the limit is 2"):
        guided_setup.save_traits(workspace, ["total_inbounds", "frequent_inbound_channel", "total_outbounds"])
    assert get_setup(workspace) == setup


def test_saving_other_traits_replaces_those_that_were_saved(workspace: Workspace) -> None:
    guided.add_identifiers_and_traits(workspace)
    setup = guided_setup.save_traits(workspace, ["total_inbounds"])
    assert setup.draft.trait_keys == ("total_inbounds",)
    swapped = guided_setup.save_traits(workspace, ["total_outbounds", "frequent_inbound_channel"])
    assert set(swapped.draft.trait_keys) == {"total_outbounds", "frequent_inbound_channel"}
    assert get_usage(workspace, Entitled.COMPUTED_TRAITS).used == 2


def test_a_trait_that_is_not_offered_is_refused(workspace: Workspace) -> None:
    guided.map_columns(workspace)
    with pytest.raises(InvalidField, match="no computed trait 'shoe_size'") as caught:
        guided_setup.save_traits(workspace, ["shoe_size"])
    assert "Total inbounds" in caught.value.hint


# -- step 4 -----------------------------------------------------------------------------------------------------
def test_step_4_is_locked_before_step_3_is_complete(workspace: Workspace) -> None:
    guided.map_columns(workspace)
    with pytest.raises(IllegalTransition, match=r"Step 4, Check configuration, is locked"):
        guided_setup.run_setup_checks(workspace)


def test_w83_w85_w87_checks_that_pass_complete_the_setup(workspace: Workspace) -> None:
    before = guided.add_identifiers_and_traits(workspace)
    assert states(before) == ["complete", "complete", "complete", "open"]
    assert not before.is_complete
    run = guided_setup.run_setup_checks(workspace)
    assert run.ok, [result for result in run.results if result.state is CheckState.FAILED]
    setup = get_setup(workspace)
    assert setup.check_passed
    assert setup.is_complete
    assert states(setup) == ["complete"] * 4


def test_w84_a_disabled_source_is_enabled_by_the_button(workspace: Workspace) -> None:
    setup = guided.add_identifiers_and_traits(workspace)
    disable_source(workspace, str(setup.source_id))
    run = guided_setup.run_setup_checks(workspace)
    assert get_source(workspace, str(setup.source_id)).enabled
    result = run.get_result("C1")
    assert result is not None
    assert "Enabled by this check: Customers." in result.evidence


def test_a_change_after_the_check_asks_for_another_one_and_says_what_changed(workspace: Workspace) -> None:
    guided.add_identifiers_and_traits(workspace)
    guided_setup.run_setup_checks(workspace)
    setup = guided_setup.edit_identifier(workspace, RuleEdit("email", value_limit=2))
    assert setup.tiles[3].state is TileState.OPEN
    assert setup.tiles[3].reason == "Check again: the identifiers changed since the last check."
    guided_setup.run_setup_checks(workspace)
    assert get_setup(workspace).is_complete


def test_a_failed_check_names_itself_and_can_be_repeated(workspace: Workspace) -> None:
    guided.add_identifiers_and_traits(workspace)
    guided.change_file(workspace, "ALTER TABLE customers RENAME TO clients")
    run = guided_setup.run_setup_checks(workspace)
    assert run.state is CheckState.FAILED
    assert "The SQL model returns rows" in get_setup(workspace).tiles[3].reason
    guided.change_file(workspace, "ALTER TABLE clients RENAME TO customers")
    assert guided_setup.run_setup_checks(workspace).ok
    assert get_setup(workspace).is_complete


# -- resuming, two browsers, drafts -----------------------------------------------------------------------------
def test_a_restart_continues_in_the_same_place(workspace: Workspace) -> None:
    guided.define(workspace)
    guided_setup.save_draft_sql(workspace, "SELECT id FROM customers -- half a thought")
    before = get_setup(workspace)
    again = open_workspace(str(workspace.home.root), clock=workspace.clock)
    try:
        assert get_setup(again) == before
        assert guided_setup.get_draft_sql(again) == "SELECT id FROM customers -- half a thought"
    finally:
        again.close()


def test_a_second_browser_is_told_and_its_text_is_not_lost(workspace: Workspace) -> None:
    stale = guided.connect(workspace)
    guided_setup.save_draft_sql(workspace, "SELECT 1", expected_version=stale.version)
    with pytest.raises(VersionConflict, match="another browser or tab") as caught:
        guided_setup.save_draft_sql(workspace, "SELECT 2", expected_version=stale.version)
    assert caught.value.context["typed"] == {"sql": "SELECT 2"}
    assert "not lost" in caught.value.hint
    assert guided_setup.get_draft_sql(workspace) == "SELECT 1"


def test_a_stale_browser_makes_no_object(workspace: Workspace) -> None:
    stale = guided.define(workspace)
    guided_setup.save_draft_sql(workspace, "SELECT 1", expected_version=stale.version)
    with pytest.raises(VersionConflict) as caught:
        guided_setup.create_mapping(workspace, guided.make_mapping(stale.space_id), expected_version=stale.version)
    typed = caught.value.context["typed"]
    assert isinstance(typed, dict)
    assert FieldMapping.from_dict(typed["mapping"]) == guided.make_mapping(stale.space_id)
    assert not list_syncs(workspace)


def test_two_browsers_that_press_at_once_make_one_mapping(workspace: Workspace) -> None:
    setup = guided.define(workspace)
    outcomes: list[str] = []

    def press() -> None:
        try:
            guided_setup.create_mapping(workspace, guided.make_mapping(setup.space_id), expected_version=setup.version)
            outcomes.append("created")
        except VersionConflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created", "refused", "refused", "refused"]
    assert len(list_syncs(workspace)) == 1


def test_drafts_of_a_mapping_are_kept_until_it_is_created(workspace: Workspace) -> None:
    setup = guided.define(workspace)
    half = guided.make_mapping(setup.space_id).without("user_id")
    guided_setup.save_draft_mapping(workspace, half, mode="mirror", interval_minutes=0)
    draft = get_setup(workspace).draft
    assert (draft.mapping, draft.mode, draft.interval_minutes) == (half, "mirror", None)
    created = guided_setup.create_mapping(workspace, guided.make_mapping(setup.space_id), mode="mirror")
    assert created.draft.mapping == guided.make_mapping(setup.space_id)


def test_the_same_draft_again_makes_no_new_version(workspace: Workspace) -> None:
    guided.connect(workspace)
    first = guided_setup.save_draft_sql(workspace, "SELECT 1")
    assert guided_setup.save_draft_sql(workspace, "SELECT 1").version == first.version


def test_defining_the_model_takes_the_place_of_its_draft(workspace: Workspace) -> None:
    guided.connect(workspace)
    guided_setup.save_draft_sql(workspace, "SELECT id FROM", key_column="id", sql_model_name="Half")
    setup = guided_setup.define_sql_model(workspace, name="Whole", sql=guided.SQL, key_column="id")
    assert setup.draft.sql == get_sql_model(workspace, str(setup.sql_model_id)).sql
    assert setup.draft.sql_model_name == "Whole"


def test_pasted_control_characters_do_not_lose_the_draft(workspace: Workspace) -> None:
    guided.connect(workspace)
    guided_setup.save_draft_sql(workspace, "SELECT \x00'Müller \ud83d' -- 日本")
    assert guided_setup.get_draft_sql(workspace) == "SELECT 'Müller ?' -- 日本"


def test_a_draft_beyond_all_measure_is_refused(workspace: Workspace) -> None:
    guided.connect(workspace)
    with pytest.raises(InvalidField, match="1,000,001 characters"):
        guided_setup.save_draft_sql(workspace, "x" * 1_000_001)


def test_trait_choices_are_kept_before_save(workspace: Workspace) -> None:
    guided.map_columns(workspace)
    guided_setup.save_draft_traits(workspace, ["total_inbounds"])
    assert get_setup(workspace).draft.trait_keys == ("total_inbounds",)
    assert not get_setup(workspace).traits_saved


def test_every_step_is_in_the_audit_trail(workspace: Workspace) -> None:
    guided.add_identifiers_and_traits(workspace)
    made = {(change.action, change.object_type) for change in list_changes(workspace)}
    for wanted in (
        ("created", "space"),
        ("created", "source"),
        ("connected", "space"),
        ("created", "warehouse"),
        ("created", "sql_model"),
        ("created", "sync"),
        ("created", "destination"),
        ("created", "identifier"),
        ("updated", "setup"),
    ):
        assert wanted in made
