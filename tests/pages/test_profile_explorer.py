"""The profile explorer: empty, found, not found, merged away, and the way from a trait to its origin."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from core.clock import to_millis
from core.errors import IllegalTransition
from core.events.event_log import open_event_log
from core.profiles.account_traits import AccountTraits, write_account_traits
from core.profiles.group_calls import follow_group_calls
from core.profiles.lookup import get_profile
from core.profiles.search import search_profiles
from core.profiles.undo import Act, split
from core.profiles.undo_jobs import carry_out_undos, list_undo_jobs, request_undo
from core.storage.tables import profiles
from core.traits.engine import ComputedTraitEngine
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace
from tests import guided
from tests.feeding import Feed
from tests.pages.conftest import Visit
from tests.pages.reading import pick, press, read, read_table

PAGE = "profile_explorer.py"


def test_the_account_of_a_person_leads_to_everybody_of_it(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    for user, group in (("ada", "Acme & Co: 1"), ("bob", "Acme & Co: 1"), ("eve", "other")):
        feed.send("group", userId=user, groupId=group)
    feed.build()
    app = press(visit(PAGE, id="user_id:ada", view=""), "Everybody of this account")
    address = dict(app.query_params)
    assert address == {"profile_search": "group_id:Acme & Co: 1"}
    for shown in (read(app), read(visit(PAGE, **address))):
        assert (
            "<strong>ada</strong>" in shown and "<strong>bob</strong>" in shown and "<strong>eve</strong>" not in shown
        )


def test_before_the_setup_there_is_no_space_and_the_page_says_so(visit: Visit) -> None:
    assert "The guided setup makes the first space" in read(visit(PAGE))


def test_an_empty_space_says_when_profiles_appear(workspace: Workspace, visit: Visit) -> None:
    Feed(workspace)
    assert "No profiles yet" in read(visit(PAGE))


def test_people_are_found_by_identifier_trait_and_type(workspace: Workspace, visit: Visit) -> None:
    guided.fill(workspace, rows=30)
    app = visit(PAGE)
    assert "30 profiles" in read(app)
    opens = [button.key for button in app.button if str(button.key).startswith("open_")]
    assert len(opens) == 20
    press(app, "Next")
    assert len([button for button in app.button if str(button.key).startswith("open_")]) == 10
    for text in ("c7@example.com", "+14155550007", "email:c7@", "user_id:c7"):
        found = visit(PAGE, profile_search=text)
        assert len([button for button in found.button if button.label == "Open"]) == 1, text
        assert "<strong>c7@example.com</strong>" in read(found), text
    assert "Nobody matches this search" in read(visit(PAGE, profile_search="nobody at all"))


def test_a_trait_leads_back_to_message_row_mapping_sql_model_sync_and_source_and_a_tie_to_its_row(
    workspace: Workspace, visit: Visit
) -> None:
    guided.fill(workspace)
    app = visit(PAGE, id="user_id:c3", trait="plan")
    shown = read(app)
    assert "Why does `plan` say this?" in shown
    assert app.code[0].value == "basic"
    for part in (
        ":gray[Row] &nbsp; **`c3`**",
        "**column `plan` fills `traits.plan`**",
        ":gray[Sync] &nbsp; **Customers to profiles**",
        ":gray[SQL model] &nbsp; **Customers**",
        ":gray[Warehouse] &nbsp; **Customers**",
        ":gray[Source] &nbsp; **Customers**",
    ):
        assert part in shown, part
    assert guided.SQL in [code.value for code in app.code]
    links = [link.label for link in app.get("page_link")]
    assert {"See the message", "See the record in its run", "See the mapping", "See the warehouse"} <= set(links)
    ties = read(visit(PAGE, id="user_id:c3", view="identifiers"))
    row = "Row c3 of SQL model “Customers”, sent by sync “Customers to profiles” from Customers"
    assert f"email c3@example.com was tied to user_id c3: {row}" in ties


def test_a_refresh_shows_the_same_person_view_and_trait(workspace: Workspace, visit: Visit) -> None:
    guided.fill(workspace)
    (space,) = list_spaces(workspace)
    (person,) = search_profiles(workspace, space.id, "c3@example.com").people
    app = visit(PAGE, id=person.id, view="traits")
    traits = list(read_table(app, "Trait")["Trait"])
    pick(app, f"traits_{person.id}", traits.index("phone"))
    address = {name: app.query_params[name] for name in ("id", "trait")}
    assert address == {"id": person.id, "trait": "phone"}
    assert "Why does `phone` say this?" in read(visit(PAGE, **address))
    identifiers = read_table(visit(PAGE, id=person.id, view="identifiers"), "Identifier")
    assert list(identifiers["Identifier"]) == ["user_id", "email", "phone"]


def test_a_merged_profile_leads_to_its_survivor_and_says_why(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace, types=("user_id", "email", "anonymous_id"))
    feed.send("track", anonymousId="browser", event="Seen", properties={})
    feed.identify("ada", traits={"email": "ada@example.com"})
    feed.build()
    younger = get_profile(workspace, feed.space_id, "user_id:ada").id
    feed.identify("ada", anonymousId="browser")
    feed.build()
    survivor = get_profile(workspace, feed.space_id, "user_id:ada")
    assert survivor.id != younger

    app = visit(PAGE, id=younger, view="merges")
    shown = read(app)
    assert f"`{younger}` was merged into this profile" in shown
    assert f"`{younger}` became one with this person, because one message carried" in shown
    assert "was on the older one, which stays" in shown and "was on that one" in shown
    shown = read(visit(PAGE, id=survivor.id, view="events"))
    assert shown.count("<strong>Traits set</strong>") == 2
    assert shown.count("<strong>Seen</strong>") == 1


def test_a_person_with_many_events_is_read_page_by_page(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    for number in range(60):
        feed.track("ada", f"Step {number}")
    feed.build()
    app = visit(PAGE, id="user_id:ada", view="events")
    seen = re.findall(r"<strong>(Step \d+)</strong>", read(app))
    while any(button.label == "Older" and not button.disabled for button in app.button):
        press(app, "Older")
        seen += re.findall(r"<strong>(Step \d+)</strong>", read(app))
    assert seen == [f"Step {number}" for number in reversed(range(60))]


def test_the_sheet_of_a_person_says_who_it_is_what_is_known_and_what_ties_them_together(
    workspace: Workspace, visit: Visit
) -> None:
    feed = Feed(workspace, types=("user_id", "email", "anonymous_id"))
    feed.send("page", anonymousId="browser", name="Prices", properties={})
    feed.identify("ada", traits={"email": "ada@example.com", "name": "Ada <Lovelace>", "plan": "pro"})
    feed.build()
    feed.identify("ada", anonymousId="browser")
    feed.send("group", userId="ada", groupId="acme", traits={"name": "Acme Ltd"})
    feed.track(
        "ada", "Ordered", {"products": [{"name": "Pump", "price": 9}, {"name": "<i>"}]}, context={"groupId": "flex"}
    )
    with workspace.database.transaction() as connection:
        kept = [
            AccountTraits(feed.space_id, "acme", {"seats": 7, "tier": "<b>"}),
            AccountTraits(feed.space_id, "flex", {"name": "Flex & Co"}),
            AccountTraits(feed.space_id, "b", {"c": 1}),
        ]
        write_account_traits(connection, "syn_gone", kept, to_millis(workspace.now()))
    said = {"name": "Churn", "probability": 0.34, "reasons": [{"text": "No order for 40 days", "raises": True}]}
    feed.identify("ada", traits={"churn": 0.9}, context={"personas": {}, "prediction": said})
    feed.build()
    follow_group_calls(workspace, feed.space_id)
    feed.track("ada", "Told late", minute=-1)
    feed.build()
    app = visit(PAGE, id="user_id:ada")
    shown = read(app)
    assert "<dt>c</dt>" not in shown
    assert shown.index("<b>Ordered</b>") < shown.index("Viewed Prices") < shown.index("<b>Told late</b>")
    for part in (
        "Ada &lt;Lovelace&gt;</h2>",
        "<dt>email</dt><dd>ada@example.com",
        "<dt>plan</dt><dd>pro",
        "<strong>Acme Ltd</strong>",
        "acme · last named by a group call",
        "<strong>Flex &amp; Co</strong>",
        "flex · named by events",
        "<dt>seats</dt><dd>7<small>syn_gone, ",
        "<dt>name</dt><dd>Acme Ltd<small>src_test, ",
        "<dt>tier</dt><dd>&lt;b&gt;",
        "anonymous_id browser came first: Message #1 (page)",
        "user_id ada was tied, two profiles becoming one, to anonymous_id browser: merged by Message #3 (identify)",
        "email ada@example.com was tied to user_id ada: Message #2 (identify)",
        "Viewed Prices",
        "<b>Ordered</b> products: Pump, &lt;i&gt;</li>",
        "<dt>Churn</dt><dd>higher than 90 % of people, chance 34 %<small>↑ No order for 40 days</small><small>",
    ):
        assert part in shown, part
    for kind, titles in {
        "events": ["Told late", "Ordered", "Viewed Prices"],
        "traits": ["Traits set"] * 3,
        "accounts": ["Belongs to acme"],
    }.items():
        timeline = read(visit(PAGE, id="user_id:ada", view="events", kind=kind))
        assert re.findall("<strong>(.*?)</strong>", timeline) == titles, kind


def test_a_profile_that_does_not_exist_is_explained_with_a_way_back(workspace: Workspace, visit: Visit) -> None:
    guided.fill(workspace)
    app = visit(PAGE, id="use_nobody")
    assert "There is no profile 'use_nobody'." in app.error[0].value
    press(app, "All profiles")
    assert "12 profiles" in read(app)


def test_violations_of_a_person_are_shown_with_the_person(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    feed.identify("ada", traits={"email": "shared@example.com"})
    feed.identify("grace", traits={"email": "shared@example.com"})
    feed.identify("mary")
    feed.build()
    for who in ("grace", "ada"):  # whose message it was, and whose e-mail
        app = visit(PAGE, id=f"user_id:{who}", view="violations")
        table = read_table(app, "What happened")
        assert list(table["What happened"]) == ["Would give one profile 2 values of user_id (limit: 1 ever)"]
        assert list(table["Passed over"]) == ["email shared@example.com"]
    assert "No violations" in read(visit(PAGE, id="user_id:mary", view="violations"))


def test_a_merge_and_its_undo_say_beforehand_what_would_go_where(workspace: Workspace, visit: Visit) -> None:
    feed = Feed(workspace)
    feed.identify("ada", traits={"name": "Ada"})
    feed.identify(traits={"email": "bob@x.example", "name": "Bob"})
    feed.identify("ada", traits={"email": "bob@x.example"})
    feed.build()
    app = visit(PAGE, id="user_id:ada", view="merges")
    assert "Message #3 (identify) from src_test" in read(app)  # how its two identifiers hang together
    press(app, "Undo this merge")
    shown = read(app)
    assert "Now · 1 profile" in shown and "Afterwards · 2 profiles" in shown
    assert "<strong>Ada</strong>" in shown and "name: Ada" in shown
    assert "3 messages of people who share an identifier are applied again." in shown
    (merge,) = get_profile(workspace, feed.space_id, "user_id:ada").merges
    split(workspace, feed.space_id, Act.UNDO, merge.merged_id, ComputedTraitEngine())  # no test presses in a popup
    app = visit(PAGE, id="email:bob@x.example", view="merges")
    shown = read(app)
    assert "No merge" in shown and "**Kept apart** from" in shown
    other = press(visit(PAGE, id="email:bob@x.example", view="merges"), "The other one")
    ada = get_profile(workspace, feed.space_id, "user_id:ada").id
    assert dict(other.query_params) == {"id": ada} and "Ada</h2>" in read(other)
    press(app, "Take the undo back")
    assert "Now · 2 profiles" in read(app) and "Afterwards · 1 profile" in read(app)


def test_an_undo_in_the_background_is_watched_from_both_pages_and_a_failed_one_says_why(
    workspace: Workspace, visit: Visit
) -> None:
    feed = Feed(workspace)
    feed.identify("ada", anonymousId="web")
    feed.identify(traits={"email": "bob@x.example"})
    feed.identify("ada", traits={"email": "bob@x.example"})
    feed.build()
    (merge,) = get_profile(workspace, feed.space_id, "user_id:ada").merges
    request_undo(workspace, feed.space_id, Act.UNDO, merge.survivor_id, merge.merged_id)
    merges = visit(PAGE, id="user_id:ada", view="merges")
    assert "You can leave this page" in read(merges)
    assert not [button for button in merges.button if button.label == "Undo this merge"]
    assert f"The merge of `{merge.survivor_id}` and `{merge.merged_id}` is being undone" in read(visit(PAGE))
    open_event_log(workspace).truncate(2)
    with pytest.raises(IllegalTransition):
        carry_out_undos(workspace, ComputedTraitEngine())
    app = visit(PAGE, id="user_id:ada", view="merges")
    assert "are no longer in the event log" in read(app)
    press(app, "Leave it")
    assert list_undo_jobs(workspace) == []
    assert [button.label for button in app.button if button.label == "Undo this merge"]


def test_people_who_cannot_be_read_are_told_with_a_number_and_not_as_a_failure_of_the_app(
    workspace: Workspace, visit: Visit
) -> None:
    feed = Feed(workspace)
    feed.identify("ada")
    feed.build()
    with workspace.database.transaction() as connection:
        connection.execute(update(profiles).values(traits="{"))
    shown = read(visit(PAGE))
    assert re.search(r"went wrong in Onramp itself while searching the profiles \(inc_\w+\)", shown)
