"""The page of the Profile API (spec/profiles.md 5): a token is shown once and revoked; the rate is saved."""

from __future__ import annotations

from core.workspaces.profile_api import get_api_settings
from core.workspaces.profile_tokens import list_tokens, revoke_token
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace
from tests.pages.conftest import Visit
from tests.pages.reading import press, read


def test_without_a_space_the_page_leads_to_the_setup(visit: Visit) -> None:
    assert "There are no profiles yet" in read(visit("profile_api.py"))


def test_a_token_is_shown_once_and_a_revoked_one_can_be_revoked_no_more(workspace: Workspace, visit: Visit) -> None:
    space = ensure_space(workspace)
    app = visit("profile_api.py")
    assert "No token yet" in read(app)
    app.text_input(key="token_name").set_value("Agent *desktop*")
    app.checkbox(key="token_may_delete").check()
    press(app, "Create token")
    (token,) = list_tokens(workspace, space.id)
    assert "It is not shown again." in read(app) and "may delete identifiers" in read(app)
    assert token.may_delete
    shown = [code.value for code in app.code if code.value.endswith(token.last_chars)]
    assert len(shown) == 1 and len(shown[0]) > 40
    app.run()
    assert shown[0] not in [code.value for code in app.code] and "Agent \\*desktop\\*" in read(app)
    app.button(key=f"revoke_{token.id}").click().run()
    assert "is answered with 401 from now on" in read(app)
    revoke_token(workspace, token.id)  # what the popup's button does, which only a browser can press
    app = visit("profile_api.py")
    assert "revoked" in read(app) and f"revoke_{token.id}" not in [button.key for button in app.button]


def test_a_token_without_a_name_is_refused_in_a_sentence_and_the_rate_is_saved(
    workspace: Workspace, visit: Visit
) -> None:
    space = ensure_space(workspace)
    app = press(visit("profile_api.py"), "Create token")
    assert "The token has no usable name." in app.error[0].value.replace("*", "")
    app.number_input(key=f"rate_{space.id}").set_value(250)
    press(app, "Save")
    assert get_api_settings(workspace, space.id).requests_per_s == 250
