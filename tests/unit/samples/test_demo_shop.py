"""The demo's shop: what is told until a day is the beginning of what is told until a later one."""

from __future__ import annotations

from datetime import timedelta

from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.samples.demo import DEMO_SHOP_NAME, find_demo_shop, read_newest_invented
from core.samples.demo_shop import SHOP_DAYS, invent_shoppers, shop_messages
from core.samples.live_demo import go_on
from core.sources.store import create_source
from core.workspaces.workspace import Workspace
from tests.conftest import NOW

USERS = [f"customer-{number}" for number in range(300)]
OPENED_AT = NOW - timedelta(days=SHOP_DAYS)


def test_a_shop_that_goes_on_sends_what_it_would_have_sent_without_a_break() -> None:
    later = NOW + timedelta(days=75)
    first = invent_shoppers(USERS, OPENED_AT, NOW, joins_a_day=0.5)
    people = invent_shoppers(USERS, OPENED_AT, later, joins_a_day=0.5)
    assert 150 < len(first) < len(people) < 300, "people go on joining"
    assert people[: len(first)] == first
    before, after = list(shop_messages(first, NOW)), list(shop_messages(people, later, since=NOW))
    assert len(after) > 300
    assert before + after == list(shop_messages(people, later))
    assert len({message["messageId"] for message in before + after}) == len(before + after)


def test_a_fifth_buys_for_a_company_that_a_group_call_introduces_and_each_of_their_events_names() -> None:
    messages = list(shop_messages(invent_shoppers(USERS, OPENED_AT, NOW), NOW))
    introduced = {message["userId"]: message for message in messages if message["type"] == "group"}
    assert 40 <= len(introduced) <= 80, "of 300"
    named = {
        (message["userId"], message["context"].get("groupId")) for message in messages if message["type"] == "track"
    }
    assert named == {(user, introduced[user]["groupId"] if user in introduced else None) for user in USERS}
    by_company = {(call["groupId"], tuple(call["traits"].items())) for call in introduced.values()}
    assert len(by_company) == len({company for company, _ in by_company}) <= 50, "one company is always described alike"


def test_a_shop_of_that_name_that_is_somebodys_own_is_left_alone(workspace: Workspace) -> None:
    mine = create_source(workspace, kind="http", name=DEMO_SHOP_NAME)
    order = {"type": "track", "event": "Order Completed", "userId": "ada", "messageId": "1", "context": {}}
    open_event_log(workspace).append([to_log_entry(mine.id, order, NOW - timedelta(days=60))])
    assert find_demo_shop(workspace) is None
    assert not go_on(workspace)
    people = invent_shoppers(USERS, OPENED_AT, NOW - timedelta(hours=5))
    invented = list(shop_messages(people, NOW - timedelta(hours=5)))[-1]
    open_event_log(workspace).append([to_log_entry(mine.id, invented, NOW)])
    shop = find_demo_shop(workspace)
    assert shop is not None
    assert read_newest_invented(workspace, shop) is not None
