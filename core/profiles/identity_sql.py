"""The identifiers of messages as DuckDB SQL that is certain or says that it is not.

`core.identity.identifiers` says what an identifier is. Where SQL could find something else (letters beyond ASCII, a
number with a fraction, a value of more than 500 characters, `externalIds`, a message without a time) the message is not
certain, and is read by that code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.events.json_sql import quote, spell_path
from core.identity.identifiers import MAX_VALUE_CHARS, list_spellings
from core.identity.rule import IdentifierRule

_PATHS = {
    "user_id": ("userId",),
    "anonymous_id": ("anonymousId",),
    "group_id": ("groupId",),
    "ga_client_id": ("context", "integrations", "Google Analytics", "clientId"),
}
_DEVICE_KEYS = {"id": "id", "idfa": "advertisingId", "push_token": "token"}
_TRAITS = (("traits",), ("context", "traits"))
_CONTAINERS = (*_TRAITS, ("properties",))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place of one identifier: SQL of its value, NULL where there is none, and SQL that says where that is sure."""

    type: str
    value: str
    is_sure: str


@dataclass(frozen=True, slots=True)
class IdentitySql:
    """What a query reads of each message.

    `paths` are extracted into a list `x`. The candidates are in the order in which the identifiers count; `is_sure` is
    true where everything is certain, `at_ms` included.
    """

    paths: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    at_ms: str
    is_sure: str


def make_identity_sql(rules: Sequence[IdentifierRule]) -> IdentitySql:
    """Return the SQL that finds the identifiers of `rules`; those whose name is no plain key are never certain."""
    reader = _Reader()
    candidates = [each for rule in sorted(rules, key=_rank) for each in reader.list_candidates(rule)]
    at_us = f"time_of({reader.read('timestamp')})"
    others = (("context", "externalIds"), ("context", "reverseEtl", "test"))
    sure = [f"{at_us} IS NOT NULL", *(f"{reader.read(*path)} IS NULL" for path in others)]
    sure += dict.fromkeys(each.is_sure for each in candidates)
    return IdentitySql(
        tuple(reader.paths), tuple(candidates), f"{at_us} // 1000", " AND ".join(f"({each})" for each in sure)
    )


class _Reader:
    """Notes which paths are read."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def read(self, *keys: str) -> str:
        """Return SQL of the value at these keys, NULL for JSON's null."""
        path = spell_path(*keys)
        if path not in self.paths:
            self.paths.append(path)
        return f"nullif(x[{self.paths.index(path) + 1}], 'null')"

    def list_candidates(self, rule: IdentifierRule) -> list[Candidate]:
        """Return where the identifier may stand, the first place first."""
        if rule.external_only:
            return []
        system, _, part = rule.type.partition(".")
        if system in ("android", "ios") and part in _DEVICE_KEYS:
            return [self._read_device(rule.type, system, part)]
        if rule.type in _PATHS:
            return [_make(rule.type, self.read(*_PATHS[rule.type]))]
        if any(char in rule.trait_key for char in '"\\'):
            return [Candidate(rule.type, "NULL", "false")]
        containers = _CONTAINERS if rule.custom or rule.in_properties else _TRAITS
        places = [(*container, key) for container in containers for key in list_spellings(rule.trait_key)]
        return [_make(rule.type, self._read_trait(place)) for place in places]

    def _read_trait(self, place: tuple[str, ...]) -> str:
        found = self.read(*place)
        # the traits of a group call are those of the account
        return f"CASE WHEN type <> 'group' THEN {found} END" if place[0] == "traits" else found

    def _read_device(self, type_: str, system: str, part: str) -> Candidate:
        kind = self.read("context", "device", "type")
        value = self.read("context", "device", _DEVICE_KEYS[part])
        is_its = f"is_text({kind}) AND lower({kind}[2:-2]) = '{system}'"
        if part == "idfa":
            is_its += f" AND {self.read('context', 'device', 'adTrackingEnabled')} = 'true'"
        candidate = _make(type_, f"CASE WHEN {is_its} THEN {value} END")
        is_sure = f"({kind} IS NULL OR is_plain({kind})) AND ({candidate.is_sure})"
        return Candidate(type_, candidate.value, is_sure)


def _make(type_: str, found: str) -> Candidate:
    text = f"lower(inner_text({found}))" if type_ == "email" else f"inner_text({found})"
    value = f"CASE WHEN is_text({found}) THEN nullif({text}, '') WHEN NOT is_other({found}) THEN {found} END"
    is_sure = (
        f"CASE WHEN {found} IS NULL THEN true WHEN is_text({found})"
        f" THEN is_plain({found}) AND NOT contains({found}, chr(127)) AND strlen({found}) <= {MAX_VALUE_CHARS}"
        f" WHEN is_other({found}) THEN true ELSE regexp_full_match({found}, '0|-?[1-9][0-9]{{0,14}}') END"
    )
    return Candidate(type_, value, is_sure)


def make_blocked_sql(rules: Sequence[IdentifierRule]) -> str:
    """Return SQL that says whether the `value`, in ASCII, of a `type` is blocked. Both speak RE2."""
    found = []
    for rule in rules:
        exact = ", ".join(quote(value.casefold()) for value in rule.blocked_exact)
        tests = [f"lower(value) IN ({exact})"] if exact else []
        tests += [f"regexp_matches(value, {quote(pattern)})" for pattern in rule.blocked_patterns]
        if tests:
            found.append(f"WHEN {quote(rule.type)} THEN {' OR '.join(tests)}")
    return f"CASE type {' '.join(found)} ELSE false END" if found else "false"


def _rank(rule: IdentifierRule) -> tuple[int, str]:
    return rule.priority, rule.type
