"""Privacy: a person is suppressed and deleted from their page; the page of regulations shows what went (spec 8)."""

from __future__ import annotations

from core.privacy.job import carry_out
from core.privacy.regulation import list_regulations
from core.profiles.deleted_identifiers import delete_identifier
from core.workspaces.profile_tokens import create_token
from core.workspaces.suppression import list_suppressed
from core.workspaces.workspace import Workspace
from tests import guided
from tests.feeding import Feed
from tests.pages.conftest import Visit
from tests.pages.reading import press, read, read_table


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


def test_deleted_identifiers_are_listed_with_when_and_which_token(workspace: Workspace, visit: Visit) -> None:
    assert "No identifier was deleted." in read(visit("privacy.py"))
    feed = Feed(workspace)
    feed.identify("ada", traits={"email": "ada@example.org"})
    feed.identify("eve", traits={"email": "eve@example.org"})
    feed.build()
    token = create_token(workspace, feed.space_id, "Cleaner", may_delete=True)
    by = {"asked_by": token.token.id}
    delete_identifier(workspace, feed.space_id, ["ada"], "email", ["ada@example.org"], **by)
    table = read_table(visit("profile_explorer.py", id="user_id:ada", view="identifiers"), "Deleted identifier")
    (row,) = table.to_dict("records")
    assert (row["Deleted identifier"], row["Value"]) == ("email", "ada@example.org")
    assert row["With the token"] == f"Cleaner (…{token.text[-4:]})"
    assert row["When"].startswith("24 Nov 2026")
    eve = visit("profile_explorer.py", id="user_id:eve", view="identifiers")
    assert not [each for each in eve.dataframe if "Deleted identifier" in each.value.columns]
    (row,) = read_table(visit("privacy.py"), "Deleted identifier").to_dict("records")
    assert (row["Profile"], row["Space"]) == (feed.owners()["user_id", "ada"], "Unified profiles")


def test_a_request_that_cannot_be_carried_out_is_explained(visit: Visit) -> None:
    page = visit("privacy.py")
    page.checkbox(key="onramp/privacy_sure").check()
    press(page, "Delete and suppress")
    assert "No user id is named." in page.error[0].value
