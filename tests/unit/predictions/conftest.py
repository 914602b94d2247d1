"""One shop with both predictions trained, made once; tests that change something take a copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.predictions.prediction import Prediction
from core.predictions.run import run_job
from core.predictions.store import create_prediction
from core.profiles.build import ProfileBuilder
from core.samples.demo_shop import ShopTruth
from core.traits.engine import ComputedTraitEngine
from core.workspaces.workspace import Workspace, open_workspace
from tests.conftest import NOW
from tests.shop import CHURN, LIFETIME_VALUE, fill_shop, read_users


@dataclass
class Shop:
    workspace: Workspace
    space_id: str
    churn: Prediction
    value: Prediction
    truth: dict[str, ShopTruth]  # by profile
    told: list[str]

    @property
    def home(self) -> Path:
        return self.workspace.home.root


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and "shop" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("shop"))  # so that it is made once


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    workspace = open_workspace(str(tmp_path_factory.mktemp("shop") / "home"), clock=FixedClock(NOW))
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
