from __future__ import annotations

import orjson
import pytest

from core.errors import IllegalTransition, MappingError, RequiredFieldUnmapped
from core.events.event_log import open_event_log
from core.setup import guided_setup
from core.sql_models.row_cache import RowCache
from core.workspaces.workspace import Workspace
from tests import guided


def test_the_test_record_is_the_exact_message_of_the_first_row(workspace: Workspace) -> None:
    setup = guided.define(workspace)
    message = guided_setup.make_draft_test_record(workspace, guided.make_mapping(setup.space_id)).message
    assert message["type"] == "identify"
    assert message["userId"] == "c1"
    assert message["traits"] == {"email": "c1@example.com", "phone": "+14155550001", "plan": "basic"}
    assert open_event_log(workspace).last_offset() == 0


def test_a_sent_test_record_is_in_the_log_and_marked_as_a_test(workspace: Workspace) -> None:
    setup = guided.define(workspace)
    draft = guided_setup.make_draft_test_record(workspace, guided.make_mapping(setup.space_id))
    for _ in range(2):  # the same message twice has one effect
        assert guided_setup.send_draft_test_record(workspace, draft).status == "delivered"
    (event,) = open_event_log(workspace).search(source_id=setup.source_id)
    assert orjson.loads(event.body) == draft.message
    assert draft.message["context"]["reverseEtl"]["test"] is True


def test_nothing_is_sent_for_an_incomplete_mapping(workspace: Workspace) -> None:
    setup = guided.define(workspace)
    with pytest.raises(RequiredFieldUnmapped):
        guided_setup.make_draft_test_record(workspace, guided.make_mapping(setup.space_id).without("user_id"))
    assert open_event_log(workspace).last_offset() == 0


def test_a_model_whose_rows_are_all_rejected_says_why(workspace: Workspace) -> None:
    sql = "SELECT id, nothing, email, phone, plan FROM customers"
    setup = guided.define(workspace, sql)
    with pytest.raises(MappingError, match="A required field is empty"):
        guided_setup.make_draft_test_record(workspace, guided.make_mapping(setup.space_id, user_id="nothing"))


def test_a_model_without_rows_has_no_test_record(workspace: Workspace) -> None:
    setup = guided.define(workspace, f"{guided.SQL} WHERE false")
    with pytest.raises(MappingError, match="returns no rows"):
        guided_setup.make_draft_test_record(workspace, guided.make_mapping(setup.space_id))


def test_the_check_looks_at_every_row(workspace: Workspace) -> None:
    setup = guided.define(workspace, rows=500)
    report = guided_setup.check_draft_mapping(workspace, guided.make_mapping(setup.space_id))
    assert (report.rows, report.rejected) == (500, 0)


def test_columns_are_suggested_with_a_reason(workspace: Workspace) -> None:
    guided.define(workspace)
    suggestions = guided_setup.suggest_draft_mapping(workspace)
    targets = {(suggestion.entry.field, suggestion.entry.key) for suggestion in suggestions}
    assert ("traits", "email") in targets
    assert all(suggestion.reason for suggestion in suggestions)


def test_without_a_model_there_is_nothing_to_map(workspace: Workspace) -> None:
    guided.connect(workspace)
    with pytest.raises(IllegalTransition, match="no model to map"):
        guided_setup.suggest_draft_mapping(workspace)


def test_a_check_with_kept_rows_sees_a_change_of_the_warehouse(workspace: Workspace) -> None:
    setup = guided.define(workspace, rows=40)
    mapping, rows = guided.make_mapping(setup.space_id), RowCache()
    assert guided_setup.check_draft_mapping(workspace, mapping, rows=rows).rejected == 0
    guided.change_file(workspace, "UPDATE customers SET id = 'c2' WHERE id = 'c1'")
    report = guided_setup.check_draft_mapping(workspace, mapping, rows=rows)
    assert report.reasons == {"record_duplicate": 2}
