"""Privacy: a person is suppressed and deleted from their page; the page of regulations shows what went (spec 8)."""

from __future__ import annotations

from core.privacy.job import carry_out
from core.privacy.regulation import list_regulations
from core.workspaces.suppression import list_suppressed
from core.workspaces.workspace import Workspace
from tests import guided
from tests.pages.conftest import Visit
from tests.pages.reading import press, read


def test_before_anything_was_asked_for_the_page_says_so(visit: Visit) -> None:
    shown = read(visit("privacy.py"))
    assert "Nobody was deleted or suppressed" in shown
    assert "Nobody is suppressed." in shown


def test_a_person_is_suppressed_heard_again_and_deleted(workspace: Workspace, visit: Visit) -> None:
    guided.fill(workspace, rows=4)
    app = visit("profile_explorer.py", id="user_id:c3", view="privacy")
    press(app, "Suppress")
    assert list(list_suppressed(workspace)) == ["c3"]
    assert "Suppressed since" in app.info[0].value
    press(app, "Lift the suppression")
    assert list_suppressed(workspace) == {}

    page = visit("privacy.py")
    page.text_area(key="onramp/privacy_users").set_value("c3\n\n")
    press(page, "Delete and suppress")
    assert "tick that these are the right people" in page.warning[0].value
    page.checkbox(key="onramp/privacy_sure").check()
    press(page, "Delete and suppress")
    assert "waits for a worker" in read(page)
    assert page.text_area(key="onramp/privacy_users").value == ""
    assert page.checkbox(key="onramp/privacy_sure").value is False
    carry_out(workspace, list_regulations(workspace)[0].id)
    shown = read(visit("privacy.py"))
    assert "messages in the event log: 1" in shown
    assert "There is no profile" in visit("profile_explorer.py", id="user_id:c3").error[0].value


def test_a_request_that_cannot_be_carried_out_is_explained(visit: Visit) -> None:
    page = visit("privacy.py")
    page.checkbox(key="onramp/privacy_sure").check()
    press(page, "Delete and suppress")
    assert "No user id is named." in page.error[0].value
