"""The work on predictions: what is due, and one job from its start to its end, under a lease.

A job is a row that says what to do and from which moment to look. Whoever does it holds the prediction's lease; a
process that is killed leaves the row, and the next worker starts the job again: from the same moment, with the same ids
for what it sends. Scores go into the log first and are noted on the row afterwards, so nothing is lost between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from core.clock import to_iso
from core.errors import CoreError, InternalError, PredictionOutOfDate
from core.events.message import parse_time
from core.incidents import report_incident
from core.predictions.choices import count_messages
from core.predictions.evaluation import find_edges, measure_drift, share_bins
from core.predictions.facts import Facts, open_facts
from core.predictions.learned import Learned, Scores, read_learned
from core.predictions.prediction import Job, Prediction
from core.predictions.requirements import require_fresh
from core.predictions.scores import list_changes, send_scores
from core.predictions.store import (
    ask_for_job,
    get_prediction,
    lease_name,
    list_predictions,
    list_unused_traits,
    read_learned_text,
)
from core.predictions.training import make_words, train
from core.sources.store import ensure_personas_source
from core.storage.lease import Lease, hold_lease, is_lease_held, require_lease
from core.storage.tables import predictions
from core.workspaces.spaces import get_space
from core.workspaces.workspace import Workspace

RETRAIN_DAYS = 30
MAX_ATTEMPTS = 3
TRY_AGAIN_S = 60.0
"""After a process that ended before its job: what ended it seldom passes within seconds."""
MAX_HISTORY = 60
SAMPLE = 12
STEPS = {Job.TRAIN: 10, Job.SCORE: 6}
"""How many steps a job tells of, for its progress."""


Told = Callable[[str], None]


def request_due_jobs(workspace: Workspace) -> int:
    """Ask for what is due: training every 30 days, scoring every 7 or every day. Returns how many jobs."""
    now, asked = workspace.now(), 0
    for prediction in list_predictions(workspace):
        job = _find_due(prediction, now)
        if job is not None:
            with workspace.database.transaction() as connection:
                asked += ask_for_job(connection, now, prediction.id, job)
    return asked


def list_pending(workspace: Workspace) -> list[Prediction]:
    """Return the predictions with a job that nobody is doing or has put off, those asked for first at the front."""
    now = workspace.now()
    waiting = [each for each in list_predictions(workspace) if each.job is not None and not _is_put_off(each, now)]
    waiting.sort(key=lambda each: (each.requested_at or each.created_at, each.id))
    return [each for each in waiting if not is_lease_held(workspace.database, lease_name(each.id))]


def run_job(workspace: Workspace, prediction_id: str, tell: Told = lambda _: None) -> Prediction:
    """Do what is asked for a prediction, and return it. Its failure is written on it, and raised.

    Args:
        workspace: Where.
        prediction_id: Which; where nothing is asked, nothing is done.
        tell: Told each step.

    Raises:
        RunInProgress: Another process is at it.
        PredictionError: It cannot be made; the prediction says why.
    """
    with hold_lease(workspace.database, lease_name(prediction_id)) as lease:
        prediction = get_prediction(workspace, prediction_id)
        if prediction.job is None or not _start(workspace, lease, prediction):
            return get_prediction(workspace, prediction_id)
        steps = _Steps(workspace, prediction.id, STEPS[prediction.job], tell)
        try:
            _do(workspace, lease, prediction, steps)
        except CoreError as error:
            if not error.retryable:
                _fail(workspace, lease, prediction, error)
            else:  # a full disk is no fault of the prediction: the next worker tries again
                with suppress(CoreError):
                    give_back_attempt(workspace, prediction.id)
            raise
        except Exception as error:  # whatever it was, the prediction must say that it failed, and how to find out
            problem = report_incident(error, workspace.now(), f"working on {prediction.name}")
            _fail(workspace, lease, prediction, problem)
            raise problem from error
        return get_prediction(workspace, prediction_id)


def give_back_attempt(workspace: Workspace, prediction_id: str) -> None:
    """Have a start not counted that ended by no fault of the prediction, such as a worker that stops."""
    where = (predictions.c.id == prediction_id) & (predictions.c.attempts > 0)
    with workspace.database.transaction() as connection:
        connection.execute(update(predictions).where(where).values(attempts=predictions.c.attempts - 1))


def put_off(workspace: Workspace, before: Prediction, problem: str, *, is_counted: bool = True) -> None:
    """Have a job tried again later whose process ended before it; the third time it has failed.

    Args:
        workspace: Where.
        before: The prediction as it was when the process was started.
        problem: How the process ended, after a colon and before a full stop.
        is_counted: Whether the job itself may be the reason.

    Raises:
        RunInProgress: Another process is at it.
        InternalError: It was put off, or has failed.
    """
    with hold_lease(workspace.database, lease_name(before.id)) as lease:
        now = get_prediction(workspace, before.id)
        if now.job is None or now.number != before.number:
            return  # its failure is written, or a person has asked anew
        attempts = max(now.attempts, before.attempts + 1) if is_counted else before.attempts
        died = _make_death(now, attempts, problem)
        if attempts >= MAX_ATTEMPTS:
            _fail(workspace, lease, now, died)
        else:
            again_at = to_iso(workspace.now() + timedelta(seconds=TRY_AGAIN_S))
            waiting = {"problem": problem, "again_at": again_at}
            _write(workspace, lease, now, started_at=None, attempts=attempts, progress=waiting)
    raise died


def _is_put_off(prediction: Prediction, now: datetime) -> bool:
    again_at = parse_time(prediction.progress.get("again_at"))
    return again_at is not None and again_at > now


def _make_death(prediction: Prediction, attempts: int, problem: str) -> InternalError:
    times = "once" if attempts == 1 else f"{attempts} times"
    return InternalError(
        f"{prediction.name} was started {times} and did not come to its end: {problem}.",
        code="prediction_interrupted",
        hint="The machine may be short of memory, or the installation may be damaged. Mend it, then press Try again.",
    )


class _Steps:
    """Writes on the row which step the job is at."""

    def __init__(self, workspace: Workspace, prediction_id: str, total: int, tell: Told) -> None:
        self._workspace, self._prediction_id, self._tell = workspace, prediction_id, tell
        self._done, self._total = 0, total

    def __call__(self, step: str) -> None:
        self._tell(step)
        progress = {"step": step, "done": self._done, "total": self._total}
        self._done = min(self._done + 1, self._total)
        with self._workspace.database.transaction() as connection:
            where = predictions.c.id == self._prediction_id
            connection.execute(update(predictions).where(where).values(progress=progress))


def _find_due(prediction: Prediction, now: datetime) -> Job | None:
    if prediction.job is not None or prediction.trained_at is None:
        return None
    if prediction.retrain_at is not None and prediction.retrain_at <= now:
        return Job.TRAIN
    return Job.SCORE if prediction.rescore_at is not None and prediction.rescore_at <= now else None


def _start(workspace: Workspace, lease: Lease, prediction: Prediction) -> bool:
    """Note that the job has been started; False where it has died too often."""
    if prediction.attempts >= MAX_ATTEMPTS:
        died = _make_death(prediction, prediction.attempts, "whatever worked on it was ended")
        _fail(workspace, lease, prediction, died)
        return False
    _write(workspace, lease, prediction, started_at=workspace.now(), attempts=prediction.attempts + 1)
    return True


def _do(workspace: Workspace, lease: Lease, prediction: Prediction, tell: Told) -> None:
    as_of, started, messages = prediction.as_of or workspace.now(), workspace.now(), count_messages(workspace)
    source = ensure_personas_source(workspace, prediction.space_id, get_space(workspace, prediction.space_id).name)
    with open_facts(workspace, prediction.space_id, prediction.definition, as_of, tell) as facts:
        learned, report = _learn(workspace, lease, prediction, facts, tell)
        tell("scoring everybody")
        scores = learned.score(facts, prediction.definition)
        is_training = prediction.job is Job.TRAIN
        report |= _describe_scores(report, scores, facts.profile_ids, as_of, is_training=is_training)
        tell("writing scores to the event log")
        words = make_words(prediction.definition)
        changes = list_changes(
            workspace,
            prediction,
            scores,
            facts.profile_ids,
            lambda people: learned.explain(facts, scores, people, words),
            is_new=is_training,
        )
        report["sent"] = send_scores(workspace, prediction, source.id, changes)
    if is_training:
        took_s = round((workspace.now() - started).total_seconds(), 1)
        report |= {"took_s": took_s, "read": messages}
    times = {"trained_at": workspace.now(), "retrain_at": as_of + timedelta(days=RETRAIN_DAYS)} if is_training else {}
    _write(
        workspace,
        lease,
        prediction,
        job=None,
        progress={},
        error=None,
        report=report,
        scored_at=workspace.now(),
        rescore_at=as_of + timedelta(days=prediction.score_every_days),
        **times,
    )


def _learn(
    workspace: Workspace, lease: Lease, prediction: Prediction, facts: Facts, tell: Told
) -> tuple[Learned, dict[str, Any]]:
    """Return what was learned, now or by the last training, and the report so far."""
    kept = read_learned_text(workspace, prediction.id)
    if prediction.job is Job.TRAIN or kept is None:
        trained = train(facts, prediction.definition, list_unused_traits(workspace, prediction.space_id), tell)
        report = {**trained.report, "history": prediction.report.get("history", [])}
        _write(workspace, lease, prediction, learned=trained.learned.to_text())
        return trained.learned, report
    require_fresh(facts, prediction.definition)
    return read_learned(kept), dict(prediction.report)


def _describe_scores(
    report: dict[str, Any], scores: Scores, profile_ids: Sequence[str], as_of: datetime, *, is_training: bool
) -> dict[str, Any]:
    """Return what is kept of the scores: how they are spread, how far they have drifted, and some people."""
    if not len(scores.values):
        raise PredictionOutOfDate(
            "There is nobody to score: no known customer is active any more.",
            code="nobody_to_score",
            hint="See in the event debugger whether events still come.",
        )
    edges = find_edges(scores.values) if is_training else report["edges"]
    shares = share_bins(scores.values, edges)
    drift = 0.0 if is_training else measure_drift(report["shares"], shares)
    entry = {"at": to_iso(as_of), "drift": drift, "mean": float(scores.values.mean()), "people": len(scores.people)}
    highest = scores.people[(-scores.values).argsort(kind="stable")[:SAMPLE]]
    return {
        "edges": edges,
        "shares": shares if is_training else report["shares"],
        "scored": len(scores.people),
        "drift": drift,
        "history": [*report.get("history", []), {**entry, "is_training": is_training}][-MAX_HISTORY:],
        "people": [profile_ids[person] for person in highest],
    }


def _fail(workspace: Workspace, lease: Lease, prediction: Prediction, error: CoreError) -> None:
    _write(workspace, lease, prediction, job=None, progress={}, error=error.to_dict(), retrain_at=None, rescore_at=None)


def _write(workspace: Workspace, lease: Lease, prediction: Prediction, **values: Any) -> None:
    with workspace.database.transaction() as connection:
        require_lease(connection, lease)
        _require_row(connection, prediction)
        connection.execute(update(predictions).where(predictions.c.id == prediction.id).values(**values))


def _require_row(connection: Connection, prediction: Prediction) -> None:
    if connection.execute(select(predictions.c.id).where(predictions.c.id == prediction.id)).first() is None:
        raise PredictionOutOfDate(
            f"{prediction.name} was deleted while it was worked on.", code="prediction_deleted", hint="Make it anew."
        )
