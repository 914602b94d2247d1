"""The Profile API (spec/profiles.md 5): who may read, what a path means, what each part answers, page by page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import update
from starlette.types import Message, Receive, Scope, Send

from core.http import body as body_module
from core.http import profile_gate
from core.profiles.build import rebuild
from core.profiles.group_calls import follow_group_calls
from core.storage.database import ASKED_AFTER_S
from core.storage.tables import profiles
from core.traits.store import add_recipes, create_trait, delete_trait
from core.workspaces.audit import list_changes
from core.workspaces.profile_access import read_grants
from core.workspaces.profile_api import set_api_settings
from core.workspaces.profile_tokens import create_token, list_tokens, revoke_token
from core.workspaces.spaces import create_space
from tests.conftest import NOW
from tests.feeding import SOURCE
from tests.postgres import PostgresServer
from tests.profile_reader import Api, open_api
from tests.tracking import Answer, basic, send, send_async


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    url = None
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        server.execute("CREATE DATABASE profile_api")
        url = server.url("profile_api")
    with open_api(tmp_path_factory.mktemp("api"), url) as opened:
        yield opened


def test_traits_come_by_key_in_pages_that_the_cursor_leads_through(api: Api) -> None:
    first = api.read("user_id:1001/traits?limit=2")
    assert first["traits"] == {"email": "Ada@Example.org", "language": "en"}
    assert first["cursor"]["has_more"] is True and first["cursor"]["limit"] == 2
    second = send(api.app, "GET", first["cursor"]["url"], headers={"authorization": basic(api.token)}).json()
    assert list(second["traits"]) == ["phone", "plan"]
    third = api.read(f"user_id:1001/traits?limit=200&next={second['cursor']['next']}")
    assert third == {
        "traits": {"score": 7, "total_inbounds": 1},
        "cursor": {"url": "", "has_more": False, "next": "", "limit": 200},
    }


def test_traits_are_chosen_by_name_and_class_and_say_their_source(api: Api) -> None:
    assert api.read("user_id:1001/traits?include=plan,none,score")["traits"] == {"plan": "gold", "score": 7}
    assert api.read("user_id:1001/traits?class=computed_trait")["traits"] == {"total_inbounds": 1}
    assert api.read("user_id:1001/traits?class=audience")["traits"] == {}
    verbose = api.read("user_id:1001/traits?include=plan&verbose=true")["traits"]
    assert verbose == {"plan": {"value": "gold", "source_id": SOURCE, "updated_at": "2026-11-01T00:01:00.000Z"}}


def test_external_ids_say_where_they_come_from(api: Api) -> None:
    page = api.read("user_id:1001/external_ids?limit=25")
    assert [(row["type"], row["id"]) for row in page["data"]] == [
        ("anonymous_id", "v-1"),
        ("email", "ada@example.org"),
        ("phone", "+14155550100"),
        ("user_id", "1001"),
    ]
    (row,) = api.read("user_id:1001/external_ids?include=phone&verbose=true")["data"]
    assert row == {
        "source_id": SOURCE,
        "collection": "users",
        "id": "+14155550100",
        "type": "phone",
        "created_at": "2026-11-01T00:01:00.000Z",
        "encoding": "none",
        "first_message_id": "m-1",
    }


def test_events_are_track_calls_of_the_last_fourteen_days_newest_first(api: Api) -> None:
    page = api.read("user_id:1001/events?limit=100")
    assert page["cursor"]["has_more"] is False
    days = [event["properties"]["day"] for event in page["data"][1:]]
    assert days == list(range(22, 9, -1))  # 24 November, 9:00, less 14 days
    assert page["data"][0]["context"] == {"locale": "en"}  # and not what the person consented to
    assert page["data"][1] == {
        "type": "track",
        "event": "Call",
        "properties": {"day": 22, "Direction": "Inbound"},
        "context": {},
        "external_ids": [{"collection": "users", "type": "user_id", "id": "1001", "encoding": "none"}],
        "timestamp": "2026-11-23T00:00:00.000Z",
        "message_id": "m-28",
        "source_id": SOURCE,
    }


def test_events_are_chosen_by_time_and_name_and_order_and_paged_without_a_gap(api: Api) -> None:
    query = "start=2026-11-12T00:00:00Z&end=2026-11-20T01:00:00%2B01:00&exclude=Call&sort=asc"
    assert [event["properties"]["day"] for event in api.read(f"user_id:1001/events?{query}")["data"]] == [
        11,
        13,
        15,
        17,
        19,
    ]
    seen, link = [], f"user_id:1001/events?{query}&limit=2"
    while link:
        page = api.read(link)
        seen += [event["properties"]["day"] for event in page["data"]]
        link = page["cursor"]["url"].partition("profiles/")[2]
    assert seen == [11, 13, 15, 17, 19]
    named = api.read("user_id:1001/events?include=Call,Nothing&limit=1")["data"]
    assert [event["event"] for event in named] == ["Call"]


@pytest.mark.parametrize("part", ["traits", "external_ids", "events", "links"])
def test_a_page_has_ten_entries_unless_it_is_told_otherwise(api: Api, part: str) -> None:
    page = api.read(f"user_id:1001/{part}")
    assert page["cursor"]["limit"] == 10
    if part == "events":
        assert len(page["data"]) == 10 and page["cursor"]["has_more"]


def test_a_space_answers_a_hundred_requests_a_second_unless_it_is_told_otherwise(api: Api) -> None:
    space = create_space(api.feed.workspace, "Untold")
    create_token(api.feed.workspace, space.id, "Agent desktop")
    grants = read_grants(api.feed.workspace).values()
    assert [grant.requests_per_s for grant in grants if grant.space_id == space.id] == [100]


def test_metadata_names_the_first_and_the_last_message(api: Api) -> None:
    metadata = api.read("anonymous_id:v-1/metadata")["metadata"]
    assert (metadata["first_message_id"], metadata["last_message_id"]) == ("m-1", "m-29")
    assert metadata["first_source_id"] == metadata["last_source_id"] == SOURCE
    assert metadata["created_at"] == "2026-11-01T00:01:00.000Z" and metadata["expires_at"] is None


def test_links_are_the_groups_of_the_group_calls(api: Api) -> None:
    first = api.read("user_id:1001/links?limit=1")
    account = {"collection": "accounts", "type": "group_id", "id": "acme", "encoding": "none"}
    assert first["data"] == [{"to_collection": "accounts", "external_ids": [account]}]
    rest = api.read(f"user_id:1001/links?next={first['cursor']['next']}")
    assert [link["external_ids"][0]["id"] for link in rest["data"]] == ["zenith"] and not rest["cursor"]["has_more"]


def test_an_account_has_the_traits_of_its_group_calls_what_is_computed_and_its_people(api: Api) -> None:
    feed = api.feed
    count = {"event": "Call", "message_type": "track", "scope": "account"}
    trait = create_trait(feed.workspace, feed.space_id, name="Calls", kind="event_counter", definition=count)
    feed.send("group", userId="1003", groupId="acme", traits={"plan": "paid", "seats": 5})
    feed.send("group", userId="1003", groupId="acme", traits={"plan": "old"}, minute=1)  # it came late
    feed.track("1003", "Call", context={"groupId": "acme"})
    feed.build()
    assert follow_group_calls(feed.workspace, feed.space_id) == 2
    assert follow_group_calls(feed.workspace, feed.space_id) == 0
    traits = api.read("group_id:acme/traits", collection="accounts")
    assert traits["traits"] == {trait.key: 1, "plan": "paid", "seats": 5}
    computed = api.read("group_id:acme/traits?class=computed_trait&verbose=true", collection="accounts")["traits"]
    assert list(computed) == [trait.key] and computed[trait.key]["source_id"] == SOURCE
    first = api.read("group_id:acme/links?limit=1", collection="accounts")
    rest = api.read(f"group_id:acme/links?next={first['cursor']['next']}", collection="accounts")
    people = [link["external_ids"] for page in (first, rest) for link in page["data"]]
    assert sorted(ids[-1]["id"] for ids in people) == ["1001", "1003"] and not rest["cursor"]["has_more"]
    rebuild(feed.workspace, feed.space_id)
    for _ in range(2):
        assert api.read("group_id:acme/traits", collection="accounts")["traits"] == traits["traits"]
        feed.build()
        follow_group_calls(feed.workspace, feed.space_id)
    assert api.read("group_id:acme/links", collection="accounts")["data"] == first["data"] + rest["data"]
    delete_trait(feed.workspace, trait.id)
    left = api.read("group_id:acme/traits?include=calls&verbose=true", collection="accounts")["traits"]
    assert left["calls"]["value"] == 1
    assert api.read("group_id:acme/traits?class=computed_trait", collection="accounts")["traits"] == {}


def test_an_id_that_was_merged_away_gives_its_survivor_before_and_after_a_rebuild(api: Api) -> None:
    survivor = api.read("user_id:1001/metadata")["metadata"]["segment_id"]
    with api.feed.workspace.database.reading() as connection:
        merged_id = connection.exec_driver_sql("SELECT merged_id FROM merges").scalar_one()
    assert merged_id != survivor
    assert api.read(f"segment_id:{merged_id}/metadata")["metadata"]["segment_id"] == survivor
    rebuild(api.feed.workspace, api.feed.space_id)
    api.feed.build()
    assert api.read(f"segment_id:{merged_id}/metadata")["metadata"]["segment_id"] == survivor


def test_an_account_that_only_events_name_is_known_with_its_people_and_is_among_their_links(api: Api) -> None:
    feed = api.feed
    assert api.refusal("accounts/profiles/group_id:flex/traits") == (404, "not_found")
    feed.track("2001", "Call", context={"groupId": " flex "})
    feed.send("track", event="Call", anonymousId="f-9", context={"groupId": "flex"}, groupId="")
    feed.send("track", event="Call", anonymousId="f-9", groupId="zeta", context={"groupId": "flex"})
    feed.build()
    assert api.read("group_id:flex/traits", collection="accounts")["traits"] == {}
    assert len(api.read("group_id:flex/links", collection="accounts")["data"]) == 2
    feed.identify("2001", anonymousId="f-9")
    feed.build()
    assert len(api.read("group_id:flex/links", collection="accounts")["data"]) == 1
    links = api.read("user_id:2001/links")["data"]
    assert [link["external_ids"][0]["id"] for link in links] == ["flex", "zeta"]


@pytest.mark.parametrize(
    "spelling",
    [
        "phone:%2B14155550100",
        "phone:+14155550100",
        "phone:%2014155550100",
        "phone:%2B1%20(415)%20555-0100",
        "PHONE:%2B1-415-555-0100",
        "phone:14155550100",
        "phone:001%20415%20555%200100",
        "email:ada@example.org",
        "email:ADA%40Example.ORG",
        "user_id:%201001%20",
    ],
)
def test_people_are_found_however_a_program_writes_their_identifier(api: Api, spelling: str) -> None:
    assert api.read(f"{spelling}/traits?include=plan")["traits"] == {"plan": "gold"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("users/profiles/user_id:nobody/traits", (404, "not_found")),
        ("users/profiles/phone:4155550100/traits", (404, "not_found")),
        ("users/profiles/no_such_type:1/traits", (404, "not_found")),
        ("users/profiles/user_id:a/b%2Fc/d/traits", (404, "not_found")),
        ("users/profiles/user_id:1001/nothing", (404, "not_found")),
        ("robots/profiles/user_id:1001/traits", (404, "not_found")),
        ("users", (404, "not_found")),
        ("users/profiles/1001/traits", (400, "invalid_request_error")),
        ("users/profiles/user_id:/traits", (400, "invalid_request_error")),
        ("users/profiles/:1001/traits", (400, "invalid_request_error")),
        ("users/profiles/user_id:%00/traits", (400, "invalid_request_error")),
        ("users/profiles/user_id:a%0Ab/traits", (400, "invalid_request_error")),
        ("users/profiles/user_id:%FF%FE/traits", (400, "invalid_request_error")),
        (f"users/profiles/user_id:{'x' * 10_240}/traits", (400, "invalid_request_error")),
        (f"users/profiles/user_id:{quote('😀' * 400)}/traits", (404, "not_found")),
        ("accounts/profiles/user_id:1001/traits", (400, "invalid_request_error")),
        ("accounts/profiles/group_id:nobody/traits", (404, "not_found")),
        ("accounts/profiles/group_id:acme/events", (404, "not_found")),
        ("users/profiles/user_id:1001/traits?limit=0", (400, "validation_error")),
        ("users/profiles/user_id:1001/traits?limit=201", (400, "validation_error")),
        ("users/profiles/user_id:1001/events?limit=101", (400, "validation_error")),
        ("users/profiles/user_id:1001/links?limit=21", (400, "validation_error")),
        ("users/profiles/user_id:1001/traits?limit=%D9%A3x", (400, "validation_error")),
        ("users/profiles/user_id:1001/traits?limit=" + "9" * 5_000, (400, "validation_error")),
        ("users/profiles/user_id:1001/traits?class=computed", (400, "validation_error")),
        ("users/profiles/user_id:1001/traits?verbose=maybe", (400, "validation_error")),
        ("users/profiles/user_id:1001/traits?next=%00", (400, "validation_error")),
        ("users/profiles/user_id:1001/events?next=WyJhIl0", (400, "validation_error")),
        ("users/profiles/user_id:1001/events?start=yesterday", (400, "validation_error")),
        ("users/profiles/user_id:1001/events?start=2026-11-02&end=2026-11-01", (400, "validation_error")),
        ("users/profiles/user_id:1001/events?sort=up", (400, "validation_error")),
    ],
    ids=lambda item: item[:50] if isinstance(item, str) else "",
)
def test_what_cannot_be_answered_says_so_with_the_code_of_the_contract(
    api: Api, path: str, expected: tuple[int, str]
) -> None:
    assert api.refusal(path) == expected


def test_only_a_token_of_the_space_opens_it(api: Api) -> None:
    workspace = api.feed.workspace
    other = create_space(workspace, "Other")
    there = create_token(workspace, other.id, "Other").text
    path = "users/profiles/user_id:1001/traits"
    assert api.refusal(path, token="") == (401, "authentication_error")
    assert api.refusal(path, token="onr_guessed") == (401, "authentication_error")
    assert api.refusal(path, token=there) == (404, "not_found")
    assert api.refusal(path, space="spa_unknown") == (404, "not_found")
    assert api.refusal(path, space=other.id, token=there) == (404, "not_found")
    unsigned = send(api.app, "GET", f"/v1/spaces/{api.feed.space_id}/collections/{path}", client="203.0.113.9")
    assert unsigned.status == 401 and unsigned.headers["www-authenticate"].startswith("Basic")


def test_answers_are_for_servers_and_each_has_its_number(api: Api) -> None:
    headers = {"authorization": basic(api.token), "origin": "https://example.com"}
    path = f"/v1/spaces/{api.feed.space_id}/collections/users/profiles/user_id:1001/traits"
    answers = [send(api.app, "GET", path, headers=headers, client="203.0.113.9") for _ in range(2)]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.headers["request-id"] for answer in answers}) == 2
    assert not [name for name in answers[0].headers if name.startswith("access-control")]
    assert answers[0].headers["cache-control"] == "no-store"
    assert send(api.app, "OPTIONS", path, headers=headers).status == 405
    assert api.get("users/profiles/user_id:1001/traits", method="POST").headers["allow"] == "GET"


def test_a_fault_of_ours_a_body_that_does_not_come_and_a_store_that_is_gone_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(profile_gate, "FRESH_S", 0.0)
    monkeypatch.setattr(body_module, "BODY_TIMEOUT_S", 0.01)
    with open_api(tmp_path) as api:
        path, workspace = "users/profiles/user_id:1001/traits", api.feed.workspace
        with workspace.database.transaction() as connection:
            connection.execute(update(profiles).values(traits="{"))  # what no code of ours writes
        broken = api.get(path)
        assert (broken.status, broken.json()["error"]["code"]) == (500, "internal_error")
        assert broken.headers["retry-after"] == "5" and broken.headers["request-id"] in caplog.text
        slow = asyncio.run(_send_half(api, f"/v1/spaces/{api.feed.space_id}/flex-links"))
        assert (slow.status, slow.json()["error"]["code"]) == (408, "invalid_request_error")
        workspace.close()
        for file in workspace.home.root.glob("workspace.db*"):  # what the last writer left beside it too
            file.write_bytes(b"no database at all" * 100)
        gone = api.get(path)
        assert (gone.status, gone.json()["error"]["code"]) == (503, "store_unreadable")
        assert gone.headers["retry-after"] == "5" and gone.headers["request-id"]


def test_whoever_asks_does_not_notice_that_the_stores_server_was_restarted(
    tmp_path: Path, postgres_server: PostgresServer, new_postgres_url: Callable[[], str]
) -> None:
    url = new_postgres_url()
    with open_api(tmp_path, url) as api:
        paths = ["user_id:1001/traits", "phone:%2B14155550100/external_ids"]
        before = [api.read(path) for path in paths]
        name = url.rpartition("/")[2]
        sessions = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        postgres_server.execute(sessions)
        time.sleep(ASKED_AFTER_S)
        assert [api.read(path) for path in paths] == before


def test_many_who_ask_a_server_at_once_each_get_their_own_answer(
    tmp_path: Path, new_postgres_url: Callable[[], str]
) -> None:
    with open_api(tmp_path, new_postgres_url()) as api:
        for number in range(40):
            api.feed.identify(f"c{number}", traits={"n": number})
        api.feed.build()
        headers = {"authorization": basic(api.token)}

        async def ask() -> list[Answer]:
            base = f"/v1/spaces/{api.feed.space_id}/collections/users/profiles"
            paths = [f"{base}/user_id:c{number}/traits" for number in range(40)]
            return await asyncio.gather(*(send_async(api.app, "GET", path, [b""], headers) for path in paths))

        answers = asyncio.run(ask())
        assert [answer.json()["traits"]["n"] for answer in answers] == list(range(40))


async def _send_half(api: Api, path: str) -> Answer:
    """Send a body of which the rest never comes."""
    headers = {"authorization": basic(api.token)}

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_half() -> Message:
            message = await receive()
            return message if message["more_body"] else await asyncio.Event().wait()  # type: ignore[return-value]

        await api.app(scope, receive_half, send)

    return await send_async(ask, "POST", path, [b"{", b"}"], headers)


def test_a_token_is_kept_as_a_hash_is_audited_and_is_refused_once_it_is_revoked(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert profile_gate.FRESH_S <= 1
    monkeypatch.setattr(profile_gate, "FRESH_S", 0.0)
    workspace, path = api.feed.workspace, "users/profiles/user_id:1001/traits"
    made = create_token(workspace, api.feed.space_id, "  Call   routing ")
    assert made.text not in repr(made) and made.token.name == "Call routing"
    assert api.get(path, token=made.text).status == 200  # known at once
    revoke_token(workspace, made.token.id)
    revoke_token(workspace, made.token.id)
    assert api.refusal(path, token=made.text) == (401, "authentication_error")
    listed = next(each for each in list_tokens(workspace, api.feed.space_id) if each.id == made.token.id)
    assert listed.revoked_at == NOW and made.text.endswith(listed.last_chars)
    trail = list_changes(workspace, object_type="profile_token")
    assert [entry.action for entry in trail if entry.object_id == made.token.id] == ["revoked", "created"]
    for file in workspace.home.root.rglob("*"):
        assert not file.is_file() or made.text.encode() not in file.read_bytes()


def test_a_deleted_trait_leaves_a_value_that_is_no_computed_trait_any_more(api: Api) -> None:
    (trait,) = add_recipes(api.feed.workspace, api.feed.space_id, ["frequent_inbound_channel"])
    api.feed.build()
    delete_trait(api.feed.workspace, trait.id)
    assert list(api.read("user_id:1001/traits?class=computed_trait")["traits"]) == ["total_inbounds"]


def test_beyond_its_limit_a_space_asks_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_gate, "FRESH_S", 0.0)
    path = "users/profiles/user_id:1001/traits"
    set_api_settings(api.feed.workspace, api.feed.space_id, requests_per_s=1)
    answer = next(answer for _ in range(20) if (answer := api.get(path)).status != 200)
    assert answer.status == 429 and answer.json()["error"]["code"] == "rate_limit_error"
    assert answer.headers["retry-after"] == "1"
    set_api_settings(api.feed.workspace, api.feed.space_id, requests_per_s=100_000)
    assert api.get(path).status == 200
