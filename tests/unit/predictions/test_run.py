from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import orjson
import pytest
from sqlalchemy import select, update

from core.clock import FixedClock, to_iso
from core.errors import PredictionOutOfDate
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.predictions.evaluation import measure_auc, measure_rank_correlation
from core.predictions.learned import read_learned
from core.predictions.learners import Calibrator, Regression
from core.predictions.prediction import Job, PredictionState
from core.predictions.run import list_pending, request_due_jobs, run_job
from core.predictions.store import create_prediction, get_prediction, read_learned_text, request_job
from core.profiles.build import ProfileBuilder, rebuild
from core.profiles.lookup import get_profile
from core.storage.tables import predictions, profiles
from core.traits.engine import ComputedTraitEngine
from core.workspaces.workspace import Workspace
from tests.conftest import NOW
from tests.feeding import SOURCE
from tests.past import Past
from tests.shop import CHURN, Shop, open_copy

pytestmark = pytest.mark.xdist_group("shop")  # so that it is made once


def read_trait(workspace: Workspace, space_id: str, key: str) -> dict[str, Any]:
    query = select(profiles.c.id, profiles.c.traits).where(profiles.c.space_id == space_id)
    with workspace.database.reading() as connection:
        found = {row.id: orjson.loads(row.traits).get(key) for row in connection.execute(query)}
    return {id_: entry[0] for id_, entry in found.items() if entry is not None}


def build(workspace: Workspace, space_id: str) -> None:
    ProfileBuilder(workspace, space_id, ComputedTraitEngine()).build()


def test_scores_of_churn_rank_who_has_really_left(shop: Shop) -> None:
    scores = read_trait(shop.workspace, shop.space_id, "likelihood_to_churn")
    gone = np.array([float(shop.truth[id_].has_left(NOW)) for id_ in scores])
    assert len(scores) > 250
    assert 10 < gone.sum() < len(gone) - 100
    assert measure_auc(np.array(list(scores.values())), gone) > 0.85


def test_predicted_lifetime_values_rank_what_people_will_really_spend(shop: Shop) -> None:
    amounts = read_trait(shop.workspace, shop.space_id, "predicted_lifetime_value_amount")
    expected = np.array([shop.truth[id_].expect_spending(NOW, 120) for id_ in amounts])
    assert len(amounts) > 500
    assert measure_rank_correlation(np.array(list(amounts.values())), expected) > 0.8


def test_a_score_is_the_share_of_people_placed_no_higher(shop: Shop) -> None:
    """spec/profiles.md 3: a percentile cohort from 0 to 1; 0.85 is the top 15 %."""
    shares = np.array(list(read_trait(shop.workspace, shop.space_id, "likelihood_to_churn").values()))
    assert shares.max() == 1.0
    assert abs((shares > 0.85).mean() - 0.15) < 0.02


def test_the_report_says_how_good_it_was_on_time_it_had_not_seen(shop: Shop) -> None:
    report = shop.churn.report
    assert report["used"] in ("trees", "baseline")
    used = report[report["used"]]
    assert 0.6 < used["auc"] <= 1
    assert used["log_loss"] < report["prior_log_loss"]
    assert used["lift"] > 1.3
    assert report["quality"] in ("Fair", "Good", "Excellent")
    assert sum(each["people"] for each in used["bins"]) == report["tested_on"]
    newest, *training = report["cut_offs"]
    assert all(cut_off + 30 * 86_400_000 <= newest for cut_off in training), "no training window reaches into the test"
    assert abs(sum(each["share"] for each in report["top"]) - 1) < 0.2
    assert shop.told[0] == "reading the event log"


def test_the_lifetime_value_is_compared_with_what_purchases_alone_let_expect(shop: Shop) -> None:
    report = shop.value.report
    assert report["baseline"]["rank_correlation"] > 0.4
    assert report["beats_baseline"] == (report["used"] == "trees")
    if report["beats_baseline"]:
        assert report["trees"]["mean_absolute_error"] < report["baseline"]["mean_absolute_error"]


def test_where_the_past_teaches_nothing_the_baseline_is_kept_and_the_quality_is_poor(workspace: Workspace) -> None:
    """Whether somebody orders in a window is a coin toss, whatever they did before: trees find nothing in it."""
    chance, past = Random(3), Past(workspace)
    for number in range(300):
        for window in range(5):
            past.send(window * 30 + chance.uniform(1, 29), "Product Viewed", userId=f"u{number}")
            if chance.random() < 0.5:
                past.send(window * 30 + chance.uniform(0.1, 29), userId=f"u{number}")
    past.build()
    made = create_prediction(workspace, past.feed.space_id, "purchase", CHURN)
    report = run_job(workspace, made.id).report
    assert (report["used"], report["beats_baseline"], report["quality"]) == ("baseline", False, "Poor")
    assert 0.4 < report["baseline"]["auc"] < 0.6
    assert report["trees"]["log_loss"] > report["baseline"]["log_loss"], "what they did is told beside it"
    assert {each["subject"] for each in report["top"]} <= {"target", "activity"}, "recency and frequency, nothing else"
    kept = read_learned(str(read_learned_text(workspace, made.id)))
    assert isinstance(kept.learner, Regression)
    assert kept.calibrator == Calibrator(), "a regression needs no curve"
    build(workspace, past.feed.space_id)
    shares = read_trait(workspace, past.feed.space_id, made.key)
    assert len(shares) == report["scored"] == 300


def test_each_score_leads_back_to_its_message_with_probability_and_reasons(shop: Shop) -> None:
    profile = get_profile(shop.workspace, shop.space_id, shop.churn.report["people"][0])
    (trait,) = [trait for trait in profile.traits if trait.key == "likelihood_to_churn"]
    assert "Likelihood to Churn" in trait.origin.sentence
    (event,) = open_event_log(shop.workspace).get_many([trait.origin.log_offset])
    said = orjson.loads(event.body)["context"]
    assert said["personas"] == {  # spec/profiles.md 2.2: the output event, with its five members
        "computation_class": "prediction",
        "computation_id": shop.churn.id,
        "computation_key": "likelihood_to_churn",
        "namespace": shop.space_id,
        "space_id": shop.space_id,
    }
    assert 0 < said["prediction"]["probability"] < 1
    assert 1 <= len(said["prediction"]["reasons"]) <= 3


def test_a_rebuild_from_the_log_restores_every_score(shop: Shop, tmp_path: Path) -> None:
    with open_copy(shop.home, tmp_path / "home") as workspace:
        before = read_trait(workspace, shop.space_id, "likelihood_to_churn")
        with workspace.database.transaction() as connection:
            connection.execute(update(profiles).values(traits="{}"))
        assert len(before) > 300 and read_trait(workspace, shop.space_id, "likelihood_to_churn") == {}
        rebuild(workspace, shop.space_id)
        build(workspace, shop.space_id)
        assert read_trait(workspace, shop.space_id, "likelihood_to_churn") == before


def test_people_are_scored_again_after_seven_days_and_only_changes_are_sent(shop: Shop, tmp_path: Path) -> None:
    clock = FixedClock(NOW)
    with open_copy(shop.home, tmp_path / "home", clock) as workspace:
        assert request_due_jobs(workspace) == 0
        order = {"type": "track", "event": "Order Completed", "userId": "customer-1", "messageId": "one-more"}
        at = NOW + timedelta(days=3)
        open_event_log(workspace).append([to_log_entry(SOURCE, {**order, "timestamp": to_iso(at)}, at)])
        build(workspace, shop.space_id)
        clock.advance(timedelta(days=7))
        assert request_due_jobs(workspace) == 2
        assert [each.job for each in list_pending(workspace)] == [Job.SCORE, Job.SCORE]
        assert get_prediction(workspace, shop.churn.id).state is PredictionState.READY, "the old scores still hold"
        before = read_trait(workspace, shop.space_id, "likelihood_to_churn")
        scored = run_job(workspace, shop.churn.id)
        build(workspace, shop.space_id)
        after = read_trait(workspace, shop.space_id, "likelihood_to_churn")
        assert [entry["is_training"] for entry in scored.report["history"]] == [True, False]
        assert scored.report["drift"] > 0
        assert scored.report["sent"] == sum(before.get(id_) != share for id_, share in after.items()) > 0
        gone = [id_ for id_, share in after.items() if share is None and before[id_] is not None]
        assert gone, "who did not order in the last 30 days any more has no score"


def test_scores_by_an_event_that_has_not_come_for_seven_days_fail_with_the_reason(shop: Shop, tmp_path: Path) -> None:
    """spec/profiles.md 3: fails when the event is no longer tracked, a gap of 7 continuous days."""
    clock = FixedClock(NOW)
    with open_copy(shop.home, tmp_path / "home", clock) as workspace:
        clock.advance(timedelta(days=9))
        request_due_jobs(workspace)
        with pytest.raises(PredictionOutOfDate, match=r"within the last 7 days; it last came 9\.0 days ago") as caught:
            run_job(workspace, shop.churn.id)
        assert caught.value.code == "event_not_tracked"
        failed = get_prediction(workspace, shop.churn.id)
        assert failed.state is PredictionState.FAILED
        assert failed.error is not None
        assert failed.error["code"] == "event_not_tracked"
        assert request_due_jobs(workspace) == 0, "what failed waits for a person"
        assert request_job(workspace, failed.id, Job.TRAIN).state is PredictionState.WAITING


def test_it_is_trained_again_after_thirty_days(shop: Shop, tmp_path: Path) -> None:
    clock = FixedClock(NOW)
    with open_copy(shop.home, tmp_path / "home", clock) as workspace:
        clock.advance(timedelta(days=30))
        request_due_jobs(workspace)
        assert {each.job for each in list_pending(workspace)} == {Job.TRAIN}


def test_a_job_whose_process_dies_three_times_fails_and_says_so(workspace: Workspace) -> None:
    from core.workspaces.spaces import ensure_space

    made = create_prediction(workspace, ensure_space(workspace).id, "churn", CHURN)
    assert made.state is PredictionState.WAITING
    with workspace.database.transaction() as connection:
        connection.execute(update(predictions).values(attempts=3, started_at=NOW))
    assert get_prediction(workspace, made.id).state is PredictionState.IN_PROGRESS
    died = run_job(workspace, made.id)
    assert died.state is PredictionState.FAILED
    assert died.error is not None
    assert died.error["code"] == "prediction_interrupted"
    assert list_pending(workspace) == []
