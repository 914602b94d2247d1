"""The predictions page: nothing yet, two that are ready, one that has failed, and what is missing for another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from core.clock import FixedClock
from core.predictions.choices import count_messages
from core.predictions.prediction import Job, PredictionState
from core.predictions.run import list_pending, request_due_jobs, run_job
from core.predictions.store import get_prediction, list_predictions
from core.storage.tables import predictions
from core.workspaces import workspace as opening
from core.workspaces.workspace import Workspace
from tests.conftest import NOW
from tests.pages.reading import list_buttons, list_links, press, read, read_plain, read_table
from tests.shop import Shop, open_copy

pytestmark = pytest.mark.xdist_group("shop")  # so that it is made once

PAGE = "predictions.py"


@pytest.fixture
def workspace(shop: Shop, tmp_path: Path) -> Iterator[Workspace]:
    with open_copy(shop.home, tmp_path / "copy") as opened:
        yield opened


def test_without_a_space_the_page_leads_to_the_guided_setup(visit, monkeypatch, tmp_path):
    monkeypatch.setenv("ONRAMP_HOME", str(tmp_path / "new"))
    app = visit(PAGE)
    assert "There are no customers yet" in read_plain(app)
    assert list_buttons(app) == {"Go to the guided setup": True}


def test_the_list_shows_state_and_quality_and_that_no_third_one_can_be_made(visit, shop):
    """W121, W122."""
    app = visit(PAGE)
    text = read_plain(app)
    assert "2 of 2 predictions in use." in text
    assert "Who did “Order Completed” in the last 30 days and will not do it in the next 30." in text
    assert f"{shop.churn.report['quality']} quality" in text
    assert [button.disabled for button in app.button if button.label == "Set up"] == [True] * 4


def test_a_prediction_says_how_good_it_is_and_against_what(visit, shop):
    app = visit(PAGE, prediction=shop.churn.id)
    text = read_plain(app)
    assert "AUC" in [metric.label for metric in app.metric]
    assert "which the training had not seen" in text
    assert "plain regression on recency and frequency" in text
    assert "Does it mean what it says?" in text
    assert "What is the order worth?" in text
    compared = read_table(app, "Log loss")
    assert compared[""].tolist() == ["Trees", "Plain baseline", "The same for everybody"]


def test_people_are_listed_with_their_reasons_and_lead_to_their_profile(visit, shop):
    app = visit(PAGE, prediction=shop.churn.id, view="people")
    assert "Open the profile" in list_links(app)
    assert "in the last" in read_plain(app)
    assert "chance" in read_plain(app)


def test_what_weighs_most_and_the_requirements_are_shown(visit, shop):
    app = visit(PAGE, prediction=shop.value.id, view="weights")
    assert len(read_table(app, "Share")) >= 3
    app = visit(PAGE, prediction=shop.value.id, view="settings")
    assert "Needs 360 days of events, 3 times the window of 120 days; there are 400." in read_plain(app)
    assert list_buttons(app)["Train again now"]


def test_a_failed_one_says_why_and_can_be_tried_again(visit, workspace, shop):
    error = {"code": "event_not_tracked", "message": "It last came 9 days ago.", "hint": "Have it sent again."}
    with workspace.database.transaction() as connection:
        connection.execute(update(predictions).where(predictions.c.id == shop.churn.id).values(error=error))
    app = visit(PAGE, prediction=shop.churn.id)
    assert "It last came 9 days ago." in read_plain(app)
    press(app, "Try again")
    assert get_prediction(workspace, shop.churn.id).state is PredictionState.WAITING
    assert "Waiting to start" in read_plain(app)


def test_one_whose_process_died_says_how_and_when_it_is_tried_again(visit, workspace, shop):
    died = {"problem": "its process was killed, <b>as</b> it were", "again_at": "2000-01-01T00:00:00Z"}
    with workspace.database.transaction() as connection:
        connection.execute(
            update(predictions).where(predictions.c.id == shop.churn.id).values(job="train", progress=died)
        )
    text = read_plain(visit(PAGE, prediction=shop.churn.id))
    assert "It did not come to its end: its process was killed, <b>as</b> it were. It is tried again" in text
    assert "Is the worker running?" not in text


def test_what_is_missing_is_told_with_its_numbers_before_anything_is_made(visit, workspace):
    """W69: nothing is trained on too little. The shop's last order was days ago by the machine's clock."""
    with workspace.database.transaction() as connection:
        connection.execute(predictions.delete())
    app = visit(PAGE, new="purchase")
    app.multiselect(key="prediction_events").set_value(["Order Completed"]).run()
    press(app, "Check requirements")
    assert "There is not enough to learn from yet." in read_plain(app)
    assert "Needs “Order Completed” within the last 7 days; it last came" in read_plain(app)
    assert "Train" not in list_buttons(app)
    assert list_predictions(workspace) == []


def test_train_makes_a_prediction_that_is_trained_and_due_again_each_day(visit, monkeypatch, workspace):
    """W69: the form from its first field to its scores, on the shop's last day."""
    monkeypatch.setattr(opening, "SystemClock", lambda: FixedClock(NOW))
    with workspace.database.transaction() as connection:
        connection.execute(predictions.delete())
    app = visit(PAGE, new="purchase")
    app.multiselect(key="prediction_events").set_value(["Order Completed"])
    app.multiselect(key="prediction_excluded_events").set_value(["Newsletter Opened"])
    app.text_input(key="prediction_name").set_value("Next order")
    app.checkbox(key="prediction_daily").check().run()
    assert "Train" not in list_buttons(app), "nothing is trained before the requirements are checked"
    press(app, "Check requirements")
    assert "There is enough to learn from." in read_plain(app)
    assert f"The training reads {count_messages(workspace):,} events and takes about" in read_plain(app)
    press(app, "Train")
    (made,) = list_predictions(workspace)
    assert (made.name, made.kind, made.state) == ("Next order", "purchase", PredictionState.WAITING)
    assert made.definition.excluded_events == ("Newsletter Opened",)
    assert [bar.proto.text for bar in app.get("progress")] == ["Waiting to start"]
    assert "Left out: Newsletter Opened." in read_plain(app)
    assert "people are scored every day." in read_plain(app)

    ready = run_job(workspace, made.id)
    assert ready.report["read"] == count_messages(workspace) - ready.report["sent"]
    app = visit(PAGE, prediction=made.id)
    assert "green-badge[Ready]" in read(app)
    assert f"{ready.report['quality']} quality" in read_plain(app)
    weights = read_table(visit(PAGE, prediction=made.id, view="weights"), "Share")
    assert "Newsletter Opened" not in weights["Event or trait"].tolist()
    workspace.clock.advance(timedelta(hours=23))
    assert request_due_jobs(workspace) == 0
    workspace.clock.advance(timedelta(hours=1))
    assert request_due_jobs(workspace) == 1
    assert [(each.id, each.job) for each in list_pending(workspace)] == [(made.id, Job.SCORE)]


def test_where_the_baseline_won_the_page_says_so_and_shows_what_it_measured(visit, workspace, shop):
    report = {**shop.churn.report, "used": "baseline", "beats_baseline": False}
    with workspace.database.transaction() as connection:
        connection.execute(update(predictions).where(predictions.c.id == shop.churn.id).values(report=report))
    app = visit(PAGE, prediction=shop.churn.id)
    assert (
        "Gradient-boosted trees did not beat a plain regression on recency and frequency by more than chance, so the"
        " plain one is used."
    ) in read_plain(app)
    (auc,) = [metric.value for metric in app.metric if metric.label == "AUC"]
    assert auc == read_table(app, "Log loss").set_index("").loc["Plain baseline", "AUC"]


def test_a_form_without_an_event_says_what_is_missing(visit, workspace):
    app = visit(PAGE, new="churn")
    press(app, "Check requirements")
    assert "No event is chosen." in read_plain(app)
