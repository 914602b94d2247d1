"""A space that knows the customers of the demo's shop, for the tests of predictions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.clock import Clock, FixedClock
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.predictions.prediction import Prediction
from core.predictions.run import run_job
from core.predictions.store import create_prediction
from core.profiles.build import ProfileBuilder
from core.samples.demo_shop import SHOP_DAYS, ShopTruth, invent_shoppers, shop_messages
from core.storage.tables import identifiers
from core.traits.engine import ComputedTraitEngine
from core.workspaces.workspace import Workspace, open_workspace
from tests.conftest import NOW
from tests.feeding import SOURCE, Feed

SHOPPERS = 1_100
CHURN: dict[str, Any] = {"targets": ["Order Completed"], "window_days": 30}
LIFETIME_VALUE: dict[str, Any] = {"targets": ["Order Completed"], "amount_property": "revenue"}


def fill_shop(workspace: Workspace, shoppers: int = SHOPPERS) -> tuple[str, list[ShopTruth]]:
    """Send thirteen months of a shop and build its profiles; return the space and what is true."""
    feed = Feed(workspace)
    users = [f"customer-{number}" for number in range(shoppers)]
    truth = invent_shoppers(users, NOW - timedelta(days=SHOP_DAYS), NOW, joins_a_day=shoppers / SHOP_DAYS)
    messages = shop_messages(truth, NOW)
    open_event_log(workspace).append([to_log_entry(SOURCE, message, NOW) for message in messages])
    feed.build()
    return feed.space_id, truth


@contextmanager
def open_copy(home: Path, place: Path, clock: Clock | None = None) -> Iterator[Workspace]:
    """Open a copy of a home, which a test may change."""
    shutil.copytree(home, place)
    workspace = open_workspace(str(place), clock=clock or FixedClock(NOW))
    try:
        yield workspace
    finally:
        workspace.close()


def read_users(workspace: Workspace, space_id: str) -> dict[str, str]:
    """Return the user id of each profile."""
    table = identifiers.c
    query = select(table.profile_id, table.value).where(table.space_id == space_id, table.type == "user_id")
    with workspace.database.reading() as connection:
        return {row.profile_id: row.value for row in connection.execute(query)}


@dataclass
class Shop:
    """A space in which churn and lifetime value are trained. Tests that change something take a copy of its home."""

    workspace: Workspace
    space_id: str
    churn: Prediction
    value: Prediction
    truth: dict[str, ShopTruth]  # by profile
    told: list[str]

    @property
    def home(self) -> Path:
        return self.workspace.home.root


@contextmanager
def open_shop(place: Path) -> Iterator[Shop]:
    """Fill a shop and train both recommended predictions."""
    workspace = open_workspace(str(place), clock=FixedClock(NOW))
    space_id, shoppers = fill_shop(workspace)
    told: list[str] = []
    churn = create_prediction(workspace, space_id, "churn", CHURN)
    value = create_prediction(workspace, space_id, "lifetime_value", LIFETIME_VALUE)
    churn, value = (run_job(workspace, each.id, told.append) for each in (churn, value))
    ProfileBuilder(workspace, space_id, ComputedTraitEngine()).build()
    users = {truth.user_id: truth for truth in shoppers}
    truth = {profile_id: users[user] for profile_id, user in read_users(workspace, space_id).items()}
    yield Shop(workspace, space_id, churn, value, truth, told)
    workspace.close()
