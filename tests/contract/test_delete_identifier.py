"""Deleting an identifier over real HTTP: each answer of the contract; gone is gone (spec/profiles.md 5)."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from core.workspaces.profile_api import set_api_settings
from core.workspaces.profile_tokens import create_token
from core.workspaces.spaces import create_space
from core.workspaces.workspace import open_workspace
from tests.feeding import Feed
from tests.serving import run_server

EMAIL = "ada+shop@x.example"


@dataclass
class Program:
    """A program that has tokens of a space with one person, and the address of a server."""

    url: str
    feed: Feed
    token: str
    reader: str

    def ask(self, path: str, body: Any = None, *, token: str | None = None, space: str = "") -> tuple[int, Any, Any]:
        """Return status, body and headers; a body makes it a POST."""
        url = f"{self.url}/v1/spaces/{space or self.feed.space_id}/collections/{path}"
        user = base64.b64encode(f"{self.token if token is None else token}:".encode()).decode()
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        request = urllib.request.Request(url, data=data, headers={"authorization": f"Basic {user}"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, orjson.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, orjson.loads(error.read()), error.headers

    def delete(self, type_: str, value: str, *, who: str = "user_id:1001") -> tuple[int, str]:
        body = {"delete_external_ids": [{"type": type_, "id": value}]}
        status, answer, _ = self.ask(f"users/profiles/{who}/external_ids/delete", body)
        return status, answer["code"] if status == 200 else answer["error"]["code"]

    def read_ids(self) -> set[tuple[str, str]]:
        status, answer, _ = self.ask("users/profiles/user_id:1001/external_ids?limit=100")
        assert status == 200
        return {(row["type"], row["id"]) for row in answer["data"]}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    workspace = open_workspace(str(tmp_path_factory.mktemp("delete") / "home"))
    feed = Feed(workspace, ("user_id", "email", "anonymous_id"), ("phone",))
    feed.identify("1001", anonymousId="v-1", traits={"email": EMAIL, "phone": "+14155550100"})
    feed.build()
    token = create_token(workspace, feed.space_id, "Cleaner", may_delete=True).text
    reader = create_token(workspace, feed.space_id, "Agent desktop").text
    set_api_settings(workspace, feed.space_id, requests_per_s=100_000)
    with run_server(workspace.home.root) as server:
        yield Program(server.url, feed, token, reader)
    workspace.close()


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "says"),
    [
        ("users/profiles/user_id:1001", {"delete_external_ids": []}, 400, "bad_request", "only one external_id"),
        ("users/profiles/user_id:1001", {"delete_external_ids": [{}, {}]}, 400, "bad_request", "only one external_id"),
        ("users/profiles/user_id:1001", {"delete_external_ids": [{"type": "email"}]}, 400, "bad_request", "both texts"),
        ("users/profiles/user_id:1001", b"{", 400, "bad_request", "JSON object"),
        ("users/profiles/user_id:1001", {"delete_external_ids": ("email", EMAIL)}, 400, "bad_request", "one"),
        ("users/profiles/user_id:1001", ("user_id", "1001"), 400, "bad_request", "must differ from lookup id"),
        ("users/profiles/user_id:1001", ("group_id", "acme"), 400, "unsupported_eid_type", "group_id"),
        ("users/profiles/user_id:1001", ("", "x"), 400, "bad_request", "type:value"),
        (f"users/profiles/email:{EMAIL}", ("phone", "+14155550100"), 400, "bad_request", "unsupported email"),
        ("users/profiles/1001", ("email", EMAIL), 400, "bad_request", "type:value"),
        ("accounts/profiles/group_id:acme", ("email", EMAIL), 400, "bad_request", "invalid collection: accounts"),
        ("users/profiles/user_id:9", ("email", EMAIL), 404, "not_found", "user_id"),
        ("users/profiles/user_id:1001", ("email", "b@x.example"), 404, "eid_not_found", "email"),
        ("users/profiles/user_id:1001", ("crm_id", "7"), 404, "eid_not_found", "crm_id"),
    ],
)
def test_what_cannot_be_deleted_is_answered_with_its_code(
    program: Program, path: str, body: Any, status: int, code: str, says: str
) -> None:
    if isinstance(body, tuple):
        body = {"delete_external_ids": [{"type": body[0], "id": body[1]}]}
    answered, answer, headers = program.ask(f"{path}/external_ids/delete", body)
    assert (answered, answer["error"]["code"]) == (status, code)
    assert says in answer["error"]["message"] and headers["Request-Id"]


def test_who_may_not_delete_is_told_so(program: Program) -> None:
    path = "users/profiles/user_id:1001/external_ids/delete"
    body = {"delete_external_ids": [{"type": "email", "id": EMAIL}]}
    assert program.ask(path, body, token="onr_none")[:2][1]["error"]["code"] == "unauthorized"
    status, answer, _ = program.ask(path, body, token=program.reader)
    assert (status, answer["error"]["code"]) == (403, "forbidden")
    status, answer, _ = program.ask(path, body, space="spa_other")
    assert (status, answer["error"]["code"]) == (404, "not_found")
    assert program.ask(path)[0] == 405
    other = create_space(program.feed.workspace, "Empty")
    token = create_token(program.feed.workspace, other.id, "Cleaner", may_delete=True).text
    status, answer, _ = program.ask(path, body, token=token, space=other.id)
    assert (status, answer["error"]["code"]) == (404, "source_id_not_found")
    assert ("email", EMAIL) in program.read_ids()


def test_a_deleted_identifier_is_gone_after_a_rebuild_and_comes_with_a_new_event(program: Program) -> None:
    feed = program.feed
    assert program.delete("Email", EMAIL.upper()) == (200, "success")
    assert program.delete("phone", "+14155550100", who="user_id%3A1001") == (200, "success")
    left = {("user_id", "1001"), ("anonymous_id", "v-1")}
    assert program.read_ids() == left
    assert program.delete("email", EMAIL) == (404, "eid_not_found")
    traits = program.ask("users/profiles/user_id:1001/traits")[1]["traits"]
    assert traits == {"email": EMAIL, "phone": "+14155550100"}
    feed.rebuild()
    feed.build()
    assert program.read_ids() == left
    feed.identify("1001", traits={"email": EMAIL})
    feed.build()
    assert program.read_ids() == left | {("email", EMAIL)}


def test_beyond_the_limit_of_the_space_it_comes_again_later(program: Program) -> None:
    set_api_settings(program.feed.workspace, program.feed.space_id, requests_per_s=1)
    try:
        body = {"delete_external_ids": [{"type": "email", "id": "b@x.example"}]}
        asked = (program.ask("users/profiles/user_id:1001/external_ids/delete", body) for _ in range(200))
        status, answer, headers = next(each for each in asked if each[0] != 404)
        assert (status, answer["error"]["code"], headers["Retry-After"]) == (429, "rate_limit_error", "1")
    finally:
        set_api_settings(program.feed.workspace, program.feed.space_id, requests_per_s=100_000)
