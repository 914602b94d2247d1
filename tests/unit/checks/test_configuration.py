from __future__ import annotations

from core.checks.configuration import describe_changes, fingerprint, read_configuration
from core.identity.edits import RuleEdit
from core.identity.rules import edit_identifier
from core.setup import guided_setup
from core.sources.store import disable_source, rename_source
from core.syncs.sync import get_sync, set_enabled, set_schedule
from core.workspaces.workspace import Workspace
from tests import guided


def mark(workspace: Workspace) -> str:
    return fingerprint(read_configuration(workspace))


def test_the_same_configuration_has_the_same_fingerprint(ready: Workspace) -> None:
    assert mark(ready) == mark(ready)
    assert describe_changes(mark(ready), mark(ready)) == ""


def test_what_the_checks_do_not_judge_does_not_change_it(ready: Workspace) -> None:
    before = mark(ready)
    setup = guided_setup.get_setup(ready)
    disable_source(ready, str(setup.source_id))
    rename_source(ready, str(setup.source_id), "Another name")
    set_schedule(ready, str(setup.sync_id), 1440)
    guided_setup.save_draft_sql(ready, "SELECT 1")
    assert mark(ready) == before


def test_each_change_is_named(ready: Workspace) -> None:
    setup = guided_setup.get_setup(ready)
    before = mark(ready)
    edit_identifier(ready, str(setup.space_id), RuleEdit("email", value_limit=2))
    assert describe_changes(before, mark(ready)) == "the identifiers"
    set_enabled(ready, get_sync(ready, str(setup.sync_id)).id, False)
    assert describe_changes(before, mark(ready)) == "the mapping and the identifiers"
    guided_setup.define_sql_model(ready, name="Customers", sql=f"{guided.SQL} LIMIT 5", key_column="id")
    guided_setup.save_traits(ready, [])
    assert (
        describe_changes(before, mark(ready)) == "the SQL model, the mapping, the identifiers and the computed traits"
    )


def test_another_priority_of_identifiers_is_a_change(ready: Workspace) -> None:
    before = mark(ready)
    edit_identifier(ready, str(guided_setup.get_setup(ready).space_id), RuleEdit("phone", priority=1))
    assert describe_changes(before, mark(ready)) == "the identifiers"


def test_only_models_that_a_sync_reads_are_checked_once_there_is_a_sync(ready: Workspace) -> None:
    configuration = read_configuration(ready)
    assert len(configuration.sql_models) == 1
    assert configuration.get_sql_model("mod_nowhere") is None
    assert configuration.get_destination("dst_nowhere") is None
