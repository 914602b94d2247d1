"""The prediction: how likely a customer is to do something, or what they will spend, learned from the event log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.errors import InvalidField, MissingField
from core.ids import snake_case
from core.profiles.predicted import AMOUNT_SUFFIX
from core.traits.conditions import Condition, parse_condition

WINDOWS_DAYS = (15, 30, 60, 90, 120)
MAX_TARGETS = 2
MAX_MINIMUM = 1_000
MAX_NAME_CHARS = 80
MAX_EXCLUDED = 200
SCORE_EVERY_DAYS = (7, 1)
"""As a rule, and on request."""
DEFAULT_CURRENCY = "USD"


class PredictionKind(StrEnum):
    """What is predicted."""

    CHURN = "churn"
    LIFETIME_VALUE = "lifetime_value"
    PURCHASE = "purchase"
    CUSTOM_GOAL = "custom_goal"


class PredictionState(StrEnum):
    """How far a prediction has come; one that is not set up is no prediction yet (W70)."""

    WAITING = "waiting"
    IN_PROGRESS = "in_progress"
    READY = "ready"
    FAILED = "failed"


class Job(StrEnum):
    """What is to be done for a prediction now."""

    TRAIN = "train"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class KindDefinition:
    """One kind as it is offered: its name, what it answers, its window and event until a person changes them."""

    kind: PredictionKind
    label: str
    question: str
    window_days: int
    event: str
    is_recommended: bool = False


KINDS = (
    KindDefinition(
        PredictionKind.CHURN,
        "Likelihood to Churn",
        "Which of the customers who are active now will stop?",
        30,
        "",
        is_recommended=True,
    ),
    KindDefinition(
        PredictionKind.LIFETIME_VALUE,
        "Predicted Lifetime Value",
        "What will each customer who bought twice spend next?",
        120,
        "Order Completed",
        is_recommended=True,
    ),
    KindDefinition(
        PredictionKind.PURCHASE, "Likelihood to Purchase", "Who will buy in the coming days?", 30, "Order Completed"
    ),
    KindDefinition(
        PredictionKind.CUSTOM_GOAL, "Custom Predictive Goal", "Who will do what you name in the coming days?", 30, ""
    ),
)


def get_kind(kind: str) -> KindDefinition:
    """Return the kind with this key.

    Raises:
        InvalidField: There is none; the hint lists them.
    """
    for definition in KINDS:
        if definition.kind == kind:
            return definition
    raise InvalidField(f"There is no prediction of the kind {kind!r}.", hint=f"Use one of {', '.join(PredictionKind)}.")


@dataclass(frozen=True, slots=True)
class TargetEvent:
    """A track event that counts as the target, where its property meets the condition."""

    event: str
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class PredictionDefinition:
    """What is predicted, and from what.

    Attributes:
        kind: Of the four.
        window_days: How far ahead; for churn also how far back somebody counts as active.
        targets: One or two events; either of them counts.
        performs: Only for churn: whether doing the event is churn; else not doing it is.
        minimum: Only for churn: how often the event is done at least.
        amount_property: Only for the lifetime value: the property that holds the amount.
        currency: Only for the lifetime value: amounts that say another one are left out.
        excluded_events: Events that shall teach nothing.
        excluded_traits: Keys of traits that shall teach nothing.
    """

    kind: PredictionKind
    window_days: int
    targets: tuple[TargetEvent, ...]
    performs: bool = False
    minimum: int = 1
    amount_property: str | None = None
    currency: str = DEFAULT_CURRENCY
    excluded_events: tuple[str, ...] = ()
    excluded_traits: tuple[str, ...] = ()

    @property
    def target_label(self) -> str:
        """The target events for a sentence, such as `“Order Completed” or “Trial Started”`."""
        return " or ".join(f"“{target.event}”" for target in self.targets)

    def to_document(self) -> dict[str, object]:
        """Return the definition as plain JSON; `parse_definition` reads it."""
        return {
            "window_days": self.window_days,
            "targets": [_to_document(target) for target in self.targets],
            "performs": self.performs,
            "minimum": self.minimum,
            "amount_property": self.amount_property,
            "currency": self.currency,
            "excluded_events": list(self.excluded_events),
            "excluded_traits": list(self.excluded_traits),
        }


@dataclass(frozen=True, slots=True)
class Prediction:
    """One prediction of a space.

    Attributes:
        key: The trait that holds each person's score.
        job: What is to be done or being done; None while nothing is.
        as_of: The moment that the job looks from: what happened later is not known to it.
        number: Grows with each job; names its messages, so that a job done twice sends nothing twice.
        attempts: How often the job has been started.
        progress: What the job is doing: `step` in words, `done` and `total`; or why it was put off, `problem`, and
            until when, `again_at`.
        report: What training and scoring found, see `core.predictions.training` and `run`; empty before the first.
        error: Why the last job failed, as `CoreError.to_dict` has it.
        score_every_days: 7, or 1 on request.
    """

    id: str
    space_id: str
    kind: PredictionKind
    name: str
    key: str
    definition: PredictionDefinition
    job: Job | None
    as_of: datetime | None
    number: int
    requested_at: datetime | None
    started_at: datetime | None
    attempts: int
    progress: dict[str, Any]
    report: dict[str, Any]
    error: dict[str, Any] | None
    score_every_days: int
    created_at: datetime
    trained_at: datetime | None
    scored_at: datetime | None
    retrain_at: datetime | None
    rescore_at: datetime | None

    @property
    def state(self) -> PredictionState:
        """How far it has come. One that is trained stays ready while it is trained or scored again."""
        if self.job is Job.TRAIN and (self.trained_at is None or self.error is not None):
            return PredictionState.WAITING if self.started_at is None else PredictionState.IN_PROGRESS
        return PredictionState.READY if self.error is None and self.trained_at else PredictionState.FAILED

    @property
    def amount_key(self) -> str:
        """The trait that holds the expected amount of a lifetime value."""
        return f"{self.key}{AMOUNT_SUFFIX}"


def parse_definition(kind: str, document: dict[str, Any]) -> PredictionDefinition:
    """Return the definition that `document` describes.

    Raises:
        MissingField: An event or the amount's property is missing.
        InvalidField: Something cannot be used; the hint says what can.
    """
    offered = get_kind(kind)
    window = document.get("window_days", offered.window_days)
    if window not in WINDOWS_DAYS:
        raise InvalidField(
            f"The window cannot be {window!r} days.", hint=f"Use one of {', '.join(map(str, WINDOWS_DAYS))}."
        )
    amount = document.get("amount_property")
    if offered.kind is PredictionKind.LIFETIME_VALUE and not (isinstance(amount, str) and amount.strip()):
        raise MissingField(
            "The property that holds the amount is missing.", hint="Name it, for example revenue or total."
        )
    return PredictionDefinition(
        offered.kind,
        window,
        _parse_targets(document.get("targets")),
        performs=document.get("performs") is True,
        minimum=_parse_minimum(document.get("minimum", 1)),
        amount_property=amount.strip() if isinstance(amount, str) and amount.strip() else None,
        currency=_parse_currency(document.get("currency", DEFAULT_CURRENCY)),
        excluded_events=_parse_names(document.get("excluded_events", ())),
        excluded_traits=_parse_names(document.get("excluded_traits", ())),
    )


def parse_name(kind: str, name: str | None) -> tuple[str, str]:
    """Return name and trait key: as typed, or those of the kind.

    Raises:
        InvalidField: The name is too long, or has no letter or digit to make a key of.
    """
    shown = (name or "").strip() or get_kind(kind).label
    if len(shown) > MAX_NAME_CHARS or not snake_case(shown):
        raise InvalidField(
            "The prediction cannot have this name.",
            hint=f"Use up to {MAX_NAME_CHARS} characters, letters or digits among them.",
        )
    return shown, snake_case(shown)


def _parse_targets(documents: object) -> tuple[TargetEvent, ...]:
    found = [_parse_target(each) for each in documents] if isinstance(documents, list | tuple) else []
    if not found:
        raise MissingField("No event is chosen.", hint="Choose the event that is predicted.")
    if len(found) > MAX_TARGETS:
        raise InvalidField(f"{len(found)} events are chosen.", hint=f"Choose at most {MAX_TARGETS}.")
    if len({target.event for target in found}) < len(found):
        raise InvalidField("The same event is chosen twice.", hint="Choose each event once.")
    return tuple(found)


def _parse_target(document: object) -> TargetEvent:
    document = document if isinstance(document, dict) else {"event": document}
    event = document.get("event")
    if not isinstance(event, str) or not event.strip():
        raise MissingField("No event is chosen.", hint="Choose the event that is predicted.")
    return TargetEvent(event.strip(), parse_condition(document) if document.get("property") else None)


def _parse_minimum(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_MINIMUM:
        raise InvalidField(
            f"An event cannot be done at least {value!r} times.", hint=f"Use a whole number from 1 to {MAX_MINIMUM:,}."
        )
    return value


def _parse_currency(value: object) -> str:
    text = str(value).strip().upper()
    if len(text) != 3 or not text.isascii() or not text.isalpha():
        raise InvalidField(f"{value!r} is no currency.", hint="Use three letters, such as USD or EUR.")
    return text


def _parse_names(values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or len(values) > MAX_EXCLUDED:
        raise InvalidField("What is left out cannot be read.", hint=f"List up to {MAX_EXCLUDED} names.")
    return tuple(dict.fromkeys(str(value).strip() for value in values if str(value).strip()))


def _to_document(target: TargetEvent) -> dict[str, object]:
    found: dict[str, object] = {"event": target.event}
    if target.condition is not None:
        found |= {
            "property": target.condition.property,
            "operator": target.condition.operator,
            "value": target.condition.value,
        }
    return found
