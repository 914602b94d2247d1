"""The form of each hosted warehouse: empty, failing and succeeding on its real server or emulator; and its change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.settings import is_shown
from core.setup.guided_setup import get_setup
from core.warehouses.registry import DEFINITIONS, check_connection, get_definition
from core.warehouses.store import list_warehouses, read_secrets
from core.workspaces.audit import list_changes
from tests import guided
from tests.emulators.postgres_front import open_front
from tests.hosted import PASSWORD, SERVERS, Form, postgres_form, refused_form, working_form
from tests.pages.reading import press, read_plain

HOSTED = [definition.name for definition in DEFINITIONS if definition.write_guide]


@pytest.fixture
def fill_in(workspace, visit):
    """Open the form of an engine and type what a `Form` says."""

    def fill(form: Form) -> AppTest:
        guided.confirm(workspace)
        app = visit("connect_warehouse.py", kind=form.kind)
        return type_in(app, f"connect_{form.kind}", form)

    return fill


@pytest.fixture(params=SERVERS)
def working(request) -> Iterator[Form]:
    with working_form(request.param, request.getfixturevalue(SERVERS[request.param])) as form:
        yield form


@pytest.fixture(params=SERVERS)
def refused(request) -> Iterator[Form]:
    with refused_form(request.param, request.getfixturevalue(SERVERS[request.param])) as form:
        yield form


def type_in(app: AppTest, key: str, form: Form) -> AppTest:
    """Type into the form with this key; choices first, because they reveal fields."""
    fields = get_definition(form.kind).settings
    for field in sorted(fields, key=lambda field: not field.choices):
        value = {**form.settings, **form.secrets}.get(field.name)
        if value is None:
            continue
        widget = next(each for each in app.main if getattr(each, "key", None) == f"{key}_field_{field.name}")
        widget.set_value(value)
        if field.choices:
            app.run()
    return app


def read_everything(app: AppTest) -> str:
    """Return all that reached the browser, and all that the session keeps."""
    state = app.session_state._state._state  # all of it, also what widgets hold
    return "\n".join([str(each.proto) for each in app.main if hasattr(each, "proto")] + [repr(state)])


@pytest.mark.parametrize("kind", HOSTED)
def test_an_empty_form_names_every_missing_field_at_the_field_and_saves_nothing(workspace, visit, kind):
    """W26."""
    guided.confirm(workspace)
    app = press(visit("connect_warehouse.py", kind=kind), "Save")
    definition = get_definition(kind)
    needed = [each for each in definition.settings if each.required and each.default is None]
    missing = [each.label for each in needed if is_shown(each, definition, {})]
    notes = [each.value for each in app.markdown if each.value.startswith(":red[")]
    assert [note.partition("error: ")[2] for note in notes] == [f"{label} is missing.]" for label in missing]
    assert len(app.error) == 1 and all(label in app.error[0].value for label in missing)
    assert list_warehouses(workspace) == []


@pytest.mark.parametrize("kind", HOSTED)
def test_a_warehouse_without_a_name_is_told_so_at_the_name(workspace, visit, kind):
    guided.confirm(workspace)
    app = visit("connect_warehouse.py", kind=kind)
    app.text_input(key=f"connect_{kind}_name").set_value("  ")
    press(app, "Save")
    assert ":red[:material/error: Name is missing.]" in [each.value for each in app.markdown]


def test_a_choice_reveals_its_fields_and_hides_those_of_the_other(workspace, visit):
    guided.confirm(workspace)
    app = visit("connect_warehouse.py", kind="snowflake")
    assert "Private key" in [each.label for each in app.text_area]
    app.selectbox(key="connect_snowflake_field_authentication").set_value("password").run()
    assert [each.label for each in app.text_area] == []
    assert "Password" in [each.label for each in app.text_input]


def test_the_guide_is_filled_with_what_is_typed(workspace, visit):
    guided.confirm(workspace)
    app = visit("connect_warehouse.py", kind="postgres")
    app.text_input(key="connect_postgres_field_user").set_value("crm_reader").run()
    guide = "\n".join(block.value for block in app.code)
    assert 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "crm_reader";' in guide


def test_a_refusal_is_one_sentence_with_the_field_the_missing_grant_and_the_folded_words_of_the_warehouse(
    workspace, fill_in, refused
):
    """W27: what was typed stays for another try, and nothing is saved."""
    app = fill_in(refused)
    press(app, "Save")
    assert len(app.error) == 1 and refused.told in app.error[0].value
    notes = [each.value for each in app.markdown if each.value.startswith(":red[")]
    assert len(notes) == bool(refused.field)
    said = [box for box in app.expander if box.label == "What the warehouse said"]
    assert len(said) == 1 and not said[0].proto.expanded
    shown = [block.value for block in app.code]
    assert any(refused.grant in text for text in shown), shown
    assert list_warehouses(workspace) == [] and not get_setup(workspace).has_warehouse
    told = app.error[0].value + "".join(shown) + "".join(notes)
    assert not [part for part in refused.secret_parts if part in told]
    first = next(name for name in refused.settings if name in ("host", "account", "location"))
    assert app.text_input(key=f"connect_{refused.kind}_field_{first}").value == refused.settings[first]


def test_a_warehouse_that_answers_is_connected_and_its_secret_is_left_nowhere_in_the_session(
    workspace, fill_in, working
):
    """W26, W27: Save tests reading and writing; Next leads on."""
    app = press(fill_in(working), "Save")
    shown = read_plain(app)
    assert "is connected." in shown and not app.error, shown
    assert "Read " in shown and "only changed rows leave it" in shown
    (record,) = list_warehouses(workspace)
    assert read_secrets(workspace, record.id) == working.secrets
    everything = read_everything(app) + repr(dict(app.query_params)) + repr(record) + repr(list_changes(workspace))
    assert not [part for part in working.secret_parts if part in everything]
    press(app, "Next")
    assert app.title[0].value == "Getting started with Segment"


def test_save_tests_the_connection_once_and_what_it_found_stays_on_the_page(workspace, fill_in, warehouse_server):
    form = postgres_form(warehouse_server)
    with open_front(warehouse_server) as front:
        app = press(fill_in(replace(form, settings=form.settings | {"port": str(front.port)})), "Save")
        assert "1 table can be read." in read_plain(app)
        of_save = len(front.was_encrypted)
        (record,) = list_warehouses(workspace)
        check_connection(workspace, record.id)
        assert len(front.was_encrypted) == 2 * of_save
        assert "1 table can be read." in read_plain(app.run())
        assert len(front.was_encrypted) == 2 * of_save
    press(app, "Test the connection again")
    assert len(app.error) == 1 and "can be read" not in read_plain(app), "what an older test found is gone"


def test_a_login_that_may_only_read_is_told_what_follows_and_sees_the_one_missing_grant(
    workspace, fill_in, warehouse_server
):
    form = postgres_form(warehouse_server, may_write=False)
    app = press(fill_in(form), "Save")
    shown = read_plain(app)
    assert "is connected." in shown
    assert "This login may read and not write." in shown
    assert "each sync reads every row" in shown
    assert app.code[0].value == form.grant


def change(app: AppTest, workspace, settings: dict[str, str], secrets: dict[str, str]) -> AppTest:
    (record,) = list_warehouses(workspace)
    press(app, "Change connection …")
    type_in(app, f"connection_{record.id}", Form(record.kind, settings, secrets))
    return press(app, "Save")


def test_new_credentials_are_tested_before_the_old_are_dropped(workspace, visit, warehouse_server):
    guided.confirm(workspace)
    form = postgres_form(warehouse_server)
    form.connect(workspace)
    app = change(visit("warehouses.py"), workspace, {}, {"password": "not the password"})
    assert "refused the user" in app.error[0].value
    (record,) = list_warehouses(workspace)
    assert read_secrets(workspace, record.id) == form.secrets
    assert check_connection(workspace, record.id).ok

    warehouse_server.execute(f"ALTER ROLE {form.settings['user']} PASSWORD 'a new one'")
    app = change(visit("warehouses.py"), workspace, {}, {"password": "a new one"})
    assert not app.error and "is changed." in app.toast[0].value
    assert read_secrets(workspace, record.id) == {"password": "a new one"}
    assert "a new one" not in read_everything(app) + repr(list_changes(workspace))
    assert "Save" not in [button.label for button in app.button], "the form is closed"


def test_a_setting_is_changed_and_an_empty_secret_keeps_what_is_saved(workspace, visit, warehouse_server):
    guided.confirm(workspace)
    form = postgres_form(warehouse_server)
    form.connect(workspace)
    app = press(visit("warehouses.py"), "Change connection …")
    (password,) = [each for each in app.text_input if each.label == "Password"]
    assert (password.value, password.placeholder) == ("", "Saved. Leave it empty to keep it.")
    press(app, "Cancel")
    assert "Save" not in [button.label for button in app.button]
    change(app, workspace, {"time_zone": "Europe/Berlin"}, {})
    (record,) = list_warehouses(workspace)
    assert record.settings["time_zone"] == "Europe/Berlin"
    assert read_secrets(workspace, record.id) == {"password": PASSWORD}


def test_the_report_of_a_test_shows_reading_writing_and_the_missing_grant(workspace, visit, warehouse_server):
    guided.confirm(workspace)
    form = postgres_form(warehouse_server, may_write=False)
    form.connect(workspace)
    app = press(visit("warehouses.py"), "Test again")
    shown = read_plain(app)
    assert "1 table can be read." in shown and "This login may read and not write." in shown
    assert form.grant in [block.value for block in app.code]
    warehouse_server.execute(f"ALTER ROLE {form.settings['user']} NOLOGIN")
    press(app, "Test again")
    assert len(app.error) == 1 and "This login may read" not in read_plain(app)
