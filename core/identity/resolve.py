"""Decide whose message it is: flat matching over an in-memory view of profiles.

Decisions where the specification is silent:
- A limit with a period counts the values that the would-be profile was seen with in the period that ends at the
  message's time, or later; a limit is only broken by growth, so a profile that was above it before may go on.
- The lowest-priority identifier of the message is dropped first; among equals, the last one in the message.
- An alias message resolves by its highest-priority identifier alone, so it can never tie two profiles.
- A merge above a cap is refused like a merge above a limit. A profile with the most identifiers takes no more.
- A merge of profiles that a person keeps apart is refused like a merge above a limit, before any limit is looked at.

Source: the specification's matching algorithm ("flat matching"), steps 1-10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from core.identity.kept_apart import KeptApart
from core.identity.rule import Identifier, IdentifierRule, Period

MAX_MERGES = 100
MAX_IDENTIFIERS = 1_000


class ViolationRule(StrEnum):
    """Why a message or a part of it did not take effect; the value is the stable code."""

    NO_IDENTIFIERS = "no_matching_identifiers"
    VALUE_LIMIT = "identifier_value_limit_exceeded"
    TIME_LIMIT = "identifier_time_limit_exceeded"
    VALUE_BLOCKED = "id_value_blocked"
    MERGE_LIMIT = "profile_merge_limit_exceeded"
    MAPPING_LIMIT = "identifier_mapping_limit_exceeded"
    KEPT_APART = "profiles_kept_apart"
    VALUE_UNUSABLE = "id_value_unusable"
    TEST_RECORD = "test_record_skipped"
    UNREADABLE = "unreadable_message"


VIOLATION_LABELS: dict[str, str] = {
    ViolationRule.NO_IDENTIFIERS: "No matching identifiers on event",
    ViolationRule.VALUE_LIMIT: "Identifier value limit exceeded",
    ViolationRule.TIME_LIMIT: "Identifier time limit exceeded",
    ViolationRule.VALUE_BLOCKED: "ID value blocked",
    ViolationRule.MERGE_LIMIT: "Profile merge limit exceeded",
    ViolationRule.MAPPING_LIMIT: "Identifier mapping limit exceeded",
    ViolationRule.KEPT_APART: "Profiles are kept apart",
    ViolationRule.VALUE_UNUSABLE: "ID value too long or with control characters",
    ViolationRule.TEST_RECORD: "Test record, not applied to profiles",
    ViolationRule.UNREADABLE: "Message is not readable JSON",
}


@dataclass(slots=True)
class Sighting:
    """When and where an identifier value was seen on a profile; times in ms since 1970."""

    first_seen_at: int
    last_seen_at: int
    first_offset: int
    source_id: str


@dataclass(slots=True, eq=False)
class KnownProfile:
    """What matching needs to know of a profile. Two are the same only if they are one object."""

    id: str
    created_at: int
    merge_count: int = 0
    identifiers: dict[str, dict[str, Sighting]] = field(default_factory=dict)

    def count_identifiers(self) -> int:
        """Return how many identifier values the profile has."""
        return sum(map(len, self.identifiers.values()))


Owners: TypeAlias = Mapping[Identifier, KnownProfile]


@dataclass(frozen=True, slots=True)
class Caps:
    """The caps on one profile."""

    merges: int = MAX_MERGES
    identifiers: int = MAX_IDENTIFIERS


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that changed what a message did; `detail` holds plain JSON values, `identifier` what was left out."""

    rule: ViolationRule
    detail: dict[str, object]
    identifier: Identifier | None = None


class Resolution(NamedTuple):
    """Whose message it is: no profile (make one), one, or several (merge them); with the identifiers that count."""

    profiles: list[KnownProfile]
    identifiers: Sequence[Identifier]
    violations: list[Violation]


def resolve(
    identifiers: Sequence[Identifier],
    at_ms: int,
    owners: Owners,
    rules: Mapping[str, IdentifierRule],
    *,
    caps: Caps | None = None,
    apart: KeptApart | None = None,
    is_alias: bool = False,
) -> Resolution:
    """Return the profiles that a message belongs to. Changes nothing.

    Args:
        identifiers: Not blocked, highest priority first; of none it is nobody's message.
        at_ms: When the message happened; unit: ms since 1970.
        owners: The profile of each known identifier.
        rules: The space's rules by type.
        caps: The caps on one profile.
        apart: The profiles that a person keeps apart; None where there are none.
        is_alias: Whether the message is an alias, which never merges.
    Complexity: O(identifiers of the message x identifiers of the profiles found) at worst; O(identifiers) when the
        message brings nothing new.
    """
    if identifiers and not is_alias:
        plain = _resolve_plain(identifiers, owners)
        if plain is not None:
            return plain
    limits = caps or Caps()
    kept = list(identifiers[:1] if is_alias else identifiers)
    violations: list[Violation] = []
    while True:
        found = _find_profiles(kept, owners)
        if len(kept) == 1:
            break
        broken = None if apart is None else _find_kept_apart(found, apart)
        broken = broken or _find_broken_limit(kept, found, at_ms, owners, rules, limits)
        if broken is None:
            break
        violations.append(_drop(kept.pop(), broken.rule, broken.detail))
    if len(found) == 1:
        kept, full = _cap_identifiers(kept, found[0], owners, limits)
        violations.extend(full)
    return Resolution(found, kept, violations)


def _resolve_plain(identifiers: Sequence[Identifier], owners: Owners) -> Resolution | None:
    """Return whose message it is where no rule can be broken, as in most: all known of one profile, or all new."""
    owner = owners.get(identifiers[0])
    for identifier in identifiers[1:]:
        if owners.get(identifier) is not owner:
            return None
    if owner is not None:
        return Resolution([owner], identifiers, [])
    if len({type_ for type_, _ in identifiers}) < len(identifiers):
        return None
    return Resolution([], identifiers, [])  # a new profile with one value of each type: every limit is at least 1


def choose_survivor(profiles: Sequence[KnownProfile]) -> KnownProfile:
    """Return the profile that a merge keeps: the older; of equal age the smaller id."""
    return min(profiles, key=lambda profile: (profile.created_at, profile.id))


def _find_profiles(identifiers: Sequence[Identifier], owners: Owners) -> list[KnownProfile]:
    found: list[KnownProfile] = []
    for identifier in identifiers:
        owner = owners.get(identifier)
        if owner is not None and owner not in found:
            found.append(owner)
    return found


def _drop(dropped: Identifier, rule: ViolationRule, detail: dict[str, object]) -> Violation:
    return Violation(rule, {**detail, "dropped": {"type": dropped.type, "value": dropped.value}}, dropped)


def _find_kept_apart(found: Sequence[KnownProfile], apart: KeptApart) -> Violation | None:
    ids = [profile.id for profile in found]
    pair = apart.find_pair(ids)
    return None if pair is None else Violation(ViolationRule.KEPT_APART, {"pair": [*pair], "profiles": ids})


def _find_broken_limit(
    kept: Sequence[Identifier],
    found: Sequence[KnownProfile],
    at_ms: int,
    owners: Owners,
    rules: Mapping[str, IdentifierRule],
    caps: Caps,
) -> Violation | None:
    new_types = {identifier.type for identifier in kept if identifier not in owners}
    if len(found) == 1 and not new_types:
        return None
    if len(found) > 1:
        capped = _find_broken_cap(kept, found, owners, caps)
        if capped is not None:
            return capped
        new_types.update(*(profile.identifiers for profile in found))
    for type_ in sorted(new_types & rules.keys(), key=lambda name: (rules[name].priority, name)):
        count = _count_growth(type_, kept, found, at_ms, rules[type_].period.length_ms)
        if count > rules[type_].value_limit:
            return _to_violation(rules[type_], count, found)
    return None


def _count_growth(
    type_: str, kept: Sequence[Identifier], found: Sequence[KnownProfile], at_ms: int, period_ms: int | None
) -> int:
    """Return how many values of `type_` the would-be profile counts; 0 if it has no more than one of its parts."""
    seen = {identifier.value: at_ms for identifier in kept if identifier.type == type_}
    largest = 0
    for profile in found:
        values = profile.identifiers.get(type_, {})
        largest = max(largest, len(values))
        for value, sighting in values.items():
            seen[value] = max(seen.get(value, sighting.last_seen_at), sighting.last_seen_at)
    if len(seen) == largest:
        return 0
    if period_ms is None:
        return len(seen)
    return sum(last_seen_at >= at_ms - period_ms for last_seen_at in seen.values())


def _to_violation(rule: IdentifierRule, count: int, found: Sequence[KnownProfile]) -> Violation:
    return Violation(
        ViolationRule.VALUE_LIMIT if rule.period == Period.EVER else ViolationRule.TIME_LIMIT,
        {
            "type": rule.type,
            "count": count,
            "limit": rule.value_limit,
            "period": str(rule.period),
            "profiles": [profile.id for profile in found],
        },
    )


def _find_broken_cap(
    kept: Sequence[Identifier], found: Sequence[KnownProfile], owners: Owners, caps: Caps
) -> Violation | None:
    ids = [profile.id for profile in found]
    merges = sum(profile.merge_count for profile in found) + len(found) - 1
    if merges > caps.merges:
        return Violation(ViolationRule.MERGE_LIMIT, {"count": merges, "limit": caps.merges, "profiles": ids})
    new = sum(identifier not in owners for identifier in kept)
    total = sum(profile.count_identifiers() for profile in found) + new
    if total > caps.identifiers:
        return Violation(ViolationRule.MAPPING_LIMIT, {"count": total, "limit": caps.identifiers, "profiles": ids})
    return None


def _cap_identifiers(
    kept: list[Identifier], profile: KnownProfile, owners: Owners, caps: Caps
) -> tuple[list[Identifier], list[Violation]]:
    new = [identifier for identifier in kept if identifier not in owners]
    if not new:
        return kept, []
    room = max(caps.identifiers - profile.count_identifiers(), 0)
    refused = set(new[room:])
    detail: dict[str, object] = {"limit": caps.identifiers, "profiles": [profile.id]}
    return [identifier for identifier in kept if identifier not in refused], [
        _drop(dropped, ViolationRule.MAPPING_LIMIT, detail) for dropped in new[room:]
    ]
