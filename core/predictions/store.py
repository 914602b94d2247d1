"""The predictions of a space: made, listed, trained again, deleted, each change in the audit trail.

A prediction cannot be edited, only made anew: scores of two definitions under one name would mean two things. How many
there may be is decided above (`core.setup.entitlements`). The scores of a deleted one stay on the profiles as traits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import IllegalTransition, InvalidField, NotFound, RunInProgress
from core.ids import new_id
from core.predictions.prediction import (
    SCORE_EVERY_DAYS,
    Job,
    Prediction,
    PredictionDefinition,
    PredictionKind,
    parse_definition,
    parse_name,
)
from core.profiles.predicted import AMOUNT_SUFFIX, list_predicted_keys
from core.sources.store import ensure_personas_source
from core.storage.lease import is_lease_held
from core.storage.tables import computed_traits, predictions
from core.workspaces.audit import record_change
from core.workspaces.spaces import connect_source, get_space
from core.workspaces.workspace import Workspace

Admit = Callable[[Connection], None]
"""Called inside the transaction that inserts; raising refuses the insert (the entitlements use it)."""


def create_prediction(
    workspace: Workspace,
    space_id: str,
    kind: str,
    document: Mapping[str, Any],
    *,
    name: str | None = None,
    score_every_days: int = SCORE_EVERY_DAYS[0],
    admit: Admit | None = None,
) -> Prediction:
    """Make a prediction and have it trained.

    Callers that a person drives use `core.setup.entitled`, which keeps the limit (W121) and checks the requirements.

    Args:
        workspace: Where.
        space_id: Whose people.
        kind: One of `PredictionKind`.
        document: The definition, as `parse_definition` reads it.
        name: What it is called; the kind's label unless given. The trait's key is made of it.
        score_every_days: 7, or 1.
        admit: Refuses by raising.

    Raises:
        MissingField, InvalidField: The definition cannot be used, or the name is taken.
    """
    definition = parse_definition(kind, dict(document))
    shown, key = parse_name(kind, name)
    if score_every_days not in SCORE_EVERY_DAYS:
        raise InvalidField(f"People cannot be scored every {score_every_days} days.", hint="Use 7, or 1.")
    space, now = get_space(workspace, space_id), workspace.now()
    prediction_id = new_id("prd", now)
    values: dict[str, Any] = {
        "id": prediction_id,
        "space_id": space_id,
        "kind": str(definition.kind),
        "name": shown,
        "key": key,
        "definition": definition.to_document(),
        "score_every_days": score_every_days,
    }
    try:
        with workspace.database.transaction() as connection:
            if admit is not None:
                admit(connection)
            _refuse_taken(connection, space_id, key)
            asked = {"job": Job.TRAIN, "as_of": now, "number": 1, "requested_at": now, "created_at": now}
            connection.execute(insert(predictions).values(**values, **asked, attempts=0, progress={}, report={}))
            record_change(connection, workspace, "created", "prediction", prediction_id, after=_describe(values))
    except IntegrityError as error:
        raise _taken(key) from error
    source = ensure_personas_source(workspace, space.id, space.name)
    connect_source(workspace, space.id, source.id)  # before anything is written, so that nothing has to be replayed
    return get_prediction(workspace, prediction_id)


def list_predictions(workspace: Workspace, space_id: str | None = None) -> list[Prediction]:
    """Return all predictions, or those of one space, oldest first."""
    query = select(*_COLUMNS).order_by(predictions.c.created_at, predictions.c.id)
    if space_id is not None:
        query = query.where(predictions.c.space_id == space_id)
    with workspace.database.reading() as connection:
        return [_to_prediction(row) for row in connection.execute(query)]


def get_prediction(workspace: Workspace, prediction_id: str) -> Prediction:
    """Return one prediction.

    Raises:
        NotFound: There is none with this id.
    """
    with workspace.database.reading() as connection:
        row = connection.execute(select(*_COLUMNS).where(predictions.c.id == prediction_id)).first()
    if row is None:
        raise NotFound(
            f"There is no prediction {prediction_id!r}.", hint="Reload the list; somebody may have deleted it."
        )
    return _to_prediction(row)


def request_job(workspace: Workspace, prediction_id: str, job: Job) -> Prediction:
    """Have a prediction trained or its people scored now; where that is asked already, nothing changes.

    Raises:
        NotFound: There is no such prediction.
        IllegalTransition: People shall be scored, and nothing was learned yet.
    """
    before = get_prediction(workspace, prediction_id)
    if job is Job.SCORE and before.trained_at is None:
        raise IllegalTransition(f"{before.name} was never trained.", hint="Train it first.")
    with workspace.database.transaction() as connection:
        if ask_for_job(connection, workspace.now(), prediction_id, job):
            record_change(connection, workspace, "started", "prediction", prediction_id, after={"job": str(job)})
    return get_prediction(workspace, prediction_id)


def ask_for_job(connection: Connection, now: datetime, prediction_id: str, job: Job) -> bool:
    """Ask for a job in the caller's transaction; False where one is asked for already."""
    table = predictions.c
    result = connection.execute(
        update(predictions)
        .where(table.id == prediction_id, table.job.is_(None))
        .values(job=job, as_of=now, number=table.number + 1, requested_at=now, started_at=None, attempts=0, progress={})
    )
    return bool(result.rowcount)


def delete_prediction(workspace: Workspace, prediction_id: str) -> None:
    """Delete a prediction; its scores stay on the profiles as traits, and in the log.

    Raises:
        NotFound: There is no such prediction.
        RunInProgress: It is being trained or scored.
    """
    prediction = get_prediction(workspace, prediction_id)
    if is_lease_held(workspace.database, lease_name(prediction.id)):
        raise RunInProgress(
            f"{prediction.name} is being worked on.", hint="Wait until it has finished, then delete it."
        )
    with workspace.database.transaction() as connection:
        if connection.execute(delete(predictions).where(predictions.c.id == prediction.id)).rowcount:
            before = {"name": prediction.name, "kind": str(prediction.kind), "key": prediction.key}
            record_change(connection, workspace, "deleted", "prediction", prediction.id, before=before)


def read_learned_text(workspace: Workspace, prediction_id: str) -> str | None:
    """Return what the training has learned; None before the first. Kept apart, because it is large."""
    with workspace.database.reading() as connection:
        query = select(predictions.c.learned).where(predictions.c.id == prediction_id)
        return connection.execute(query).scalar()


def list_unused_traits(workspace: Workspace, space_id: str) -> list[str]:
    """Return the keys that predictions and computed traits of the space write: they are made of the same events."""
    keys = [key for each in list_predictions(workspace, space_id) for key in (each.key, each.amount_key)]
    with workspace.database.reading() as connection:
        query = select(computed_traits.c.key).where(computed_traits.c.space_id == space_id)
        return keys + list(connection.execute(query).scalars())


def lease_name(prediction_id: str) -> str:
    """Return the name of the lease under which a prediction is worked on."""
    return f"prediction:{prediction_id}"


def _refuse_taken(connection: Connection, space_id: str, key: str) -> None:
    wanted = {key, f"{key}{AMOUNT_SUFFIX}"}
    query = select(computed_traits.c.key).where(computed_traits.c.space_id == space_id)
    if wanted & (list_predicted_keys(connection, space_id) | set(connection.execute(query).scalars())):
        raise _taken(key)


def _taken(key: str) -> InvalidField:
    return InvalidField(
        f"There is already a prediction or a computed trait with the key {key}.",
        hint="Give this one another name, or delete the other one first.",
    )


def _to_prediction(row: Row[Any]) -> Prediction:
    values = dict(row._mapping)
    definition: PredictionDefinition = parse_definition(values["kind"], values["definition"])
    kind, job = PredictionKind(values["kind"]), Job(values["job"]) if values["job"] else None
    return Prediction(**{**values, "kind": kind, "definition": definition, "job": job})


def _describe(values: Mapping[str, Any]) -> dict[str, object]:
    return {name: values[name] for name in ("name", "kind", "key", "definition", "score_every_days")}


_COLUMNS: Sequence[Any] = tuple(column for column in predictions.c if column.name != "learned")
