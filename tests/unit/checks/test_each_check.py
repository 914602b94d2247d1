"""Each check: what makes it pass, warn and fail, on a real workspace that was set up by the guided setup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from core.checks import (
    c01_sources_enabled,
    c02_warehouse_login,
    c03_warehouse_read,
    c04_warehouse_write,
    c05_unique_id,
    c06_model_limits,
    c07_mapping,
    c09_views_arrive,
    c10_identifiers,
    c11_traits,
    c12_flex_source,
    c13_space_sources,
    c15_profile_resolves,
)
from core.checks.check import CheckState, Finding
from core.checks.configuration import read_configuration
from core.checks.context import CheckContext
from core.checks.runner import run_checks
from core.destinations.store import list_destinations, set_destination_enabled
from core.errors import NotReadOnly
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.identity.edits import RuleEdit
from core.identity.rules import delete_identifier, edit_identifier, list_rules
from core.mappings.mapping import ColumnRef, MappingEntry
from core.profiles.connections import disconnect_source
from core.setup import guided_setup
from core.setup.configuration import run_checks_anytime
from core.sources.store import create_source, disable_source, get_source, list_sources
from core.storage.tables import (
    computed_traits,
    identifier_rules,
    sources,
    space_sources,
    sql_models,
    syncs,
    violations,
)
from core.syncs.sync import list_syncs, set_enabled
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace, request_access
from tests import guided


def look(workspace: Workspace, run: Callable[[CheckContext], Finding]) -> Finding:
    with CheckContext(workspace, read_configuration(workspace)) as context:
        return run(context)


def space_id(workspace: Workspace) -> str:
    return str(guided_setup.get_setup(workspace).space_id)


def tamper(workspace: Workspace, statement: object) -> None:
    """Change the store behind everybody's back."""
    with workspace.database.transaction() as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def redefine(workspace: Workspace, sql: str, key_column: str = "id") -> None:
    guided_setup.define_sql_model(workspace, name="Customers", sql=sql, key_column=key_column)


def test_everything_passes_after_the_guided_setup_with_flex_events_still_to_come(ready: Workspace) -> None:
    run = run_checks(ready)
    assert {result.code: str(result.state) for result in run.results} == {
        **dict.fromkeys(("C1", "C2", "C3", "C4", "C5", "C6", "C7", "C10", "C12", "C13", "C15"), "passed"),
        "C11": "warning",
    }


# -- C1 -------------------------------------------------------------------------------------------------------
def test_c1_names_the_disabled_sources(ready: Workspace) -> None:
    setup = guided_setup.get_setup(ready)
    assert look(ready, c01_sources_enabled.run).state is CheckState.PASSED
    disable_source(ready, str(setup.source_id))
    assert look(ready, c01_sources_enabled.run).cause == "Disabled: Customers."


# -- C2, C3, C4 -----------------------------------------------------------------------------------------------
def test_c2_fails_when_the_warehouse_file_is_gone_and_the_others_wait(ready: Workspace) -> None:
    (ready.home.warehouses / guided.FILE).unlink()
    run = run_checks(ready)
    states = {result.code: result for result in run.results}
    assert states["C2"].state is CheckState.FAILED
    assert states["C2"].cause == "Customers could not be opened."
    for code in ("C3", "C5", "C15"):  # C5 needs C3, which needs C2
        assert states[code].state is CheckState.BLOCKED
        assert states[code].cause.startswith("Not checked: repair C2, “")
    assert states["C13"].state is CheckState.PASSED


def test_c3_names_the_missing_table(ready: Workspace) -> None:
    guided.change_file(ready, "ALTER TABLE customers RENAME TO clients")
    result = run_checks(ready).get_result("C3")
    assert result is not None
    assert result.state is CheckState.FAILED
    assert "customers" in f"{result.cause} {result.evidence}"


def test_c3_warns_of_a_model_without_rows(ready: Workspace) -> None:
    guided.change_file(ready, "DELETE FROM customers")
    finding = look(ready, c03_warehouse_read.run)
    assert finding.state is CheckState.WARNING
    assert "returns no rows" in finding.cause


def test_c3_warns_when_the_columns_are_not_those_that_were_saved(ready: Workspace) -> None:
    redefine(ready, "SELECT * EXCLUDE (extras) FROM customers")
    guided.change_file(ready, "ALTER TABLE customers ADD COLUMN city VARCHAR")
    finding = look(ready, c03_warehouse_read.run)
    assert finding.state is CheckState.WARNING
    assert finding.evidence == "New: city."


def test_c4_says_where_state_is_kept_and_that_the_warehouse_is_not_written(ready: Workspace) -> None:
    finding = look(ready, c04_warehouse_write.run)
    assert finding.state is CheckState.PASSED
    assert "state/" in finding.evidence
    assert "stays read-only" in finding.evidence
    assert not list(ready.home.sync_state.glob(".check-*"))


def test_c4_fails_when_the_state_folder_cannot_be_written(ready: Workspace, tmp_path: Path) -> None:
    state = ready.home.sync_state
    for file in state.iterdir():
        file.unlink()
    state.rmdir()
    state.write_text("a file where the folder should be")
    finding = look(ready, c04_warehouse_write.run)
    assert finding.state is CheckState.FAILED
    assert "chmod" in finding.fix


# -- C5, C6 ---------------------------------------------------------------------------------------------------
def test_c5_counts_all_rows(ready: Workspace) -> None:
    finding = look(ready, c05_unique_id.run)
    assert finding.state is CheckState.PASSED
    assert finding.evidence == "12 rows, 12 distinct values of id, none empty, none repeated."


def test_c5_warns_of_a_few_bad_keys_and_gives_an_example(workspace: Workspace) -> None:
    guided.add_identifiers_and_traits(workspace, rows=200)
    guided.change_file(workspace, "UPDATE customers SET id = 'c1' WHERE id = 'c2'")
    guided.change_file(workspace, "UPDATE customers SET id = NULL WHERE id = 'c3'")
    finding = look(workspace, c05_unique_id.run)
    assert finding.state is CheckState.WARNING
    assert finding.cause.startswith("3 of 200 rows of 'Customers' (1.5%)")
    assert "1 rows without a value; 2 rows share 1 values. For example: c1." in finding.evidence


def test_c5_fails_when_the_wrong_column_was_chosen(ready: Workspace) -> None:
    redefine(ready, guided.SQL, key_column="plan")
    finding = look(ready, c05_unique_id.run)
    assert finding.state is CheckState.FAILED
    assert "12 of 12 rows" in finding.cause
    assert "choose another unique identifier column" in finding.fix


def test_c5_fails_when_the_key_column_is_gone_from_the_saved_columns(ready: Workspace) -> None:
    tamper(ready, update(sql_models).values(key_column="vanished"))
    finding = look(ready, c05_unique_id.run)
    assert finding.state is CheckState.FAILED
    assert "no column 'vanished'" in finding.cause


def test_c6_measures_the_model(ready: Workspace) -> None:
    finding = look(ready, c06_model_limits.run)
    assert finding.state is CheckState.PASSED
    assert "5 of 512 columns" in finding.evidence


def test_c6_refuses_sql_that_got_into_the_store_past_the_guard(ready: Workspace) -> None:
    tamper(ready, update(sql_models).values(sql="DROP TABLE customers"))
    with pytest.raises(NotReadOnly):
        look(ready, c06_model_limits.run)
    result = run_checks(ready).get_result("C6")
    assert result is not None
    assert result.state is CheckState.FAILED


# -- C7 -------------------------------------------------------------------------------------------------------
def test_c7_names_the_column_that_vanished(ready: Workspace) -> None:
    redefine(ready, "SELECT id, email, plan FROM customers")
    finding = look(ready, c07_mapping.run)
    assert finding.state is CheckState.FAILED
    assert "'phone'" in finding.cause
    assert finding.fix


def test_c7_fails_for_a_disabled_mapping_or_destination(ready: Workspace) -> None:
    sync = list_syncs(ready)[0]
    set_enabled(ready, sync.id, False)
    assert "is disabled" in look(ready, c07_mapping.run).cause
    set_enabled(ready, sync.id, True)
    set_destination_enabled(ready, list_destinations(ready)[0].id, False)
    assert "The destination 'Segment Profiles' is disabled." in look(ready, c07_mapping.run).cause


def test_c7_fails_without_any_mapping(workspace: Workspace) -> None:
    guided.define(workspace)
    assert look(workspace, c07_mapping.run).cause == "There is no mapping."


def test_c7_fails_when_the_model_of_the_mapping_is_gone(ready: Workspace) -> None:
    tamper(ready, update(syncs).values(sql_model_id="mod_gone"))
    assert "SQL model of the mapping" in look(ready, c07_mapping.run).cause


# -- C10 ------------------------------------------------------------------------------------------------------
def test_c10_says_which_column_feeds_which_identifier(ready: Workspace) -> None:
    finding = look(ready, c10_identifiers.run)
    assert finding.state is CheckState.PASSED
    assert finding.evidence.startswith("user_id from id, email from email, phone from phone.")


def test_c10_warns_without_a_phone_because_flex_looks_people_up_by_it(ready: Workspace) -> None:
    delete_identifier(ready, space_id(ready), "phone")
    finding = look(ready, c10_identifiers.run)
    assert finding.state is CheckState.WARNING
    assert "Flex looks people up by phone" in finding.cause


def test_c10_fails_when_the_mapping_feeds_no_identifier(ready: Workspace) -> None:
    guided_setup.add_default_identifiers(ready, ["anonymous_id"])
    for type_ in ("user_id", "email", "phone"):
        delete_identifier(ready, space_id(ready), type_)
    finding = look(ready, c10_identifiers.run)
    assert finding.state is CheckState.FAILED
    assert "user_id" in finding.fix


def test_c10_fails_without_identifiers(ready: Workspace) -> None:
    tamper(ready, delete(identifier_rules))
    assert look(ready, c10_identifiers.run).cause.startswith("There is no identifier")


def test_c10_names_the_key_that_the_phone_is_read_from(ready: Workspace) -> None:
    guided_setup.edit_identifier(ready, RuleEdit("phone", key="mobile"))
    finding = look(ready, c10_identifiers.run)
    assert (finding.state, finding.fix) == (
        CheckState.WARNING,
        "Map a column in E.164 (+14155550100) to the trait mobile.",
    )


def test_c10_reads_custom_keys_in_both_spellings(ready: Workspace) -> None:
    guided_setup.add_custom_identifier(ready, "loyalty_id", key="loyalty_card")
    mapping = guided.make_mapping(space_id(ready)).put(MappingEntry("traits", "loyaltyCard", ColumnRef("plan")))
    fed = c10_identifiers.list_fed_identifiers(mapping, list_rules(ready, space_id(ready)))
    assert fed["loyalty_id"] == "plan"


# -- C11 ------------------------------------------------------------------------------------------------------
def test_c11_waits_for_the_events_without_blocking_and_passes_when_they_came(ready: Workspace) -> None:
    finding = look(ready, c11_traits.run)
    assert finding.state is CheckState.WARNING
    assert "'Flex - Engagement Initiated'" in finding.evidence
    flex = get_source(ready, "flex-unify-server-source")
    message = {"type": "track", "messageId": "m1", "userId": "c1", "event": "Flex - Engagement Initiated"}
    message |= {"properties": {"direction": "Inbound"}, "timestamp": "2026-11-20T08:00:00Z"}
    open_event_log(ready).append([to_log_entry(flex.id, message, ready.now())])
    assert look(ready, c11_traits.run).state is CheckState.PASSED


def test_c11_passes_without_traits(ready: Workspace) -> None:
    guided_setup.save_traits(ready, [])
    assert look(ready, c11_traits.run).state is CheckState.PASSED


def test_c11_fails_for_a_definition_that_cannot_be_computed(ready: Workspace) -> None:
    tamper(ready, update(computed_traits).values(definition={"conditions": []}))
    result = run_checks(ready).get_result("C11")
    assert result is not None
    assert result.state is CheckState.FAILED
    assert "names no event" in result.cause


def test_c10_warns_of_a_value_that_very_many_people_share(ready: Workspace) -> None:
    space_id = guided_setup.get_setup(ready).space_id
    rows = [
        {
            "space_id": space_id,
            "log_offset": number,
            "seq": 0,
            "rule": "identifier_value_limit_exceeded",
            "detail": "{}",
            "profile_id": f"use_{number}",
            "identifier_type": "phone",
            "identifier_value": "+14155550999",
        }
        for number in range(100)
    ]
    tamper(ready, insert(violations).values(rows))
    finding = look(ready, c10_identifiers.run)
    assert finding.state is CheckState.WARNING
    assert "phone +14155550999 was refused to 100 people" in finding.evidence
    assert "block the value" in finding.fix


# -- C12, C13 -------------------------------------------------------------------------------------------------
def test_c12_notices_an_edit_behind_the_store(ready: Workspace) -> None:
    tamper(ready, update(sources).where(sources.c.kind == "flex").values(name="Mine", protected=False))
    finding = look(ready, c12_flex_source.run)
    assert finding.cause == "The source flex-unify-server-source was edited: name, protection."


def test_c12_missing_source_is_made_again_by_the_setup(ready: Workspace) -> None:
    tamper(ready, delete(sources).where(sources.c.kind == "flex"))
    assert "is missing" in look(ready, c12_flex_source.run).cause
    result = guided_setup.run_setup_checks(ready).get_result("C12")
    assert result is not None
    assert result.state is CheckState.PASSED


def test_c13_names_the_source_whose_events_reach_no_profile(ready: Workspace) -> None:
    create_source(ready, kind="duckdb", name="Loose", warehouse_id="wh")
    assert look(ready, c13_space_sources.run).cause == "Not connected to any profile space: Loose."
    run_checks_anytime(ready)
    (space,) = list_spaces(ready)
    disconnect_source(ready, space.id, get_source(ready, "Loose").id)
    run_checks_anytime(ready)
    finding = look(ready, c13_space_sources.run)
    assert (finding.state, finding.cause) == (CheckState.WARNING, "Disconnected from the profile space: Loose.")
    tamper(ready, delete(space_sources))
    assert "Flex events" in look(ready, c13_space_sources.run).cause


# -- C15 ------------------------------------------------------------------------------------------------------
def test_c15_resolves_real_rows_and_writes_nothing(ready: Workspace) -> None:
    finding = look(ready, c15_profile_resolves.run)
    assert finding.state is CheckState.PASSED
    assert "user_id in 10 of 10 rows" in finding.evidence
    assert open_event_log(ready).last_offset() == 0


def test_c15_fails_when_every_value_is_blocked(ready: Workspace) -> None:
    for type_ in ("user_id", "email", "phone"):
        edit_identifier(ready, space_id(ready), RuleEdit(type_, blocked_patterns=(".*",)))
    finding = look(ready, c15_profile_resolves.run)
    assert finding.state is CheckState.FAILED
    assert "has an identifier that finds a profile" in finding.cause


def test_c15_warns_of_rows_without_a_usable_identifier(ready: Workspace) -> None:
    for type_ in ("email", "phone"):
        delete_identifier(ready, space_id(ready), type_)
    edit_identifier(ready, space_id(ready), RuleEdit("user_id", blocked_exact=("c1", "c2")))
    finding = look(ready, c15_profile_resolves.run)
    assert finding.state is CheckState.WARNING
    assert finding.cause.startswith("2 of the first 10 rows")


def test_c15_cannot_tell_without_rows(ready: Workspace) -> None:
    guided.change_file(ready, "DELETE FROM customers")
    assert look(ready, c15_profile_resolves.run).state is CheckState.WARNING


def test_c2_and_c5_work_on_the_same_warehouse_opened_once(ready: Workspace) -> None:
    with CheckContext(ready, read_configuration(ready)) as context:
        warehouse_id = context.configuration.warehouses[0].id
        assert context.open_warehouse(warehouse_id) is context.open_warehouse(warehouse_id)
        assert c02_warehouse_login.run(context).state is CheckState.PASSED


@pytest.fixture
def website(workspace: Workspace) -> Workspace:
    """Return a workspace whose only data source is a website, set up but for the checks."""
    request_access(workspace)
    guided_setup.confirm_branch(workspace, "website_or_mobile")
    guided_setup.connect_website(workspace, name="Shop", website_url="https://www.example.com")
    guided_setup.finish_test(workspace, guided_setup.Connection.WEBSITE, skip=True)
    guided_setup.add_default_identifiers(workspace, ["user_id", "anonymous_id", "email"])
    guided_setup.save_traits(workspace, [])
    return workspace


def send(workspace: Workspace, type_: str) -> None:
    source = next(source for source in list_sources(workspace) if source.kind == "javascript")
    message = {"type": type_, "anonymousId": "a1", "event": "Opened", "messageId": f"m-{type_}"}
    open_event_log(workspace).append([to_log_entry(source.id, message, workspace.now())])


def test_a_website_alone_is_not_asked_for_a_warehouse(website: Workspace) -> None:
    run = run_checks(website)
    assert [result.code for result in run.results] == ["C1", "C9", "C10", "C11", "C12", "C13", "C15"]
    assert run.state is CheckState.WARNING
    assert [result.code for result in run.results if result.state is CheckState.WARNING] == ["C9", "C10"]


def test_c9_warns_until_a_page_arrives_and_never_fails(website: Workspace) -> None:
    finding = look(website, c09_views_arrive.run)
    assert (finding.state, finding.cause) == (CheckState.WARNING, "No event has arrived from Shop yet.")
    assert finding.fix == "Open the site and view a few pages, then check again."
    send(website, "track")
    assert look(website, c09_views_arrive.run).cause == "Shop sends events, but no page yet."
    send(website, "page")
    finding = look(website, c09_views_arrive.run)
    assert finding.state is CheckState.PASSED
    assert "the newest page came at 2026-11-24T" in finding.evidence


def test_c10_and_c15_judge_what_events_bring_where_there_is_no_mapping(website: Workspace) -> None:
    assert "Flex looks people up by phone" in look(website, c10_identifiers.run).cause
    assert look(website, c15_profile_resolves.run).evidence == "Used: user_id, anonymous_id."
    tamper(website, delete(identifier_rules).where(identifier_rules.c.type.in_(["user_id", "anonymous_id"])))
    finding = look(website, c15_profile_resolves.run)
    assert finding.state is CheckState.FAILED
    assert "Add the identifier user_id or anonymous_id" in finding.fix


def test_a_warehouse_workspace_is_not_asked_for_views(ready: Workspace) -> None:
    assert "C9" not in [result.code for result in run_checks(ready).results]
