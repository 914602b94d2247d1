"""What an agent sees of the person who calls, on one card: who it is, predictions, traits, accounts, the last events.

Decisions where the specification is silent:
- What a person typed may mean a user id, an e-mail address or a phone number; where it means several people, all are
  named, and nobody is chosen.
- Text, numbers, yes and no are shown, and short lists of them; what is nested is left to the explorer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from core.clock import from_millis
from core.events.event_log import StoredEvent
from core.events.message import MessageType, read_timestamp_ms
from core.profiles.accounts import Account, list_accounts
from core.profiles.api_reads import find_person
from core.profiles.lookup import get_profile, list_profile_events
from core.profiles.predicted import AMOUNT_SUFFIX
from core.profiles.profile import Profile, ProfileTrait
from core.profiles.spelling import guess_identifiers
from core.traits.accounts import AccountTrait, choose_account_name, list_account_traits
from core.workspaces.workspace import Workspace

MAX_TRAITS = 12
MAX_ACCOUNTS = 3
MAX_ACCOUNT_TRAITS = 6
MAX_EVENTS = 8
MAX_PEOPLE = 10
_EVENTS_LOOKED_AT = 40
_MAX_CHARS = 160
_SHOWN_TYPES = (MessageType.TRACK, MessageType.PAGE, MessageType.SCREEN)
_TOLD_IN_PROPERTIES = ("direction", "channel", "reason", "subject", "total", "revenue", "status", "url", "path")
_IN_THE_HEAD = frozenset(["name", "full_name", "fullname", "first_name", "firstname", "last_name", "lastname"])


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the card: a label and a value as people read them. `key` is the trait's own."""

    key: str
    label: str
    value: object
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ViewPrediction:
    """One prediction: `score` is the share of people placed no higher, `chance` or `amount` what it says besides."""

    key: str
    label: str
    score: float | None
    chance: float | None
    amount: float | None
    reasons: tuple[tuple[str, bool], ...]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ViewAccount:
    """One account that the person belongs to. `name` is None where nobody said one."""

    id: str
    name: str | None
    traits: tuple[Fact, ...]
    more_traits: int


@dataclass(frozen=True, slots=True)
class ViewEvent:
    """One event: what it is called, a few of its properties, and when it happened."""

    name: str
    type: str
    details: tuple[tuple[str, object], ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class FlexView:
    """The card of one person. `more_traits` and `more_accounts` count those that it leaves out."""

    profile_id: str
    title: str
    identifiers: tuple[tuple[str, str], ...]
    known_since: datetime
    last_seen_at: datetime
    predictions: tuple[ViewPrediction, ...]
    computed: tuple[Fact, ...]
    traits: tuple[Fact, ...]
    more_traits: int
    accounts: tuple[ViewAccount, ...]
    more_accounts: int
    events: tuple[ViewEvent, ...]


def find_people(workspace: Workspace, space_id: str, who: str) -> list[str]:
    """Return the profiles that `who` may mean, at most ten: none, one, or several to choose from."""
    found: dict[str, None] = {}
    with workspace.database.reading() as connection:
        for type_, values in guess_identifiers(who.replace("\0", "")):
            for value in values:
                person = find_person(connection, space_id, type_, (value,))
                if person is not None:
                    found[person.id] = None
    return list(found)[:MAX_PEOPLE]


def read_flex_view(workspace: Workspace, space_id: str, profile_id: str) -> FlexView:
    """Return the card of a profile.

    Raises:
        NotFound: There is no such profile.
    """
    profile = get_profile(workspace, space_id, profile_id)
    predictions = [trait for trait in profile.traits if trait.origin.prediction]
    keys = {f"{trait.key}{AMOUNT_SUFFIX}" for trait in predictions}
    scores = [trait for trait in predictions if trait.key not in keys]  # the amount is a trait as well
    computed = [trait for trait in profile.traits if trait.origin.computed_trait]
    told = {each.key for each in (*predictions, *computed)}
    others = [trait for trait in profile.traits if trait.key not in told and _is_told(profile, trait)]
    others.sort(key=lambda trait: trait.updated_at, reverse=True)
    accounts = list_accounts(workspace, space_id, profile.id)
    return FlexView(
        profile.id,
        profile.title[:_MAX_CHARS],
        tuple((each.type, each.value) for each in profile.identifiers),
        profile.created_at,
        profile.updated_at,
        tuple(_to_prediction(trait) for trait in scores),
        tuple(_to_fact(trait, trait.origin.computed_trait) for trait in computed),
        tuple(_to_fact(trait) for trait in others[:MAX_TRAITS]),
        max(0, len(others) - MAX_TRAITS),
        tuple(_read_account(workspace, space_id, each) for each in accounts[:MAX_ACCOUNTS]),
        max(0, len(accounts) - MAX_ACCOUNTS),
        _read_last_events(workspace, profile),
    )


def describe_view(view: FlexView) -> dict[str, object]:
    """Return the card as plain JSON values and times."""
    return {
        "profile_id": view.profile_id,
        "name": view.title,
        "identifiers": [{"type": type_, "value": value} for type_, value in view.identifiers],
        "known_since": view.known_since,
        "last_seen_at": view.last_seen_at,
        "predictions": [
            {
                "key": each.key,
                "label": each.label,
                "score": each.score,
                "chance": each.chance,
                "amount": each.amount,
                "reasons": [{"text": text, "raises": raises} for text, raises in each.reasons],
                "updated_at": each.updated_at,
            }
            for each in view.predictions
        ],
        "computed_traits": [_describe_fact(fact) for fact in view.computed],
        "traits": [_describe_fact(fact) for fact in view.traits],
        "more_traits": view.more_traits,
        "accounts": [
            {
                "id": each.id,
                "name": each.name,
                "traits": [_describe_fact(fact) for fact in each.traits],
                "more_traits": each.more_traits,
            }
            for each in view.accounts
        ],
        "more_accounts": view.more_accounts,
        "events": [
            {"name": each.name, "type": each.type, "details": dict(each.details), "at": each.at} for each in view.events
        ],
    }


def label_key(key: str) -> str:
    """Return a trait's key as people read it.

    Example:
        >>> label_key("loyalty_tier"), label_key("firstName"), label_key("CLV")
        ('Loyalty tier', 'First name', 'CLV')
    """
    words = "".join(f" {sign.lower()}" if _starts_word(key, place) else sign for place, sign in enumerate(key))
    text = " ".join(words.replace("_", " ").replace("-", " ").split())
    return text[:1].upper() + text[1:]


def _starts_word(key: str, place: int) -> bool:
    return place > 0 and key[place].isupper() and key[place - 1].islower()


def _describe_fact(fact: Fact) -> dict[str, object]:
    return {"key": fact.key, "label": fact.label, "value": fact.value, "updated_at": fact.updated_at}


def _is_told(profile: Profile, trait: ProfileTrait) -> bool:
    if trait.key.lower() in _IN_THE_HEAD or not _is_simple(trait.value):
        return False
    return str(trait.value).lower() not in {each.value.lower() for each in profile.identifiers}


def _is_simple(value: object) -> bool:
    if isinstance(value, list):
        return 0 < len(value) <= MAX_TRAITS and all(isinstance(each, str | int | float) for each in value)
    return isinstance(value, str | int | float) and value != ""


def _to_fact(trait: ProfileTrait | AccountTrait, label: str | None = None) -> Fact:
    value = trait.value[:_MAX_CHARS] if isinstance(trait.value, str) else trait.value
    return Fact(trait.key, label or label_key(trait.key), value, trait.updated_at)


def _read_account(workspace: Workspace, space_id: str, account: Account) -> ViewAccount:
    known = list_account_traits(workspace, space_id, account.group_id)
    name = choose_account_name(account, known)
    traits = [
        trait
        for trait in known
        if _is_simple(trait.value) and trait.value != account.group_id and not (trait.key == "name" and name)
    ]
    traits.sort(key=lambda trait: trait.updated_at, reverse=True)
    shown = tuple(_to_fact(trait) for trait in traits[:MAX_ACCOUNT_TRAITS])
    return ViewAccount(account.group_id, name, shown, max(0, len(traits) - MAX_ACCOUNT_TRAITS))


def _to_prediction(trait: ProfileTrait) -> ViewPrediction:
    origin = trait.origin
    score = trait.value if isinstance(trait.value, int | float) else None
    label = origin.prediction or label_key(trait.key)
    return ViewPrediction(trait.key, label, score, origin.chance, origin.amount, origin.reasons, trait.updated_at)


def _read_last_events(workspace: Workspace, profile: Profile) -> tuple[ViewEvent, ...]:
    events = list_profile_events(workspace, profile.space_id, profile.id, limit=_EVENTS_LOOKED_AT)
    found = [_to_event(event) for event in events if event.type in _SHOWN_TYPES]
    return tuple(sorted(found, key=lambda each: each.at, reverse=True)[:MAX_EVENTS])


def _to_event(event: StoredEvent) -> ViewEvent:
    message = orjson.loads(event.body)
    properties = message.get("properties")
    known = properties if isinstance(properties, dict) else {}
    by_name = {key.lower(): (key, value) for key, value in known.items() if _is_simple(value)}
    told = [by_name[key] for key in _TOLD_IN_PROPERTIES if key in by_name]
    at = from_millis(read_timestamp_ms(message, event.received_at))
    name = event.name or {"page": "Page viewed", "screen": "Screen viewed"}.get(event.type, event.type)
    return ViewEvent(name, event.type, _shorten(told[:3]), at)


def _shorten(details: Sequence[tuple[str, object]]) -> tuple[tuple[str, object], ...]:
    return tuple((key, value[:_MAX_CHARS] if isinstance(value, str) else value) for key, value in details)
