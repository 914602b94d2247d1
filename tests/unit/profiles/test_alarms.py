"""What in a space's identity needs a person (issue 5: a shop's phone; the caps of spec/profiles.md 1.3, step 8)."""

from __future__ import annotations

from core.identity.caps import change_caps
from core.identity.edits import RuleEdit
from core.identity.resolve import Caps
from core.identity.rules import edit_identifier
from core.profiles.alarms import MANY_PEOPLE, describe_alarms, read_alarms
from core.workspaces.workspace import Workspace
from tests.feeding import Feed


def test_a_phone_that_very_many_share_is_named_and_so_is_a_login_that_very_many_use(store_workspace: Workspace) -> None:
    feed = Feed(store_workspace, custom=("phone",))
    for number in range(MANY_PEOPLE + 1):
        feed.identify(f"u{number}", traits={"phone": "+14155550999"})
    feed.build()
    (alarm,) = read_alarms(store_workspace, feed.space_id).shared
    assert (alarm.identifier, alarm.people) == (("phone", "+14155550999"), MANY_PEOPLE)
    for number in range(MANY_PEOPLE + 5):
        feed.identify("guest", traits={"email": f"g{number}@x.example"})
    feed.build()
    alarms = read_alarms(store_workspace, feed.space_id)
    (crowded,) = alarms.crowded
    assert (crowded.profile_id, crowded.refused) == (feed.owners()["user_id", "guest"], MANY_PEOPLE)
    assert crowded.identifiers[0] == ("user_id", "guest")
    assert len(describe_alarms(alarms)) == alarms.count == 2


def test_a_profile_at_a_cap_is_named_and_a_family_that_shares_a_phone_is_no_alarm(store_workspace: Workspace) -> None:
    feed = Feed(store_workspace)
    for name in "abc":
        feed.identify(name, traits={"email": "family@x.example"})
    feed.build()
    assert read_alarms(store_workspace, feed.space_id).count == 0
    change_caps(store_workspace, feed.space_id, Caps(identifiers=2))
    edit_identifier(store_workspace, feed.space_id, RuleEdit("email", value_limit=9))
    feed.identify("a", traits={"email": "second@x.example"})
    feed.build()
    (full,) = read_alarms(store_workspace, feed.space_id).full
    assert (full.profile_id, full.refusals) == (feed.owners()["user_id", "a"], 1)
