"""The pages of a website and of an app without a browser: form, instructions, test, done (W42-W59)."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.events.event_log import open_event_log
from core.events.intake import take
from core.setup import guided_setup
from core.setup.guided_setup import Connection, MobileSystem, Step, TileState
from core.sources.store import get_source
from core.workspaces.workspace import Workspace, open_workspace, request_access
from tests.pages.conftest import Visit
from tests.pages.reading import list_buttons, press, read
from tests.serving import run_server

URL = "https://www.example.com"


@pytest.fixture(autouse=True)
def confirmed(workspace: Workspace) -> None:
    request_access(workspace)
    guided_setup.confirm_branch(workspace, "website_or_mobile")


def send(workspace: Workspace, source_id: str | None, *messages: dict[str, object]) -> None:
    taken = take(str(source_id), messages, received_at=workspace.now())
    open_event_log(workspace).append(taken.entries, taken.refusals)


def test_w19_w43_w53_the_start_page_offers_both_and_says_that_one_is_enough(visit: Visit) -> None:
    app = visit("getting_started.py")
    text = read(app)
    assert "Connect your website" in text
    assert "Connect your mobile apps" in text
    assert "either one is enough" in text
    assert [button.label for button in app.button].count("Connect Source") == 2
    assert "Define Model" not in text


def test_w44_w45_w46_the_form_makes_a_source_and_shows_its_snippet(visit: Visit, workspace: Workspace) -> None:
    app = visit("connect_website.py")
    app.text_input(key="website_name").input("Shop")
    app.text_input(key="website_url").input("www.example.com")
    press(app, "Create Source")
    source = get_source(workspace, str(guided_setup.get_setup(workspace).website_source_id))
    assert str(source.write_key) in app.code[0].value
    assert "/analytics.min.js" in app.code[0].value
    assert "The snippet is a few lines of JavaScript" in read(app)
    assert list_buttons(app)["Next"]


def test_a_broken_address_is_told_and_nothing_typed_is_lost(visit: Visit, workspace: Workspace) -> None:
    app = visit("connect_website.py")
    app.text_input(key="website_name").input("Shop")
    app.text_input(key="website_url").input("my shop")
    press(app, "Create Source")
    assert "Website URL cannot be 'my shop'" in read(app)
    assert app.text_input(key="website_name").value == "Shop"
    assert guided_setup.get_setup(workspace).website_source_id is None


def test_w48_w49_w50_the_test_waits_shows_the_page_and_done_completes_the_step(
    visit: Visit, workspace: Workspace
) -> None:
    source_id = guided_setup.connect_website(workspace, name="Shop", website_url=URL).website_source_id
    app = visit("connect_website.py", step="test")
    press(app, "Test Connection")
    text = read(app)
    assert "No page has arrived yet" in text
    assert "Open your site and view a few pages" in text
    assert "Done" not in [button.label for button in app.button]
    send(workspace, source_id, {"type": "page", "name": "Home", "anonymousId": "a1"})
    app.run()
    assert ":green[:material/check_circle:] **Page**" in read(app)
    assert "Home" in read(app)
    press(app, "Done")
    assert guided_setup.get_setup(workspace).get_tile(Step.CONNECTIONS).state is TileState.COMPLETE


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ({"context": {"page": {"title": "Basket [1]", "path": "/basket"}}}, "Basket \\[1\\]"),
        ({"context": {"page": {"title": "", "path": "/basket"}}}, "/basket"),
        ({"context": {"page": {"title": 7}}}, "1 event so far"),
        ({"context": {"page": "Basket"}}, "1 event so far"),
    ],
)
def test_w49_a_page_without_a_name_is_shown_by_its_title_or_its_path(
    visit: Visit, workspace: Workspace, message: dict[str, object], shown: str
) -> None:
    source_id = guided_setup.connect_website(workspace, name="Shop", website_url=URL).website_source_id
    send(workspace, source_id, {"type": "page", "anonymousId": "a1", **message})
    text = read(visit("connect_website.py", step="test"))
    assert ":green[:material/check_circle:] **Page**" in text
    assert shown in text


def test_w48_skip_this_step_completes_it_too(visit: Visit, workspace: Workspace) -> None:
    guided_setup.connect_website(workspace, name="Shop", website_url=URL)
    app = visit("connect_website.py", step="test")
    press(app, "Skip this step")
    assert guided_setup.get_setup(workspace).get_tile(Step.CONNECTIONS).state is TileState.COMPLETE


def test_an_event_that_was_refused_is_told_where_a_person_waits_for_it(visit: Visit, workspace: Workspace) -> None:
    source_id = guided_setup.connect_website(workspace, name="Shop", website_url=URL).website_source_id
    send(workspace, source_id, {"type": "page", "name": "Home"})
    text = read(visit("connect_website.py", step="test"))
    assert "An event was refused" in text
    assert "no_user_anon_id" in text


@pytest.mark.parametrize(("system", "code"), [("iOS", "import Segment"), ("Android", "com.segment.analytics.kotlin")])
def test_w52_w53_w54_w55_an_app_is_chosen_by_its_system_and_gets_its_own_instructions(
    visit: Visit, system: str, code: str
) -> None:
    app = visit("connect_mobile.py")
    assert "iOS **or** Android" in read(app)
    app.radio(key="mobile_system").set_value(MobileSystem(system))
    app.text_input(key="mobile_name").input("App")
    press(app, "Create Source")
    assert any(code in block.value for block in app.code)
    assert any("apiHost" in block.value for block in app.code)


def test_w56_w57_the_test_of_an_app_has_its_own_words_and_says_that_screens_are_not_sent_by_themselves(
    visit: Visit, workspace: Workspace
) -> None:
    source_id = guided_setup.connect_mobile(workspace, system=MobileSystem.IOS, name="App").mobile_source_id
    app = visit("connect_mobile.py", step="test")
    text = read(app)
    assert "Let's test out your connection" in text
    assert "not sent by themselves" in text
    assert list_buttons(app)["Test connection"]
    send(workspace, source_id, {"type": "screen", "name": "Basket", "anonymousId": "a1"})
    assert ":green[:material/check_circle:] **Page**" in read(app.run())


def test_w49_no_site_at_hand_the_test_leads_to_the_demo_website(visit: Visit, workspace: Workspace) -> None:
    source_id = guided_setup.connect_website(workspace, name="Shop", website_url=URL).website_source_id
    key = get_source(workspace, str(source_id)).write_key
    (link,) = visit("connect_website.py", step="test").get("link_button")
    assert link.proto.label == "Open the demo website"
    assert link.proto.url == f"http://localhost/demo/website/{key}"


@pytest.mark.parametrize("system", list(MobileSystem))
def test_w57_no_app_at_hand_the_demo_phone_views_two_screens(
    visit: Visit, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, system: MobileSystem
) -> None:
    guided_setup.connect_mobile(workspace, system=system, name="App")
    with run_server(workspace.home.root) as server:
        monkeypatch.setenv("ONRAMP_PUBLIC_URL", server.url)
        app = visit("connect_mobile.py", step="test")
        press(app, "Let the demo phone view two screens")
    text = read(app)
    assert ":green[:material/check_circle:] **Page**" in text
    assert "Heat pumps" in text
    assert "4 events so far" in text


def test_the_demo_phone_says_what_to_do_where_nothing_answers(
    visit: Visit, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    guided_setup.connect_mobile(workspace, system=MobileSystem.IOS, name="App")
    monkeypatch.setenv("ONRAMP_PUBLIC_URL", "http://127.0.0.1:9")
    app = visit("connect_mobile.py", step="test")
    press(app, "Let the demo phone view two screens")
    assert "Nothing answers at http://127.0.0.1:9" in read(app)
    assert "Start Onramp there" in read(app)


def test_where_other_machines_can_send_no_demo_is_offered(
    visit: Visit, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    guided_setup.connect_website(workspace, name="Shop", website_url=URL)
    guided_setup.connect_mobile(workspace, system=MobileSystem.IOS, name="App")
    monkeypatch.setenv("ONRAMP_PUBLIC_URL", "https://events.example.com")
    assert not visit("connect_website.py", step="test").get("link_button")
    assert "Let the demo phone view two screens" not in list_buttons(visit("connect_mobile.py", step="test"))


def test_a_finished_connection_can_be_looked_at_and_tested_again(visit: Visit, workspace: Workspace) -> None:
    guided_setup.connect_website(workspace, name="Shop", website_url=URL)
    guided_setup.finish_test(workspace, Connection.WEBSITE, skip=True)
    app = visit("connect_website.py")
    assert "Shop is connected; its test was skipped." in read(app)
    press(app, "Test again")
    assert list_buttons(app)["Test Connection"]


def test_the_page_of_a_part_that_was_not_chosen_says_so(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_workspace(str(tmp_path / "other"))
    request_access(other)
    guided_setup.confirm_branch(other, "warehouse")
    monkeypatch.setenv("ONRAMP_HOME", str(tmp_path / "other"))
    assert "no part of this setup" in read(visit("connect_website.py"))
    other.close()
