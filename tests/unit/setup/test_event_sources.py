"""Step 2 of a website or a mobile app, in core: create the source, test it or skip, either one completes the step."""

from __future__ import annotations

import pytest

from core.errors import IllegalTransition, InvalidField, LimitExceeded, MissingField, VersionConflict
from core.events.event_log import open_event_log
from core.events.intake import take
from core.setup import guided_setup
from core.setup.entitled import create_entitled_source
from core.setup.guided_setup import Connection, MobileSystem, Setup, Step, TileState
from core.sources.store import delete_source, get_source
from core.workspaces.spaces import list_connected_sources
from core.workspaces.workspace import Workspace, request_access

URL = "https://www.example.com"


@pytest.fixture
def setup(workspace: Workspace) -> Setup:
    request_access(workspace)
    return guided_setup.confirm_branch(workspace, "website_or_mobile")


def send(workspace: Workspace, source_id: str | None, type_: str) -> None:
    message = {"type": type_, "anonymousId": "a1", "event": "Opened", "name": "Home"}
    taken = take(str(source_id), [message], received_at=workspace.now())
    open_event_log(workspace).append(taken.entries, taken.refusals)
    assert not taken.refusals


def state(setup: Setup, step: Step = Step.CONNECTIONS) -> TileState:
    return setup.get_tile(step).state


def test_w42_w43_both_connections_are_open_and_neither_waits_for_the_other(setup: Setup) -> None:
    assert [(step.connection, step.state) for step in setup.connections] == [
        (Connection.WEBSITE, TileState.OPEN),
        (Connection.MOBILE, TileState.OPEN),
    ]
    assert setup.get_tile(Step.CONNECTIONS).reason == ("Connect your website or your mobile app; either one is enough.")


def test_w44_w46_a_website_is_a_javascript_source_with_a_write_key_that_feeds_the_space(
    workspace: Workspace, setup: Setup
) -> None:
    after = guided_setup.connect_website(workspace, name="Shop", website_url="www.example.com")
    source = get_source(workspace, str(after.website_source_id))
    assert (source.kind, source.name, source.settings) == ("javascript", "Shop", {"website_url": URL})
    assert source.write_key
    assert source.id in list_connected_sources(workspace, str(setup.space_id))
    assert state(after) is TileState.OPEN
    assert "test the connection or skip the test" in after.get_tile(Step.CONNECTIONS).reason


@pytest.mark.parametrize(("system", "kind"), [(MobileSystem.IOS, "swift"), (MobileSystem.ANDROID, "kotlin")])
@pytest.mark.usefixtures("setup")
def test_w54_w59_an_app_is_a_swift_or_a_kotlin_source(workspace: Workspace, system: MobileSystem, kind: str) -> None:
    after = guided_setup.connect_mobile(workspace, system=system, name="App")
    assert get_source(workspace, str(after.mobile_source_id)).kind == kind


@pytest.mark.usefixtures("setup")
def test_w49_w50_w51_a_page_is_detected_and_done_completes_the_step(workspace: Workspace) -> None:
    source_id = guided_setup.connect_website(workspace, name="Shop", website_url=URL).website_source_id
    assert not guided_setup.look_for_views(workspace, str(source_id)).is_seen
    with pytest.raises(IllegalTransition, match="No page has arrived yet"):
        guided_setup.finish_test(workspace, Connection.WEBSITE)
    send(workspace, source_id, "track")
    with pytest.raises(IllegalTransition, match=r"Events arrive, but no page yet.*Call page\(\)"):
        guided_setup.finish_test(workspace, Connection.WEBSITE)
    send(workspace, source_id, "page")
    arrivals = guided_setup.look_for_views(workspace, str(source_id))
    assert (arrivals.events, arrivals.is_seen) == (2, True)
    after = guided_setup.finish_test(workspace, Connection.WEBSITE)
    assert state(after) is TileState.COMPLETE
    assert state(after, Step.IDENTIFIERS) is TileState.OPEN
    assert after.get_tile(Step.CONNECTIONS).reason == "Shop is connected; its views arrive."


@pytest.mark.usefixtures("setup")
def test_w57_an_app_is_shown_to_work_by_a_screen_and_not_by_a_page(workspace: Workspace) -> None:
    source_id = guided_setup.connect_mobile(workspace, system=MobileSystem.IOS, name="App").mobile_source_id
    send(workspace, source_id, "page")
    assert not guided_setup.look_for_views(workspace, str(source_id)).is_seen
    send(workspace, source_id, "screen")
    assert state(guided_setup.finish_test(workspace, Connection.MOBILE)) is TileState.COMPLETE


@pytest.mark.usefixtures("setup")
def test_w48_w51_skipping_the_test_completes_the_step_and_says_so(workspace: Workspace) -> None:
    guided_setup.connect_website(workspace, name="Shop", website_url=URL)
    after = guided_setup.finish_test(workspace, Connection.WEBSITE, skip=True)
    assert state(after) is TileState.COMPLETE
    assert after.get_tile(Step.CONNECTIONS).reason == "Shop is connected; its test was skipped."


@pytest.mark.usefixtures("setup")
def test_skipping_after_a_view_was_seen_does_not_unsee_it(workspace: Workspace) -> None:
    source_id = guided_setup.connect_website(workspace, name="Shop", website_url=URL).website_source_id
    send(workspace, source_id, "page")
    after = guided_setup.finish_test(workspace, Connection.WEBSITE, skip=True)
    assert after.get_tile(Step.CONNECTIONS).reason.endswith("its views arrive.")


@pytest.mark.usefixtures("setup")
def test_a_deleted_source_reopens_the_step(workspace: Workspace) -> None:
    after = guided_setup.connect_website(workspace, name="Shop", website_url=URL)
    guided_setup.finish_test(workspace, Connection.WEBSITE, skip=True)
    delete_source(workspace, str(after.website_source_id))
    reopened = guided_setup.get_setup(workspace)
    assert reopened.website_source_id is None
    assert state(reopened) is TileState.OPEN
    again = guided_setup.connect_website(workspace, name="Shop", website_url=URL)
    assert state(again) is TileState.OPEN, "a new source is tested anew"


@pytest.mark.usefixtures("setup")
def test_w52_during_the_setup_there_is_one_app_and_the_same_form_sent_twice_makes_one_source(
    workspace: Workspace,
) -> None:
    first = guided_setup.connect_mobile(workspace, system=MobileSystem.IOS, name="App")
    second = guided_setup.connect_mobile(workspace, system=MobileSystem.IOS, name=" App ")
    assert first.mobile_source_id == second.mobile_source_id
    with pytest.raises(IllegalTransition, match="'App' is connected already"):
        guided_setup.connect_mobile(workspace, system=MobileSystem.ANDROID, name="App for Android")


@pytest.mark.usefixtures("setup")
def test_a_missing_name_or_a_broken_address_makes_no_source(workspace: Workspace) -> None:
    with pytest.raises(MissingField, match="no name"):
        guided_setup.connect_website(workspace, name=" ", website_url=URL)
    with pytest.raises(MissingField, match="Website URL is missing"):
        guided_setup.connect_website(workspace, name="Shop", website_url="")
    with pytest.raises(InvalidField, match="Website URL cannot be 'my shop'"):
        guided_setup.connect_website(workspace, name="Shop", website_url="my shop")
    assert guided_setup.get_setup(workspace).website_source_id is None


@pytest.mark.usefixtures("setup")
def test_w115_the_sixth_source_is_refused(workspace: Workspace) -> None:
    for number in range(5):
        create_entitled_source(workspace, kind="http", name=f"Server {number}")
    with pytest.raises(LimitExceeded, match="5 additional sources"):
        guided_setup.connect_website(workspace, name="Shop", website_url=URL)


@pytest.mark.usefixtures("setup")
def test_a_second_browser_is_told_and_what_was_typed_is_not_lost(workspace: Workspace) -> None:
    stale = guided_setup.get_setup(workspace).version
    guided_setup.connect_mobile(workspace, system=MobileSystem.IOS, name="App")
    with pytest.raises(VersionConflict) as caught:
        guided_setup.connect_website(workspace, name="Shop", website_url=URL, expected_version=stale)
    assert caught.value.context["typed"] == {"name": "Shop", "website_url": URL}


def test_a_website_is_no_part_of_the_warehouse_option(workspace: Workspace) -> None:
    request_access(workspace)
    guided_setup.confirm_branch(workspace, "warehouse")
    with pytest.raises(IllegalTransition, match="no part of the data source that was chosen"):
        guided_setup.connect_website(workspace, name="Shop", website_url=URL)
