"""Adding a source and changing it, without a browser (W94, W95, W96, W115, W122)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.clock import FixedClock
from core.events.event_log import open_event_log
from core.events.intake import take
from core.setup.entitled import create_entitled_source
from core.sources.rotation import rotate_write_key
from core.sources.store import Source, disable_source, ensure_flex_source, list_sources, read_source_secrets
from core.workspaces.workspace import Workspace
from tests.pages.conftest import Visit
from tests.pages.reading import list_buttons, list_links, press, read


@pytest.fixture
def source(workspace: Workspace) -> Source:
    return create_entitled_source(workspace, kind="http", name="Shop server")


def send(workspace: Workspace, source: Source, *messages: dict[str, object]) -> None:
    taken = take(source.id, messages, received_at=workspace.now())
    open_event_log(workspace).append(taken.entries, taken.refusals)


def test_w95_the_overview_leads_to_add_more(visit: Visit) -> None:
    assert "+ Add More" in list_links(visit("overview.py"))


def test_w95_a_kind_is_chosen_then_named_then_created_with_its_secret(visit: Visit, workspace: Workspace) -> None:
    app = visit("add_source.py")
    assert app.radio(key="source_kind").options == [
        "HTTP", "Java", "Javascript", "Kotlin", "Swift", "Twilio Event Streams",
    ]  # fmt: skip
    app.radio(key="source_kind").set_value("twilio_event_streams")
    press(app, "Next")
    app.text_input(key="source_name").input("Twilio")
    app.text_input(key="source_auth_token").input("0123456789abcdef")
    press(app, "Create Source")
    (made,) = list_sources(workspace, kind="twilio_event_streams")
    assert read_source_secrets(workspace, made.id) == {"auth_token": "0123456789abcdef"}
    assert "0123456789abcdef" not in str(app.session_state)


def test_a_missing_field_is_told_and_nothing_typed_is_lost(visit: Visit, workspace: Workspace) -> None:
    app = visit("add_source.py", kind="javascript")
    app.text_input(key="source_name").input("Shop")
    press(app, "Create Source")
    assert "Website URL is missing" in read(app)
    assert app.text_input(key="source_name").value == "Shop"
    assert list_sources(workspace) == []


def test_w115_w122_without_room_the_limit_is_named_before_anything_is_typed(visit: Visit, workspace: Workspace) -> None:
    for number in range(5):
        create_entitled_source(workspace, kind="http", name=f"Server {number}")
    app = visit("add_source.py")
    assert "5 of 5 additional sources in use." in read(app)
    assert not app.radio


def test_a_source_shows_its_key_its_instructions_and_what_arrives(
    visit: Visit, workspace: Workspace, source: Source
) -> None:
    app = visit("source.py", id=source.id)
    assert app.code[0].value == source.write_key
    assert any(f"-u {source.write_key}:" in block.value for block in app.code)
    assert "Waiting for the first event" in read(app)
    send(workspace, source, {"type": "track", "event": "Order Paid", "userId": "u1"}, {"type": "track", "userId": "u1"})
    shown = read(app.run())
    assert "1 event" in shown and "Order Paid" in shown
    assert "event_not_defined" in shown


def test_the_popups_say_what_each_change_means(visit: Visit, workspace: Workspace, source: Source) -> None:
    send(workspace, source, {"type": "track", "event": "Order Paid", "userId": "u1"})
    app = press(visit("source.py", id=source.id), "Rotate the write key …")
    assert app.radio(key="rotation_when").options == ["Take the old key for 7 more days", "Refuse the old key at once"]
    app = press(visit("source.py", id=source.id), "Disable …")
    assert "refused from now on, and kept with the code" in read(app)
    app = press(visit("source.py", id=source.id), "Delete …")
    shown = read(app)
    assert "Its 1 event and what profiles know from them stay." in shown
    assert "Its write key is gone for good" in shown
    assert not list_buttons(app)["Delete"], "not before it is ticked"


def test_what_a_kind_needs_to_know_is_offered_for_change_and_no_secret_is_shown(
    visit: Visit, workspace: Workspace, source: Source
) -> None:
    label = "Change the settings …"
    assert label not in list_buttons(visit("source.py", id=source.id)), "HTTP has none"
    secret = "old-token-0123"
    twilio = create_entitled_source(workspace, kind="twilio_event_streams", name="Flex", secrets={"auth_token": secret})
    app = press(visit("source.py", id=twilio.id), label)
    assert app.text_input(key="changed_auth_token").placeholder == "Saved. Leave it empty to keep it."
    assert secret not in str(app.main) + str(app.session_state)


def test_an_old_key_in_its_grace_time_is_told_with_its_end(
    visit: Visit, workspace: Workspace, source: Source, clock: FixedClock
) -> None:
    clock.advance(datetime.now(UTC) - clock.now())  # a page goes by the machine's clock
    rotate_write_key(workspace, source.id)
    assert "The key before it is taken until" in read(visit("source.py", id=source.id))
    rotate_write_key(workspace, source.id, grace=timedelta())
    assert "The key before it" not in read(visit("source.py", id=source.id))


def test_w96_the_flex_source_can_be_looked_at_and_not_changed(visit: Visit, workspace: Workspace) -> None:
    app = visit("source.py", id=ensure_flex_source(workspace).id)
    assert "can be neither changed nor deleted" in read(app)
    assert set(list_buttons(app)) == {"Done"}


def test_a_source_that_is_gone_is_said_to_be(visit: Visit) -> None:
    assert "There is no such source" in read(visit("source.py", id="src_gone"))


def test_a_source_whose_senders_are_on_this_machine_has_something_to_view_at_hand(
    visit: Visit, workspace: Workspace, source: Source
) -> None:
    settings = {"website_url": "https://www.example.com"}
    site = create_entitled_source(workspace, kind="javascript", name="Shop", settings=settings)
    app = create_entitled_source(workspace, kind="swift", name="App")
    (link,) = visit("source.py", id=site.id).get("link_button")
    assert link.proto.url.endswith(f"/demo/website/{site.write_key}")
    assert "Let the demo phone view two screens" in list_buttons(visit("source.py", id=app.id))
    disable_source(workspace, app.id)
    assert "Let the demo phone view two screens" not in list_buttons(visit("source.py", id=app.id))
    assert not visit("source.py", id=source.id).get("link_button")
