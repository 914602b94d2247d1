"""One serving process on a space with a person whom other programs read, for the tests of the Profile API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from core.clock import FixedClock
from core.http.process import Process
from core.http.serve import make_app
from core.profiles.group_calls import follow_group_calls
from core.traits.store import add_recipes
from core.workspaces.profile_tokens import create_token
from core.workspaces.workspace import open_workspace
from tests.conftest import NOW
from tests.feeding import Feed
from tests.tracking import Answer, basic, send

DAY = 1_440.0
"""Minutes; the feed starts 23 days before the clock of the tests."""


@dataclass
class Api:
    """One serving process on a space with people, and requests to it."""

    app: ASGIApp
    feed: Feed
    token: str

    def get(self, path: str, *, token: str | None = None, method: str = "GET", space: str | None = None) -> Answer:
        """Ask for what is below `collections/`."""
        headers = {"authorization": basic(self.token if token is None else token)}
        space_id = self.feed.space_id if space is None else space
        return send(self.app, method, f"/v1/spaces/{space_id}/collections/{path}", headers=headers)

    def read(self, path: str, *, collection: str = "users") -> Any:
        answer = self.get(f"{collection}/profiles/{path}")
        assert answer.status == 200, answer.body
        return answer.json()

    def refusal(self, path: str, **options: Any) -> tuple[int, str]:
        answer = self.get(path, **options)
        error = answer.json()["error"]
        assert error["message"]
        return answer.status, error["code"]


@contextmanager
def open_api(folder: Path, database_url: str | None = None) -> Iterator[Api]:
    """Open a process on a space with one person, of the name Ada, until the block ends."""
    workspace = open_workspace(str(folder), database_url=database_url, clock=FixedClock(NOW))
    feed = Feed(workspace, ("user_id", "email", "anonymous_id"), ("phone",))
    add_recipes(workspace, feed.space_id, ["total_inbounds"])
    _fill(feed)
    process = Process(str(folder), has_worker=False)
    process.workspace = workspace
    yield Api(make_app(process), feed, create_token(workspace, feed.space_id, "Agent desktop").text)
    process.stop()
    workspace.close()


def _fill(feed: Feed) -> None:
    feed.identify("1001", traits={"email": "Ada@Example.org", "phone": "+14155550100", "plan": "gold", "score": 7})
    feed.send("identify", anonymousId="v-1", traits={"language": "en"})
    feed.send("identify", anonymousId="v-1", userId="1001", traits={})
    for group in ("acme", "zenith", "acme"):
        feed.send("group", userId="1001", groupId=group, traits={"plan": "free"})
    for day in range(1, 23):
        name = "Order Completed" if day % 2 else "Call"
        feed.track("1001", name, {"day": day, "Direction": "Inbound"}, minute=day * DAY)
    context = {"locale": "en", "consent": {"categoryPreferences": {"Advertising": False}}}
    feed.track("1001", "Flex - Engagement Initiated", {"direction": "Inbound"}, minute=22 * DAY, context=context)
    feed.build()
    follow_group_calls(feed.workspace, feed.space_id)
