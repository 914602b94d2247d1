"""The demo phone: it says what the mobile libraries say, and talks to this machine only."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import orjson
import pytest

from core.clock import to_iso
from core.errors import CoreError, InvalidField, UnknownWriteKey, Unreachable
from core.events.event_log import open_event_log
from core.events.intake import take
from core.events.message import parse_time
from core.events.refused import search_refused
from core.samples.demo_phone import make_demo_session
from core.samples.demo_phone_upload import use_demo_phone
from core.sources.store import Source, create_source
from core.workspaces.spaces import connect_source
from core.workspaces.workspace import Workspace, open_workspace
from tests.feeding import Feed
from tests.serving import Server, run_server

KINDS = ("swift", "kotlin")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Server]]:
    home = tmp_path_factory.mktemp("phone") / "home"
    workspace = open_workspace(str(home))
    with run_server(home) as server:
        yield workspace, server
    open_event_log(workspace).close()
    workspace.close()


@contextmanager
def answer_with(body: bytes, status: int = 200) -> Iterator[str]:
    """Serve `body` for every GET on a free port of this machine; yield the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_phone_sends_arrives_whole_in_its_order_with_its_device(
    served: tuple[Workspace, Server], kind: str
) -> None:
    workspace, server = served
    source = create_source(workspace, kind=kind, name=f"App {kind}")
    now = workspace.now()
    sent = use_demo_phone(source, server.url, now=now, email="ada@example.com")
    log = open_event_log(workspace)
    assert search_refused(log, source_id=source.id) == []
    events = [event for event in log.read(0, 1_000) if event.source_id == source.id]
    assert [(event.type, event.name) for event in events] == [
        ("track", "Application Installed"),
        ("track", "Application Opened"),
        ("screen", "Home"),
        ("screen", "Heat pumps"),
        ("identify", None),
    ]
    messages = [orjson.loads(event.body) for event in events]
    assert [message["messageId"] for message in messages] == [message["messageId"] for message in sent]
    context = messages[0]["context"]
    assert context["library"]["name"] == f"analytics-{kind}"
    assert context["device"]["type"] == {"swift": "ios", "kotlin": "android"}[kind]
    assert "demo" in context["app"]["name"]
    assert "Demo" in context["device"]["name"]
    assert "writeKey" not in messages[0]
    times = [parse_time(message["originalTimestamp"]) for message in messages]
    assert times == sorted(times, key=str)
    assert to_iso(now) == to_iso(times[-1] or now - timedelta(1))


def test_the_phone_of_a_source_stays_the_same_and_is_installed_once(served: tuple[Workspace, Server]) -> None:
    workspace, server = served
    source = create_source(workspace, kind="swift", name="Twice")
    first = use_demo_phone(source, server.url, now=workspace.now())
    second = use_demo_phone(source, server.url, now=workspace.now() + timedelta(seconds=1))
    events = [event for event in open_event_log(workspace).read(0, 1_000) if event.source_id == source.id]
    assert sorted(str(event.name) for event in events) == sorted(
        ["Application Installed", *["Application Opened", "Home", "Heat pumps"] * 2]
    )
    assert {message["anonymousId"] for message in first} == {message["anonymousId"] for message in second}


def test_another_source_has_another_phone(workspace: Workspace) -> None:
    sessions = [
        make_demo_session(create_source(workspace, kind="kotlin", name=name), now=workspace.now())
        for name in ("One", "Two")
    ]
    assert len({messages[0]["anonymousId"] for messages in sessions}) == 2
    assert len({message["messageId"] for messages in sessions for message in messages}) == 8


def test_a_source_that_this_server_does_not_know_is_told(
    served: tuple[Workspace, Server], workspace: Workspace
) -> None:
    source = create_source(workspace, kind="swift", name="Elsewhere")
    with pytest.raises(UnknownWriteKey, match="knows no source with this write key"):
        use_demo_phone(source, served[1].url, now=workspace.now())


@pytest.mark.parametrize("address", ["https://events.example.com", "http://203.0.113.9:8501", "localhost:8501", ""])
def test_an_address_that_is_not_on_this_machine_is_refused_before_anything_is_sent(
    workspace: Workspace, address: str
) -> None:
    source = create_source(workspace, kind="swift", name="App")
    with pytest.raises(InvalidField, match="this machine only"):
        use_demo_phone(source, address, now=workspace.now())


def test_settings_that_lead_to_another_machine_are_not_followed(workspace: Workspace) -> None:
    source = create_source(workspace, kind="kotlin", name="App")
    body = orjson.dumps({"integrations": {"Segment.io": {"apiHost": "events.example.com/v1"}}})
    with answer_with(body) as address, pytest.raises(InvalidField, match=r"events\.example\.com") as refused:
        use_demo_phone(source, address, now=workspace.now())
    assert "ONRAMP_PUBLIC_URL" in refused.value.hint


@pytest.mark.parametrize(
    ("body", "status", "words"), [(b"<html>", 200, "is not Onramp"), (b"{}", 200, "is not Onramp"), (b"", 503, "503")]
)
def test_something_else_that_answers_is_told(workspace: Workspace, body: bytes, status: int, words: str) -> None:
    source = create_source(workspace, kind="kotlin", name="App")
    with answer_with(body, status) as address, pytest.raises(Unreachable, match=words):
        use_demo_phone(source, address, now=workspace.now())


def test_nothing_that_answers_is_told_with_what_to_do(workspace: Workspace) -> None:
    source = create_source(workspace, kind="swift", name="App")
    with pytest.raises(CoreError, match=r"Nothing answers at http://127\.0\.0\.1:9") as failed:
        use_demo_phone(source, "http://127.0.0.1:9", now=workspace.now())
    assert isinstance(failed.value, Unreachable)
    assert "python -m core open" in failed.value.hint


def test_only_a_source_of_an_app_has_a_phone(workspace: Workspace) -> None:
    source: Source = create_source(workspace, kind="http", name="Server")
    with pytest.raises(InvalidField, match="not that of an app"):
        use_demo_phone(source, "http://localhost:8501", now=workspace.now())


def test_who_signs_in_on_the_phone_and_fills_in_the_form_of_the_website_is_one_profile(workspace: Workspace) -> None:
    feed = Feed(workspace, types=("email", "anonymous_id"))
    app = create_source(workspace, kind="swift", name="App")
    connect_source(workspace, feed.space_id, app.id)
    feed.send("page", anonymousId="visitor", properties={})
    feed.identify(anonymousId="visitor", traits={"email": "ada@example.com"})
    messages = make_demo_session(app, now=workspace.now(), email="ada@example.com")
    open_event_log(workspace).append(take(app.id, messages, received_at=workspace.now()).entries)
    feed.build()
    owners = feed.owners()
    phone = str(messages[0]["anonymousId"])
    assert owners["anonymous_id", "visitor"] == owners["anonymous_id", phone] == owners["email", "ada@example.com"]
