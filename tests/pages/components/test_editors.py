"""The Python side of the components that live in the browser: who wins when both sides change a value."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def run(script, **state):
    app = AppTest.from_function(script, default_timeout=30)
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def sent(app):
    """Return what Python sends to the only component on the page."""
    (component,) = app.get("bidi_component")
    return json.loads(component.proto.json)


def mapping_script():
    import streamlit as st

    from components.mapping_editor import draw_mapping_editor
    from core.fields import Field, FieldType
    from core.mappings.mapping import FieldMapping
    from core.warehouses.definition import ColumnType, Kind

    fields = [
        Field("traits", "Traits", type=FieldType.OBJECT, free_keys=True),
        Field("timestamp", "Timestamp", type=FieldType.DATETIME),
        Field("user_id", "User ID", required=True),
        Field("engage_space", "Profile Space"),
    ]
    saved = FieldMapping.from_dict(st.session_state.get("saved", {"entries": []}))
    columns = [ColumnType("id", "VARCHAR", Kind.TEXT)]
    drawn = draw_mapping_editor(columns, fields, saved, "editor", choices={"engage_space": [("spa_1", "Development")]})
    st.session_state["drawn"] = drawn.to_dict()


ENTRY = {"field": "user_id", "key": None, "value": {"column": "id"}}
OTHER = {"field": "traits", "key": "plan", "value": {"constant": None}}


def test_the_mapping_editor_starts_from_the_saved_mapping_and_groups_its_fields():
    app = run(mapping_script, saved={"entries": [ENTRY]})
    assert app.session_state["drawn"] == {"entries": [ENTRY]}
    data = sent(app)
    assert [field["name"] for field in data["fields"]] == ["engage_space", "user_id", "timestamp", "traits"]
    assert data["fields"][0]["choices"] == [["spa_1", "Development"]]
    assert data["columns"] == [{"name": "id", "type": "text", "sample": ""}]
    assert data["rev"] == 0


def test_what_the_browser_reports_wins_over_a_saved_mapping_that_lags_behind():
    app = run(mapping_script)
    app.session_state["editor"] = {"mapping": {"entries": [ENTRY]}}
    app.run()
    assert app.session_state["drawn"] == {"entries": [ENTRY]}
    app.session_state["saved"] = {"entries": [ENTRY]}  # the page has saved it meanwhile
    app.session_state["editor"] = {"mapping": {"entries": [ENTRY, OTHER]}}
    app.run()
    assert app.session_state["drawn"] == {"entries": [ENTRY, OTHER]}
    assert sent(app)["rev"] == 0


def test_a_mapping_changed_from_elsewhere_replaces_the_edits_with_a_new_revision():
    app = run(mapping_script, saved={"entries": [ENTRY]})
    app.session_state["editor"] = {"mapping": {"entries": []}}
    app.run()
    app.session_state["saved"] = {"entries": [OTHER]}
    app.run()
    assert app.session_state["drawn"] == {"entries": [OTHER]}
    assert sent(app)["rev"] == 1


def test_a_report_of_the_wrong_shape_is_not_taken():
    app = run(mapping_script, saved={"entries": [ENTRY]})
    for wrong in (
        {"entries": [{"field": 3}]},
        {"entries": "x"},
        "text",
        5,
        {"entries": [{**ENTRY, "value": {"x": 1}}]},
    ):
        app.session_state["editor"] = {"mapping": wrong}
        app.run()
        assert not app.exception
        assert app.session_state["drawn"] == {"entries": [ENTRY]}


def test_a_change_calls_on_change_once():
    def script():
        import streamlit as st

        from components.mapping_editor import draw_mapping_editor
        from core.mappings.mapping import FieldMapping

        calls = st.session_state.setdefault("calls", [])
        draw_mapping_editor([], [], FieldMapping(), "editor", on_change=lambda mapping: calls.append(mapping.to_dict()))

    app = run(script)
    assert app.session_state["calls"] == []
    app.session_state["editor"] = {"mapping": {"entries": [ENTRY]}}
    app.run()
    app.run()
    assert app.session_state["calls"] == [{"entries": [ENTRY]}]


def test_a_change_that_cannot_be_saved_is_explained_beside_the_editor():
    def script():
        from components.mapping_editor import draw_mapping_editor
        from core.errors import VersionConflict
        from core.mappings.mapping import FieldMapping

        def refuse(_mapping):
            raise VersionConflict("Somebody else has changed the mapping.", hint="Load the page again.")

        draw_mapping_editor([], [], FieldMapping(), "editor", on_change=refuse)

    app = run(script)
    app.session_state["editor"] = {"mapping": {"entries": [ENTRY]}}
    app.run()
    assert not app.exception
    assert "Somebody else has changed the mapping." in app.error[0].value


def test_notes_belong_to_mapped_fields_and_issues_stand_above_reports():
    def script():
        from components.mapping_editor import draw_mapping_editor
        from core.fields import Field
        from core.mappings.check import FieldReport, MappingReport
        from core.mappings.mapping import ColumnRef, FieldMapping, MappingEntry
        from core.mappings.validate import MappingIssue

        mapping = FieldMapping(
            (MappingEntry("user_id", None, ColumnRef("id")), MappingEntry("group_id", None, ColumnRef("gone")))
        )
        report = MappingReport(
            10, 0, {}, tuple(FieldReport(name, None, 9, 1, 0.9, 0, ()) for name in ("user_id", "group_id", "unmapped"))
        )
        issues = [MappingIssue("unknown_column", "group_id", None, "The column is gone.", "", True)]
        draw_mapping_editor([], [Field("user_id", "User ID")], mapping, "editor", report=report, issues=issues)

    assert sent(run(script))["notes"] == {
        "user_id": {"text": "90 % filled · 1 null", "tone": ""},
        "group_id": {"text": "The column is gone.", "tone": "bad"},
    }


def sql_script():
    import streamlit as st

    from components.sql_editor import draw_sql_editor
    from core.errors import QueryError

    error = QueryError(st.session_state["error"]) if "error" in st.session_state else None
    state = draw_sql_editor(st.session_state.get("saved", "select 1"), {"main.t": ["id"]}, "duckdb", "sql", error=error)
    st.session_state["text"] = state.text


def build_assets(folder, monkeypatch):
    (folder / ".built-from").write_text("0123456789abcdef")
    (folder / "sql_editor.js").write_text("export default () => {}\n")
    monkeypatch.setattr("components.assets.STATIC_FOLDER", folder)


def test_the_sql_editor_is_sent_its_address_its_catalog_and_the_place_of_an_error(tmp_path, monkeypatch):
    build_assets(tmp_path, monkeypatch)
    data = sent(run(sql_script, error="Something is wrong (line 3, column 7)."))
    assert data["src"] == "app/static/sql_editor.js?v=0123456789ab"
    assert data["catalog"] == {"main.t": ["id"]}
    assert (data["error"]["line"], data["error"]["column"]) == (3, 7)
    assert sent(run(sql_script, error="No place is named."))["error"] is None


def test_typed_sql_is_returned_and_a_text_set_by_the_page_replaces_it(tmp_path, monkeypatch):
    build_assets(tmp_path, monkeypatch)
    app = run(sql_script)
    app.session_state["sql"] = {"value": "select 2"}
    app.run()
    assert app.session_state["text"] == "select 2"
    app.session_state["saved"] = "select 3"
    app.run()
    assert (app.session_state["text"], sent(app)["rev"]) == ("select 3", 1)


def test_without_built_assets_the_sql_editor_is_a_text_box(tmp_path, monkeypatch):
    monkeypatch.setattr("components.assets.STATIC_FOLDER", tmp_path)
    app = run(sql_script)
    assert app.text_area[0].value == "select 1"
    app.text_area[0].set_value("select 2").run()
    assert app.session_state["text"] == "select 2"
    app.session_state["saved"] = "select 3"
    app.run()
    assert app.text_area[0].value == "select 3"


def test_a_step_that_is_locked_or_unknown_is_never_returned():
    def script():
        import streamlit as st

        from components.stepper import draw_stepper

        steps = [{"id": "a", "title": "A", "done": True}, {"id": "b", "title": "B", "open": False, "reason": "Do A."}]
        st.session_state["go"] = draw_stepper(steps, "a", "steps")

    app = run(script)
    assert app.session_state["go"] is None
    assert sent(app)["steps"][1] == {"id": "b", "title": "B", "done": False, "open": False, "reason": "Do A."}
