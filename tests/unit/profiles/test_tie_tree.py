"""The picture of a person's identifiers: each hangs on what the earliest message tied it to; the rest is counted."""

from __future__ import annotations

from core.identity.edits import RuleEdit
from core.identity.rules import edit_identifier
from core.profiles.lookup import get_profile
from core.profiles.tie_tree import MAX_SHOWN, TieTree, grow_tree
from core.workspaces.workspace import Workspace
from tests.feeding import Feed


def describe(tree: TieTree) -> list[tuple[str, str | None, int | None, bool]]:
    return [
        (
            tied.identifier.value,
            None if tied.parent is None else tree.shown[tied.parent].identifier.value,
            tied.tie.log_offset if tied.tie else None,
            tied.is_merge,
        )
        for tied in tree.shown
    ]


def test_identifiers_hang_on_what_the_first_message_tied_them_to_and_a_merge_is_marked(workspace: Workspace) -> None:
    feed = Feed(workspace, types=("user_id", "email", "anonymous_id"))
    feed.send("page", anonymousId="browser", name="Prices")
    feed.identify("ada", traits={"email": "ada@example.com"})
    feed.build()
    feed.identify("ada", anonymousId="browser")
    feed.identify("ada", anonymousId="browser", traits={"email": "ada@example.com"})  # says nothing new
    feed.identify("ada", traits={"email": "ada@new.example"})
    feed.build()
    tree = grow_tree(workspace, get_profile(workspace, feed.space_id, "user_id:ada"))
    assert describe(tree) == [
        ("browser", None, 1, False),
        ("ada", "browser", 3, True),
        ("ada@example.com", "ada", 2, False),
        ("ada@new.example", "ada", 5, False),
    ]
    assert tree.left_out == {}


def test_of_very_many_identifiers_every_type_is_drawn_and_the_rest_is_counted(workspace: Workspace) -> None:
    feed = Feed(workspace, types=("user_id", "email", "anonymous_id"))
    edit_identifier(workspace, feed.space_id, RuleEdit("anonymous_id", value_limit=500))
    for number in range(120):
        feed.identify("ada", anonymousId=f"browser-{number}")
    feed.identify("ada", traits={"email": "ada@example.com"})
    feed.build()
    tree = grow_tree(workspace, get_profile(workspace, feed.space_id, "user_id:ada"))
    assert len(tree.shown) == MAX_SHOWN
    assert {tied.identifier.type for tied in tree.shown} == {"user_id", "email", "anonymous_id"}
    assert tree.left_out == {"anonymous_id": 122 - MAX_SHOWN}
