"""Scores on their way to profiles: one identify message for each person whose score has changed.

They go the one way into a profile, through the event log, so a rebuild restores them, and each leads back to a message
with the probability and the reasons. A message's id is made of prediction, job and profile: a job done twice, after a
kill, adds nothing. Who is not asked about any more has the score taken away.

Source: Segment documentation, Unify, Predictions: the output is an identify call with `context.personas`
(spec/profiles.md, sections 2.2 and 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import Connection, select

from core.clock import to_iso
from core.events.event_log import LogEntry, open_event_log
from core.events.message import to_log_entry
from core.ids import derived_id
from core.predictions.facts import ANONYMOUS_TYPES
from core.predictions.learned import Scores
from core.predictions.prediction import Prediction, PredictionKind
from core.predictions.reasons import Reason
from core.profiles.lookup import read_identifiers
from core.storage.tables import profiles
from core.workspaces.workspace import Workspace

COMPUTATION_CLASS = "prediction"
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class PersonScore:
    """What is said of one profile. Without a share the profile is not asked about any more."""

    profile_id: str
    share: float | None
    value: float | None
    reasons: Sequence[Reason] = ()


Explain = Callable[[Sequence[int]], Iterator[list[Reason]]]
"""Gives the reasons of each of some people, by their numbers."""


def list_changes(
    workspace: Workspace,
    prediction: Prediction,
    scores: Scores,
    profile_ids: Sequence[str],
    explain: Explain,
    *,
    is_new: bool,
) -> Iterator[PersonScore]:
    """Yield what has to be sent: the scores that have changed, with their reasons, and those to take away.

    Args:
        workspace: Where.
        prediction: Whose scores.
        scores: Everybody who is asked about.
        profile_ids: The profile of each person.
        explain: Asked only about those whose score is sent.
        is_new: Whether this follows a training: then everybody's score is sent, with its reasons of today.
    """
    before = _read_current(workspace, prediction)
    places = [
        place
        for place, (person, share) in enumerate(zip(scores.people, scores.shares, strict=True))
        if is_new or before.get(profile_ids[person]) != share
    ]
    for place, reasons in zip(places, explain([int(scores.people[place]) for place in places]), strict=True):
        profile_id = profile_ids[scores.people[place]]
        yield PersonScore(profile_id, float(scores.shares[place]), float(scores.values[place]), reasons)
    asked = {profile_ids[person] for person in scores.people}
    yield from (
        PersonScore(profile_id, None, None)
        for profile_id, share in before.items()
        if share is not None and profile_id not in asked
    )


def send_scores(workspace: Workspace, prediction: Prediction, source_id: str, changes: Iterator[PersonScore]) -> int:
    """Write the changes to the event log, and return how many messages that are. O(changes)."""
    log, sent = open_event_log(workspace), 0
    while part := list(islice(changes, _AT_ONCE)):
        entries = list(_compose(workspace, prediction, source_id, part))
        log.append(entries)
        sent += len(entries)
    return sent


def _read_current(workspace: Workspace, prediction: Prediction) -> Mapping[str, float | None]:
    """Return the score that each profile has now."""
    found: dict[str, float | None] = {}
    query = select(profiles.c.id, profiles.c.traits).where(
        profiles.c.space_id == prediction.space_id,
        profiles.c.merged_into.is_(None),
        profiles.c.traits.contains(f'"{prediction.key}":', autoescape=True),
    )
    with workspace.database.reading() as connection:
        for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)):
            entry = orjson.loads(row.traits).get(prediction.key)
            if entry is not None:
                found[row.id] = entry[0]
    return found


def _compose(
    workspace: Workspace, prediction: Prediction, source_id: str, part: Sequence[PersonScore]
) -> Iterable[LogEntry]:
    with workspace.database.reading() as connection:
        names = _read_names(connection, prediction.space_id, [each.profile_id for each in part])
    now = workspace.now()
    for each in part:
        if each.profile_id in names:  # who was merged or deleted meanwhile has none
            yield to_log_entry(source_id, _make_message(prediction, each, names[each.profile_id]), now)


def _read_names(connection: Connection, space_id: str, profile_ids: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    """Return for each profile the identifier that names it: of the first priority, and the one seen first of it."""
    names = {}
    for profile_id, known in read_identifiers(connection, space_id, profile_ids).items():
        named = next((each for each in known if each.type not in ANONYMOUS_TYPES), None)
        if named is not None:
            names[profile_id] = (named.type, named.value)
    return names


def _make_message(prediction: Prediction, score: PersonScore, name: tuple[str, str]) -> dict[str, Any]:
    type_, value = name
    who: dict[str, Any] = {"userId": value} if type_ == "user_id" else {}
    external = [] if who else [{"type": type_, "id": value, "collection": "users", "encoding": "none"}]
    traits: dict[str, object] = {prediction.key: score.share}
    if prediction.kind is PredictionKind.LIFETIME_VALUE:
        traits[prediction.amount_key] = None if score.value is None else round(score.value, 2)
    context: dict[str, object] = {
        "personas": {
            "computation_class": COMPUTATION_CLASS,
            "computation_id": prediction.id,
            "computation_key": prediction.key,
            "namespace": prediction.space_id,
            "space_id": prediction.space_id,
        },
        "prediction": _describe(prediction, score),
    }
    if external:
        context["externalIds"] = external
    at = to_iso(prediction.as_of) if prediction.as_of else None
    return {
        "type": "identify",
        "messageId": derived_id("prd", prediction.id, str(prediction.number), score.profile_id),
        **who,
        "traits": traits,
        "context": context,
        "timestamp": at,
    }


def _describe(prediction: Prediction, score: PersonScore) -> dict[str, object]:
    if score.share is None:
        return {"name": prediction.name, "is_gone": True}
    is_amount = prediction.kind is PredictionKind.LIFETIME_VALUE
    value = float(score.value or 0.0)
    return {
        "name": prediction.name,
        "amount" if is_amount else "probability": round(value, 2 if is_amount else 4),
        "window_days": prediction.definition.window_days,
        "reasons": [{"text": each.sentence, "raises": each.raises} for each in score.reasons],
    }
