"""The process that does a job: where it ends before the job does, the prediction says how and is tried again later."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.predictions.prediction import Job, PredictionState
from core.predictions.run import list_pending
from core.predictions.store import create_prediction, get_prediction, request_job
from core.worker import Worker
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import open_workspace
from tests.conftest import NOW
from tests.shop import CHURN

BROKEN = "raise ImportError('password=hunter2 is no reason, libz is')"
KILLED = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out"


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (BROKEN, "its process ended with status 1: ImportError: password=[hidden] is no reason, libz is"),
        (KILLED, "its process was killed, as the system does when memory runs out"),
    ],
)
def test_a_process_that_ends_at_once_is_tried_again_after_a_minute_and_fails_the_third_time(
    module: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FixedClock(NOW)
    workspace = open_workspace(str(tmp_path / "home"), clock=clock)
    made = create_prediction(workspace, ensure_space(workspace).id, "churn", CHURN)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sqlalchemy.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))

    for attempt in (1, 2):
        assert len(Worker(workspace).run_once().failures) == 1
        waiting = get_prediction(workspace, made.id)
        assert (waiting.state, waiting.attempts) == (PredictionState.WAITING, attempt)
        assert waiting.progress["problem"] == says
        assert Worker(workspace).run_once().failures == (), "nothing is tried within the minute"
        clock.advance(timedelta(seconds=61))
    Worker(workspace).run_once()

    failed = get_prediction(workspace, made.id)
    assert failed.state is PredictionState.FAILED
    assert failed.error is not None
    assert failed.error["message"] == f"Likelihood to Churn was started 3 times and did not come to its end: {says}."
    assert list_pending(workspace) == []

    assert request_job(workspace, made.id, Job.TRAIN).attempts == 0
    assert [each.id for each in list_pending(workspace)] == [made.id]
    workspace.close()
