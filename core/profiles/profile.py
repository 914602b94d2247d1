"""One unified profile as it is shown: identifiers, traits with their origin, merges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.identity.rule import Identifier


@dataclass(frozen=True, slots=True)
class ProfileIdentifier:
    """One identifier value of a profile. `source` is the name of the source that sent it first."""

    type: str
    value: str
    first_seen_at: datetime
    last_seen_at: datetime
    source: str
    source_id: str
    first_offset: int


@dataclass(frozen=True, slots=True)
class TraitOrigin:
    """Where a trait's value comes from: a message, and behind it a row of a SQL model or a computed trait.

    `computed_trait` is the trait's name where the value was counted; then the message is the newest that counts.
    `prediction` is the name of the prediction that scored the person, `chance` or `amount` what it said besides the
    score, and `reasons` why: sentences, each with whether it raised the score. Names are None for objects that are
    gone; the ids stay.
    """

    sentence: str
    log_offset: int
    message_id: str | None = None
    source_id: str | None = None
    source: str | None = None
    sync_id: str | None = None
    sync: str | None = None
    run_id: str | None = None
    sql_model_id: str | None = None
    sql_model: str | None = None
    row_key: str | None = None
    computed_trait: str | None = None
    prediction: str | None = None
    chance: float | None = None
    amount: float | None = None
    reasons: tuple[tuple[str, bool], ...] = ()

    @property
    def summary(self) -> str:
        """The sentence, or for a row in a few words which SQL model it is of."""
        if self.row_key is None:
            return self.sentence.rstrip(".")
        return f"Row of “{self.sql_model or self.sql_model_id or 'a SQL model'}”"


@dataclass(frozen=True, slots=True)
class ProfileTrait:
    """One trait: any JSON value, when it was true, and where it comes from."""

    key: str
    value: object
    updated_at: datetime
    origin: TraitOrigin


@dataclass(frozen=True, slots=True)
class ProfileMerge:
    """One merge behind a profile. `identifiers` are the (type, value, profile id) that tied the two.

    `reason` is what the store keeps of it, as JSON text.
    """

    at: datetime
    log_offset: int
    message_id: str
    survivor_id: str
    merged_id: str
    identifiers: tuple[tuple[str, str, str], ...]
    sentence: str
    reason: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything known about one person. Its events are read by `lookup.list_profile_events`, a page at a time."""

    id: str
    space_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    identifiers: tuple[ProfileIdentifier, ...]
    traits: tuple[ProfileTrait, ...]
    merges: tuple[ProfileMerge, ...]


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """One line of a search result."""

    id: str
    title: str
    subtitle: str
    identifiers: tuple[ProfileIdentifier, ...]


def put_reach_first(identifiers: Sequence[ProfileIdentifier]) -> list[ProfileIdentifier]:
    """Return identifiers as a person on the phone needs them: how to reach somebody first, cookies last."""
    return sorted(identifiers, key=lambda each: _REACH.get(each.type, 2))


def choose_title(
    profile_id: str, traits: dict[str, object], identifiers: Sequence[ProfileIdentifier | Identifier]
) -> str:
    """Return what to call the person: their name, else an identifier that people read, else the profile's id."""
    name = _text(traits, "name", "full_name", "fullName", "Name")
    if not name:
        first = _text(traits, "first_name", "firstName", "FirstName", "firstname")
        last = _text(traits, "last_name", "lastName", "LastName", "lastname")
        name = f"{first} {last}".strip()
    if name:
        return name
    for type_ in ("email", "phone", "user_id", "anonymous_id"):
        for identifier in identifiers:
            if identifier.type == type_:
                return identifier.value
    return identifiers[0].value if identifiers else profile_id


_REACH = {"email": 0, "phone": 1, "anonymous_id": 3}


def _text(traits: dict[str, object], *keys: str) -> str:
    return next((value.strip() for key in keys if isinstance(value := traits.get(key), str) and value.strip()), "")
