"""An identifier that was deleted stays deleted, in a rebuild and in an undo, until a later message brings it again."""

from __future__ import annotations

import pytest

from core.errors import NotFound
from core.identity.caps import get_caps
from core.identity.rules import list_rules
from core.profiles.deleted_identifiers import delete_identifier
from core.profiles.lookup import get_profile
from core.profiles.search import search_profiles
from core.profiles.split_plan import Act
from core.profiles.undo import split
from core.profiles.what_if import ask_what_if
from core.traits.engine import ComputedTraitEngine
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace
from tests.feeding import Feed

EMAIL = "shared@x.example"


def delete(feed: Feed, user: str, type_: str = "email", value: str = EMAIL) -> None:
    delete_identifier(feed.workspace, feed.space_id, [user], type_, [value], asked_by="tok_1")


def assert_rebuilt_the_same(feed: Feed) -> None:
    live = feed.dump()
    feed.rebuild()
    feed.build(batch_messages=2)
    assert feed.dump() == live
    rules, caps = list_rules(feed.workspace, feed.space_id), get_caps(feed.workspace, feed.space_id)
    found = ask_what_if(feed.workspace, feed.space_id, rules, caps)
    assert found.changes_nothing, found


def test_it_is_gone_at_once_and_for_good_and_a_later_message_may_bring_it_to_somebody_else(
    store_workspace: Workspace,
) -> None:
    feed = Feed(store_workspace)
    feed.identify("ada", traits={"email": EMAIL, "plan": "gold"})
    feed.build()
    delete(feed, "ada")
    assert ("email", EMAIL) not in feed.owners()
    ada = get_profile(store_workspace, feed.space_id, "user_id:ada")
    assert {trait.key: trait.value for trait in ada.traits} == {"email": EMAIL, "plan": "gold"}
    with pytest.raises(NotFound) as caught:
        delete(feed, "ada")
    assert caught.value.code == "eid_not_found"
    with pytest.raises(NotFound, match="There is no profile"):
        get_profile(store_workspace, feed.space_id, f"email:{EMAIL}")
    entry = list_changes(store_workspace)[0]
    assert (entry.action, entry.object_type) == ("deleted", "external_id")
    assert entry.before == {"type": "email", "value": EMAIL, "asked_by": "tok_1"}
    assert_rebuilt_the_same(feed)
    feed.identify("bob", traits={"email": EMAIL})
    feed.build()
    assert feed.owners()["email", EMAIL] == feed.owners()["user_id", "bob"] != ada.id
    assert_rebuilt_the_same(feed)
    delete(feed, "bob")
    feed.identify("ada", traits={"email": EMAIL})
    feed.build()
    assert feed.owners()["email", EMAIL] == ada.id
    assert_rebuilt_the_same(feed)
    assert [person.id for person in search_profiles(store_workspace, feed.space_id, EMAIL).people][:1] == [ada.id]


def test_while_messages_wait_it_goes_when_they_are_built_and_both_user_ids_cannot_go(
    store_workspace: Workspace,
) -> None:
    feed = Feed(store_workspace, ("user_id", "email", "anonymous_id"))
    feed.identify("ada", anonymousId="v-1", traits={"email": EMAIL})
    feed.build()
    feed.identify("ada", traits={"email": EMAIL, "n": 1})  # waits
    delete(feed, "ada")
    with pytest.raises(NotFound):
        delete(feed, "ada")
    feed.identify("ada", traits={"n": 2})
    assert ("email", EMAIL) in feed.owners()
    feed.build(batch_messages=1)
    assert set(feed.owners()) == {("user_id", "ada"), ("anonymous_id", "v-1")}
    assert_rebuilt_the_same(feed)


def test_an_undo_goes_by_who_had_it_before(store_workspace: Workspace) -> None:
    """Bob's first message was refused the e-mail that Ada had then: built again without Ada it would not have been."""
    feed = Feed(store_workspace)
    feed.identify("ada", traits={"email": EMAIL})
    feed.identify("bob", traits={"email": EMAIL})  # user_id has a limit of one: bob is a person of his own
    feed.identify("cy", traits={"email": "cy@x.example"})
    feed.build()
    delete(feed, "ada")
    feed.identify("bob", traits={"email": EMAIL})
    first = feed.identify(None, traits={"email": "b@x.example"})
    feed.identify("bob", traits={"email": "b@x.example"})
    feed.build()
    (merge,) = get_profile(store_workspace, feed.space_id, "user_id:bob").merges
    assert merge.log_offset > first
    split(store_workspace, feed.space_id, Act.UNDO, merge.merged_id, ComputedTraitEngine())
    undone = feed.dump()
    assert ("email", "b@x.example") in feed.owners()
    feed.rebuild()
    feed.build()
    assert feed.dump() == undone
