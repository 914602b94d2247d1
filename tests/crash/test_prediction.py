"""A training is killed with SIGKILL while it works: the next worker starts it again, and nothing is sent twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from sqlalchemy import update

from core.clock import SystemClock
from core.events.event_log import open_event_log
from core.predictions.prediction import Job, PredictionState
from core.predictions.store import get_prediction, lease_name, request_job
from core.profiles.lookup import get_profile
from core.sources.store import list_sources
from core.storage.lease import is_lease_held
from core.storage.tables import predictions
from core.worker import Worker
from tests.conftest import NOW
from tests.emulators.process import ROOT
from tests.shop import Shop, open_copy

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("shop")]
PATIENCE_S = 60.0


def test_a_killed_training_is_started_again_and_its_scores_are_sent_once(shop: Shop, tmp_path: Path) -> None:
    with open_copy(shop.home, tmp_path / "home", SystemClock()) as workspace:
        with workspace.database.transaction() as connection:  # of two, one is enough
            connection.execute(predictions.delete().where(predictions.c.id == shop.value.id))
        number = request_job(workspace, shop.churn.id, Job.TRAIN).number
        with workspace.database.transaction() as connection:
            connection.execute(update(predictions).values(as_of=NOW))  # the shop's last order is days old by now
        command = [sys.executable, "-m", "core.predictions.process", str(workspace.home.root), shop.churn.id]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
            deadline = time.monotonic() + PATIENCE_S
            while not get_prediction(workspace, shop.churn.id).progress and time.monotonic() < deadline:
                time.sleep(0.002)
            os.kill(process.pid, signal.SIGKILL)
        killed = get_prediction(workspace, shop.churn.id)
        assert killed.job is Job.TRAIN
        assert not is_lease_held(workspace.database, lease_name(killed.id)), "its holder is gone"

        report = Worker(workspace).run_once()

        done = get_prediction(workspace, shop.churn.id)
        assert report.failures == ()
        assert (done.job, done.state, done.number) == (None, PredictionState.READY, number)
        assert done.attempts == killed.attempts + 1
        (source,) = list_sources(workspace, kind="personas")
        events = open_event_log(workspace).read(0, 100_000)
        bodies = [orjson.loads(event.body) for event in events if event.source_id == source.id]
        mine = [body for body in bodies if body["context"]["personas"]["computation_id"] == done.id]
        assert len(mine) == 2 * done.report["scored"], "once for the first training, once for this one"
        best = get_profile(workspace, shop.space_id, done.report["people"][0])
        (trait,) = [trait for trait in best.traits if trait.key == done.key]
        assert trait.value == 1.0
        assert trait.origin.message_id == next(
            body["messageId"] for body in reversed(mine) if body["userId"] == shop.truth[best.id].user_id
        )
