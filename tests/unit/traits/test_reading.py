"""Reading computed traits: who would have one, what a person's trait said over time, the CSV file in three layouts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.errors import InvalidField, LimitExceeded
from core.profiles.group_calls import follow_group_calls
from core.profiles.lookup import get_profile
from core.setup.entitled import create_entitled_trait
from core.traits.changes import TraitHistory, read_trait_history
from core.traits.computed_trait import ComputedTrait
from core.traits.export import ExportLayout, export_trait
from core.traits.preview import preview_trait
from core.traits.store import create_trait, list_traits
from core.workspaces.workspace import Workspace, open_workspace
from tests.feeding import START, Feed

CLOCK = START + timedelta(days=31)


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Feed]:
    """Three people: Ada with two e-mails and three orders, Bob with one, and one who only looked."""
    folder: Path = tmp_path_factory.mktemp("traits")
    workspace = open_workspace(str(folder), clock=FixedClock(CLOCK))
    feed = Feed(workspace, ("user_id", "email", "group_id"))
    for name, kind, window in (
        ("Orders", "event_counter", {"type": "lifetime"}),
        ("Last item", "last", {"type": "lifetime"}),
        ("Orders of the month", "event_counter", {"type": "sliding", "days": 30}),
    ):
        definition = {"event": "Bought", "property": "item", "window": window}
        create_trait(workspace, feed.space_id, name=name, kind=kind, definition=definition)
    account = {"event": "Bought", "scope": "account"}
    create_trait(workspace, feed.space_id, name="Account orders", kind="event_counter", definition=account)
    feed.identify("ada", traits={"email": "ada@x.example", "name": "Ada", "city": "Rome"})
    feed.identify("ada", traits={"email": "ada@work.example", "city": "Oslo"})
    for number, item in enumerate(["=cmd()", "hat", "+1 415"]):
        feed.track("ada", "Bought", {"item": item}, minute=100 + number, context={"groupId": "acme"})
    feed.track("bob", "Bought", {"item": ["no text"]}, minute=2 * 1440)
    feed.track("eve", "Looked")
    feed.build()
    yield feed
    workspace.close()


def trait(feed: Feed, key: str) -> ComputedTrait:
    return next(each for each in list_traits(feed.workspace, feed.space_id) if each.key == key)


def history(feed: Feed, key: str) -> TraitHistory:
    profile = get_profile(feed.workspace, feed.space_id, "user_id:ada")
    return read_trait_history(feed.workspace, feed.space_id, profile.id, key)


def test_a_preview_counts_who_would_have_the_trait_and_shows_some_with_their_value(feed: Feed) -> None:
    """W131: the preview must show at least one member."""
    found = preview_trait(feed.workspace, feed.space_id, "unique_list_count", {"event": "Bought", "property": "item"})
    assert (found.members, found.events, found.is_partial) == (1, 4, False)
    assert found.sentence == "1 person would have a value, from 4 track messages of “Bought” among all messages."
    assert [(each.title, each.value) for each in found.sample] == [("Ada", 3)]
    account = preview_trait(feed.workspace, feed.space_id, "event_counter", {"event": "Bought", "scope": "account"})
    assert [(each.title, each.value, each.profile_id) for each in account.sample] == [("acme", 3, None)]


def test_a_preview_names_the_accounts_that_a_group_call_named(workspace: Workspace) -> None:
    feed = Feed(workspace)
    feed.send("group", userId="ada", groupId="acme", traits={"name": "Acme Ltd"})
    feed.send("group", userId="ada", groupId="zenith", traits={"name": 7})
    for group in ("acme", "zenith", "unknown"):
        feed.track("ada", "Bought", context={"groupId": group})
    feed.build()
    follow_group_calls(workspace, feed.space_id)
    found = preview_trait(workspace, feed.space_id, "event_counter", {"event": "Bought", "scope": "account"})
    assert {each.title for each in found.sample} == {"Acme Ltd (acme)", "zenith", "unknown"}


def test_a_preview_says_why_nobody_would_have_it_and_what_it_did_not_look_at(feed: Feed) -> None:
    ask = {"event": "Bougth", "property": "item"}
    assert "no track message of “Bougth”" in preview_trait(feed.workspace, feed.space_id, "first", ask).sentence
    ask = {"event": "Bought", "property": "colour"}
    found = preview_trait(feed.workspace, feed.space_id, "first", ask)
    assert found.members == 0
    assert "none of 4 track messages of “Bought” counts" in found.sentence
    found = preview_trait(feed.workspace, feed.space_id, "event_counter", {"event": "Bought"}, max_messages=2)
    assert (found.members, found.is_partial) == (1, True)
    assert found.sentence.startswith("At least 1 person would have a value")
    with pytest.raises(InvalidField):
        preview_trait(feed.workspace, feed.space_id, "first", {"event": "Bought"})


def test_a_preview_cannot_tell_before_a_message_has_reached_a_profile(tmp_path: Path) -> None:
    workspace = open_workspace(str(tmp_path), clock=FixedClock(CLOCK))
    found = preview_trait(workspace, Feed(workspace).space_id, "event_counter", {"event": "Bought"})
    assert found.members is None
    assert "cannot be told" in found.sentence
    workspace.close()


def test_the_history_of_a_trait_tells_each_value_when_and_why(feed: Feed) -> None:
    changes = history(feed, "orders").changes
    assert [change.value for change in changes] == [3, 2, 1]
    assert changes[0].at == START + timedelta(minutes=102)
    assert changes[0].sentence == "Message #5 (track) from src_test. It counts in “Orders”."
    assert [change.value for change in history(feed, "last_item").changes] == ["+1 415", "hat", "=cmd()"]
    sent = history(feed, "city").changes
    assert [(change.value, change.log_offset) for change in sent] == [("Oslo", 2), ("Rome", 1)]
    assert history(feed, "unheard_of").changes == ()
    assert "accounts" in history(feed, "account_orders").note


def test_the_history_follows_a_window_to_the_moment_the_value_went(feed: Feed) -> None:
    month = history(feed, "orders_of_the_month")
    assert [change.value for change in month.changes] == [None, 3, 2, 1]
    assert month.changes[0].sentence == "Messages left the window: they had become too old."
    assert month.changes[0].at == START + timedelta(days=31)
    assert month.changes[0].log_offset is None


def read_csv(feed: Feed, key: str, layout: ExportLayout) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(export_trait(feed.workspace, trait(feed, key), layout)))))


def test_an_export_has_three_layouts_and_runs_no_formula(feed: Feed) -> None:
    assert read_csv(feed, "orders", ExportLayout.COLUMNS) == [
        ["trait_key", "trait_value", "user_id_1", "email_1", "email_2"],
        ["orders", "3", "ada", "ada@x.example", "ada@work.example"],
        ["orders", "1", "bob", "", ""],
    ]
    assert read_csv(feed, "orders", ExportLayout.ROWS) == [
        ["trait_key", "trait_value", "user_id", "email"],
        ["orders", "3", "ada", "ada@x.example"],
        ["orders", "3", "", "ada@work.example"],
        ["orders", "1", "bob", ""],
    ]
    heading, row = read_csv(feed, "last_item", ExportLayout.JSON)
    assert heading == ["trait_key", "trait_value", "identifiers"]
    assert row[:2] == ["last_item", "+1 415"]
    assert row[2].startswith('[{"type":"user_id","value":"ada"},')
    assert read_csv(feed, "account_orders", ExportLayout.COLUMNS)[1:] == [["account_orders", "3", "acme"]]


def test_no_more_traits_than_the_workspace_includes_can_be_made(feed: Feed) -> None:
    """W120, W122."""
    with pytest.raises(LimitExceeded, match="may have 2 computed traits, and 4 are in use"):
        create_entitled_trait(
            feed.workspace, feed.space_id, name="One more", kind="event_counter", definition={"event": "Bought"}
        )
