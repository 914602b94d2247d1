from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from core.cli.main import main
from core.clock import FixedClock
from core.predictions.store import create_prediction
from core.samples.demo_shop import ORDER_COMPLETED
from core.workspaces.spaces import create_space
from tests.conftest import NOW
from tests.shop import Shop, open_copy

pytestmark = pytest.mark.xdist_group("shop")  # so that it is made once

CHURN = ("--kind", "churn", "--event", ORDER_COMPLETED)


def test_requirements_create_show_list_and_delete(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The machine's clock is days after the shop's last order, so nothing new can be trained; W121 comes first."""
    with open_copy(shop.home, tmp_path / "home", FixedClock(NOW + timedelta(hours=1))) as workspace:
        other = create_space(workspace, "Other shop")
        create_prediction(workspace, other.id, "churn", {"targets": ["Order Completed"], "window_days": 60})
        create_prediction(workspace, other.id, "purchase", {"targets": ["Order Completed"]})
        place = ("--json", "--home", str(workspace.home.root))

    def run(*words: str) -> tuple[int, list[dict[str, object]]]:
        status = main(["predictions", *words, *place])
        out = capsys.readouterr().out
        return status, [orjson.loads(out)] if out.startswith("{\n") else [
            orjson.loads(line) for line in out.splitlines()
        ]

    status, (found,) = run("requirements", *CHURN, "--where", "currency=USD", "--window", "15")
    assert (status, found["met"]) == (1, False)
    assert "event_not_tracked" in {item["code"] for item in found["items"] if not item["is_met"]}  # type: ignore[attr-defined]
    status, listed = run("list")
    assert (status, [each["state"] for each in listed]) == (0, ["ready", "ready"])
    status, (refused,) = run("create", *CHURN, "--name", "Another")
    assert (status, refused["error"]["code"]) == (1, "limit_exceeded")  # type: ignore[index]
    status, (shown,) = run("show", "likelihood_to_churn")
    assert (status, shown["report"]["used"], shown["definition"]["window_days"]) == (0, "trees", 30)  # type: ignore[index]
    status, (shown,) = run("show", "likelihood_to_churn", "--space", other.slug)
    assert (status, shown["state"], shown["definition"]["window_days"]) == (0, "waiting", 60)  # type: ignore[index]
    status, (refused,) = run("train", "Likelihood to Purchase")
    assert refused["error"]["hint"] == f"There is one elsewhere: add --space {other.slug}."  # type: ignore[index]
    for prediction in ("Likelihood to Churn", "likelihood_to_purchase"):
        assert run("delete", prediction, "--space", other.slug)[0] == 0
    assert run("list", "--space", other.slug) == (0, [])
    assert run("delete", "Predicted Lifetime Value")[0] == 0
    assert [each["name"] for each in run("list")[1]] == ["Likelihood to Churn"]
    status, (refused,) = run("create", *CHURN, "--name", "Another")
    assert (status, refused["error"]["code"]) == (1, "event_not_tracked")  # type: ignore[index]
    status, (refused,) = run("requirements", *CHURN, "--where", "currency")
    assert "--where PROPERTY=VALUE" in refused["error"]["hint"]  # type: ignore[index]
