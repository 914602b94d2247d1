"""The Flex view: one card of the person who calls, by a link that ends, in frames of named pages only (issue 5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from core.http import profile_gate
from core.http.flex_page import STYLE_HASH
from core.profiles.group_calls import follow_group_calls
from core.workspaces.profile_api import set_api_settings
from core.workspaces.profile_tokens import create_token, revoke_token
from core.workspaces.view_links import make_view_link
from tests.conftest import NOW
from tests.profile_reader import DAY, Api, open_api
from tests.tracking import Answer, basic, send

NASTY = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with open_api(tmp_path_factory.mktemp("flex")) as opened:
        feed = opened.feed
        feed.identify("14155550100", traits={"name": NASTY, "tags": ["vip", 3], "deep": {"a": 1}, "member": True})
        feed.track("14155550100", NASTY, {"channel": NASTY})
        scored = {"name": "Likelihood to Churn", "probability": 0.42, "window_days": 30}
        reasons = [{"text": "No order for 60 days", "raises": True}]
        context = {"personas": {"computation_id": "prd_1"}, "prediction": {**scored, "reasons": reasons}}
        feed.identify("1001", traits={"name": "Ada Lovelace"})
        feed.identify("1001", traits={"churn": 0.85}, context=context)
        feed.build()
        yield opened


def ask_for_link(api: Api, body: object, *, token: str | None = None) -> Answer:
    headers = {"authorization": basic(token or api.token), "host": "onramp.example.com"}
    return send(api.app, "POST", f"/v1/spaces/{api.feed.space_id}/flex-links", [orjson.dumps(body)], headers)


def open_link(api: Api, who: str, *, suffix: str = "", **headers: str) -> Answer:
    link, _ = make_view_link(api.feed.workspace, api.feed.space_id, who)
    return send(api.app, "GET", f"/flex/{link}{suffix}", headers=headers, client="203.0.113.9")


def read_json(api: Api, who: str) -> Any:
    answer = open_link(api, who, suffix=".json")
    assert answer.status == 200, answer.body
    return answer.json()["people"]


def test_a_server_asks_for_a_link_and_the_browser_opens_it_without_the_token(api: Api) -> None:
    answer = ask_for_link(api, {"who": "phone:+14155550100", "minutes": 5})
    assert answer.status == 201
    made = answer.json()
    assert made["expires_at"] == "2026-11-24T09:05:00.000Z"
    assert made["url"].startswith("http://onramp.example.com/flex/")
    assert api.token not in made["url"] and "4155550100" not in made["url"]
    path = made["url"].removeprefix("http://onramp.example.com")
    page = send(api.app, "GET", path, client="203.0.113.9")
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert "Ada Lovelace" in page.body.decode()
    assert send(api.app, "GET", f"{path}.json").json()["people"][0]["name"] == "Ada Lovelace"


def test_the_card_says_who_it_is_with_predictions_computed_traits_traits_and_events(api: Api) -> None:
    (card,) = read_json(api, "email:ADA@example.org")
    assert {"type": "phone", "value": "+14155550100"} in card["identifiers"]
    assert card["predictions"] == [
        {
            "key": "churn",
            "label": "Likelihood to Churn",
            "score": 0.85,
            "chance": 0.42,
            "amount": None,
            "reasons": [{"text": "No order for 60 days", "raises": True}],
            "updated_at": card["predictions"][0]["updated_at"],
        }
    ]
    assert [(fact["label"], fact["value"]) for fact in card["computed_traits"]] == [("Total inbounds", 1)]
    assert {fact["label"]: fact["value"] for fact in card["traits"]} == {"Plan": "gold", "Score": 7, "Language": "en"}
    assert [event["name"] for event in card["events"]][:2] == ["Flex - Engagement Initiated", "Call"]
    assert len(card["events"]) == 8
    page = open_link(api, "ada@example.org").body.decode()
    for text in (
        "Likelihood to Churn",
        "42% likely",
        "Higher than 85% of customers",
        "No order for 60 days",
        "days ago",
    ):
        assert text in page


def test_the_card_names_the_accounts_with_what_is_known_of_them_the_last_named_first(api: Api) -> None:
    feed = api.feed
    named = ("acme", "zenith", *(f"old-{number}" for number in range(3)))
    for day, group in enumerate(reversed(named)):
        traits = {"name": NASTY, "seats": 250, "deep": {"a": 1}} if group == "acme" else {}
        feed.send("group", userId="2002", groupId=group, traits=traits, minute=day * DAY)
    feed.track("2002", "Call", {}, minute=9 * DAY, context={"groupId": "by-event"})
    cookie = "3f2a91c0-4b7d-4e0c-9d1e-b7c55aa09d1e"
    feed.send("identify", userId="2002", anonymousId=cookie, traits={})
    feed.build()
    follow_group_calls(feed.workspace, feed.space_id)
    (card,) = read_json(api, "user_id:2002")
    assert [account["id"] for account in card["accounts"]] == ["acme", "zenith", "old-0"]
    assert card["more_accounts"] == 3
    acme, zenith, _ = card["accounts"]
    assert (acme["name"], acme["more_traits"], zenith["name"]) == (NASTY, 0, None)
    facts = {fact["label"]: fact["value"] for fact in acme["traits"]}
    assert facts["Seats"] == 250 and NASTY not in facts.values() and "Deep" not in facts
    page = open_link(api, "user_id:2002").body.decode()
    assert "Accounts</h2>" in page and "and 3 more" in page and "<img" not in page and "250" in page
    assert f'title="{cookie}"' in page and ">3f2a91c0…9d1e<" in page
    feed.track("3003", "Call", {}, context={"groupId": "acme"})
    feed.build()
    (colleague,) = read_json(api, "user_id:3003")
    assert [account["name"] for account in colleague["accounts"]] == [NASTY], "said by somebody else's group call"
    assert ">Account" not in open_link(api, "user_id:14155550100").body.decode(), "nobody's account, no section"


def test_a_name_of_ten_kilobytes_or_of_nothing_that_can_be_printed_leaves_a_card_that_can_be_read(api: Api) -> None:
    feed = api.feed
    names = {"long": "N" * 10_000, "blank": " \x00\u202e ", "lines": "Acme\n\x00 Ltd"}
    feed.identify("3003", traits={"name": "P" * 10_000})
    for group, name in names.items():
        feed.send("group", userId="3003", groupId=group, traits={"name": name})
    feed.build()
    follow_group_calls(feed.workspace, feed.space_id)
    (card,) = read_json(api, "user_id:3003")
    assert {each["id"]: each["name"] for each in card["accounts"]} == {
        "long": f"{'N' * 159}…",
        "blank": None,
        "lines": "Acme Ltd",
    }
    assert card["name"] == "P" * 160
    page = open_link(api, "user_id:3003").body.decode()
    assert "<span>blank</span>" in page and "N" * 161 not in page and "P" * 161 not in page


def test_what_several_people_may_be_meant_by_is_a_choice_with_a_link_for_each(api: Api) -> None:
    page = open_link(api, "14155550100", suffix="?theme=dark").body.decode()
    assert "2 people are known by" in page and 'data-theme="dark"' in page
    links = [part.partition('"')[0] for part in page.split('<a href="')[1:]]
    assert len(links) == 2
    for link in links:
        assert "Last seen" in send(api.app, "GET", f"/flex/{link}").body.decode()


@pytest.mark.parametrize(
    "who", ["+49 30 000000", "nobody@example.org", "user_id:none", "phone:", "a\x00b", "😀", NASTY, "x" * 600]
)
def test_somebody_unknown_is_said_so_kindly_whatever_was_typed(api: Api, who: str) -> None:
    answer = open_link(api, who)
    assert answer.status == 200 and "Nobody is known by" in answer.body.decode()
    assert read_json(api, who) == []


def test_every_text_of_a_customer_is_escaped_and_no_script_may_run(api: Api) -> None:
    answer = open_link(api, "user_id:14155550100")
    page = answer.body.decode()
    assert "<img" not in page and "&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;&amp;" in page
    assert "Yes" in page and "vip, 3" in page and "deep" not in page
    assert answer.headers["content-security-policy"].startswith(f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'")
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "http" not in page.replace("http-equiv", "")  # nothing of another host


def test_only_named_pages_may_show_it_in_a_frame_and_read_its_json(api: Api) -> None:
    assert open_link(api, "1001").headers["content-security-policy"].endswith("frame-ancestors 'none'")
    origins = ["https://flex.twilio.com", "https://*.Example.com/"]
    set_api_settings(api.feed.workspace, api.feed.space_id, frame_origins=origins)
    policy = open_link(api, "1001").headers["content-security-policy"]
    assert policy.endswith("frame-ancestors https://flex.twilio.com https://*.example.com")
    for origin, allowed in (
        ("https://flex.twilio.com", True),
        ("https://desk.example.com", True),
        ("https://example.com", False),
        ("https://evilexample.com", False),
        ("http://desk.example.com", False),
        ("null", False),
    ):
        headers = open_link(api, "1001", suffix=".json", origin=origin).headers
        assert headers.get("access-control-allow-origin") == (origin if allowed else None), origin


def test_a_link_ends_with_its_time_and_with_its_token(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_gate, "FRESH_S", 0.0)
    workspace = api.feed.workspace
    made = create_token(workspace, api.feed.space_id, "Desktop")
    path = ask_for_link(api, {"who": "1001"}, token=made.text).json()["url"].partition("example.com")[2]
    assert send(api.app, "GET", path).status == 200
    revoke_token(workspace, made.token.id)
    ended = send(api.app, "GET", path)
    assert ended.status == 404 and "This link has ended" in ended.body.decode()
    assert send(api.app, "GET", f"{path}.json").json()["error"]["code"] == "not_found"
    link, expires_at = make_view_link(workspace, api.feed.space_id, "1001", minutes=1)
    assert expires_at == NOW + timedelta(minutes=1)
    clock = workspace.clock
    clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    assert send(api.app, "GET", f"/flex/{link}").status == 404
    clock.advance(-timedelta(minutes=1))  # type: ignore[attr-defined]
    forged = workspace.secrets.seal({"space": api.feed.space_id, "who": "1001"})  # sealed for something else
    for text in (link[:60] + ("A" if link[60] != "A" else "B") + link[61:], "x" * 40, forged):
        assert send(api.app, "GET", f"/flex/{text}").status == 404


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "invalid_request_error")),
        ([], (400, "invalid_request_error")),
        ({"who": 5}, (400, "invalid_request_error")),
        ({"who": "1001", "minutes": "5"}, (400, "invalid_request_error")),
        ({"who": "x" * 9_000}, (400, "invalid_request_error")),
        ({"who": " "}, (400, "validation_error")),
        ({"who": "x" * 601}, (400, "validation_error")),
        ({"who": "1001", "minutes": 0}, (400, "validation_error")),
        ({"who": "1001", "minutes": 10**12}, (400, "validation_error")),
    ],
)
def test_a_link_that_cannot_be_made_is_refused_with_a_reason(api: Api, body: object, expected: tuple[int, str]) -> None:
    answer = ask_for_link(api, body)
    assert (answer.status, answer.json()["error"]["code"]) == expected


def test_links_are_made_by_post_with_a_token_of_the_space_only(api: Api) -> None:
    path = f"/v1/spaces/{api.feed.space_id}/flex-links"
    headers = {"authorization": basic(api.token)}
    assert send(api.app, "GET", path, headers=headers).headers["allow"] == "POST"
    assert send(api.app, "POST", path, [b'{"who":"1001"}']).status == 401
    assert send(api.app, "POST", "/v1/spaces/other/flex-links", [b'{"who":"1001"}'], headers).status == 404
    assert send(api.app, "POST", "/flex/" + "x" * 40).status == 405
