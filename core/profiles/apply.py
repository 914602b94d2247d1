"""Apply one batch of messages to a neighbourhood, in the order of the log. Pure memory: no store, no clock.

Decisions where the specification is silent:
- A test record (`context.reverseEtl.test`) is noted and not applied: a test must not change a customer.
- An identify message without root `traits` sets `context.traits`, as some libraries send them only there.
- A profile's id is derived from the message that made it and from when that was received, so a rebuild gives the same
  ids, and new profiles go to the end of every index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from core.clock import to_millis
from core.events.event_log import StoredEvent
from core.events.message import Message, MessageType, read_group_id, read_timestamp_ms
from core.identity.blocked import find_blocked
from core.identity.identifiers import Extracted, IdentifierReader
from core.identity.resolve import Caps, Resolution, Violation, ViolationRule, choose_survivor, resolve
from core.identity.rule import Identifier, IdentifierRule
from core.ids import derived_id_at
from core.profiles.neighbourhood import Neighbourhood, ProfileRow
from core.profiles.trait_engine import TraitBatch


@dataclass(slots=True)
class ReadMessage:
    """One message of the batch with its identifiers; `refusal` says why it is not applied."""

    event: StoredEvent
    message: Message
    at_ms: int
    extracted: Extracted
    refusal: ViolationRule | None = None

    @property
    def is_applied(self) -> bool:
        """Whether it belongs to a profile; known once the blocked identifiers are taken out."""
        return self.refusal is None and bool(self.extracted.identifiers)

    def list_violations(self) -> list[Violation]:
        """Return the rules that the message itself broke, before it is known whose it is."""
        found = self.extracted
        violations = [_refuse(ViolationRule.VALUE_UNUSABLE, identifier) for identifier in found.unusable]
        violations += [_refuse(ViolationRule.VALUE_BLOCKED, identifier) for identifier in found.blocked]
        if not self.is_applied:
            violations.append(Violation(self.refusal or ViolationRule.NO_IDENTIFIERS, {}))
        return violations


def make_profile_id(event: StoredEvent) -> str:
    """Return the id of the profile that a message makes if it knows none of its identifiers: the same for ever."""
    return derived_id_at("use", to_millis(event.received_at), event.source_id, event.message_id)


def read_messages(events: Sequence[StoredEvent], rules: Sequence[IdentifierRule]) -> list[ReadMessage]:
    """Parse `events` and find their identifiers."""
    reader = IdentifierReader(rules)
    return [_read(event, reader) for event in events]


def find_identifiers(messages: Sequence[ReadMessage], rules: Sequence[IdentifierRule]) -> set[Identifier]:
    """Return every identifier of `messages`; the blocked ones are taken out of them and noted as unusable there."""
    found = {identifier for each in messages for identifier in each.extracted.identifiers}
    blocked = find_blocked(rules, found)
    if blocked:
        for each in messages:
            usable = [identifier for identifier in each.extracted.identifiers if identifier not in blocked]
            refused = [identifier for identifier in each.extracted.identifiers if identifier in blocked]
            each.extracted.identifiers[:] = usable
            each.extracted.blocked.extend(refused)
    return found - blocked


class BatchApplier:
    """Applies messages one after the other to `around`, with the space's rules, caps and computed traits."""

    def __init__(
        self,
        around: Neighbourhood,
        rules: Sequence[IdentifierRule],
        traits: TraitBatch | None,
        caps: Caps | None = None,
    ) -> None:
        self._around = around
        self._rules: Mapping[str, IdentifierRule] = {rule.type: rule for rule in rules}
        self._traits = traits
        self._caps = caps

    def apply(self, read: ReadMessage) -> bool:
        """Apply one message; False if it belongs to no profile."""
        identifiers, unusable, _, blocked = read.extracted
        violations: list[Violation] = []
        if unusable or blocked or not read.is_applied:
            violations = read.list_violations()
            if not read.is_applied:
                self._note(read, violations, None)
                return False
        is_alias = read.event.type == MessageType.ALIAS
        resolution = resolve(
            identifiers,
            read.at_ms,
            self._around.owners,
            self._rules,
            caps=self._caps,
            apart=self._around.apart,
            is_alias=is_alias,
        )
        profile = self._choose_profile(read, resolution)
        self._update(profile, read, resolution.identifiers)
        if violations or resolution.violations:
            self._note(read, [*violations, *resolution.violations], profile.id)
        return True

    def finish(self) -> None:
        """Put the computed values on the profiles, once for the batch."""
        if self._traits is None:
            return
        for profile_id, updates in self._traits.collect().items():
            profile = self._around.profiles[profile_id]
            for update in updates:
                entry = [update.value, update.at_ms, update.log_offset, update.trait_id]
                profile.put_trait(update.key, entry, self._traits.is_active)
            self._around.touch(profile)

    def _choose_profile(self, read: ReadMessage, resolution: Resolution) -> ProfileRow:
        event = read.event
        if not resolution.profiles:
            return self._around.create(make_profile_id(event), read.at_ms, event.offset)
        if len(resolution.profiles) == 1:
            return self._around.profiles[resolution.profiles[0].id]
        survivor = self._around.profiles[choose_survivor(resolution.profiles).id]
        tied = self._list_ties(resolution)
        for each in resolution.profiles:
            if each is not survivor:
                self._merge(survivor, self._around.profiles[each.id], read, tied)
        return survivor

    def _list_ties(self, resolution: Resolution) -> list[dict[str, str]]:
        owners = self._around.owners
        return [
            {"type": identifier.type, "value": identifier.value, "profile_id": owners[identifier].id}
            for identifier in resolution.identifiers
            if identifier in owners
        ]

    def _merge(
        self, survivor: ProfileRow, merged: ProfileRow, read: ReadMessage, tied: Sequence[dict[str, str]]
    ) -> None:
        reason = {
            "identifiers": [tie for tie in tied if tie["profile_id"] in (survivor.id, merged.id)],
            "message_id": read.event.message_id,
            "source_id": read.event.source_id,
            "survivor_created_at": survivor.created_at,
            "merged_created_at": merged.created_at,
            "survivor_because": "older" if survivor.created_at < merged.created_at else "smaller_id",
        }
        key = (self._around.space_id, read.event.offset, merged.id, survivor.id)
        self._around.merges.append((*key, orjson.dumps(reason).decode(), read.at_ms))
        self._around.merge(survivor, merged, self._is_active)
        if self._traits is not None:
            self._traits.merge(survivor.id, merged.id)

    def _update(self, profile: ProfileRow, read: ReadMessage, identifiers: Sequence[Identifier]) -> None:
        event, at_ms, around = read.event, read.at_ms, self._around
        for identifier in identifiers:
            around.see(profile, identifier, at_ms, event.offset, event.source_id)
        if at_ms > profile.updated_at:
            profile.updated_at = at_ms
        if event.type == MessageType.IDENTIFY:
            profile.put_traits(read_sent_traits(read.message), at_ms, event.offset, self._is_active)
        if self._traits is not None:
            self._traits.observe(profile.id, read.message, at_ms, event.offset)
        group_id = read_group_id(read.message)
        if group_id is not None:
            around.accounts.add((around.space_id, group_id, profile.id))
        around.messages.append((around.space_id, event.offset, profile.id, event.type))
        around.touch(profile)

    def _is_active(self, trait_id: str) -> bool:
        return self._traits is not None and self._traits.is_active(trait_id)

    def _note(self, read: ReadMessage, violations: Sequence[Violation], profile_id: str | None) -> None:
        for seq, violation in enumerate(violations):
            detail = orjson.dumps(violation.detail).decode()
            head = (self._around.space_id, read.event.offset, seq)
            identifier = violation.identifier or (None, None)
            self._around.violations.append((*head, str(violation.rule), detail, profile_id, *identifier))


def _read(event: StoredEvent, reader: IdentifierReader) -> ReadMessage:
    try:
        message = orjson.loads(event.body)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        return ReadMessage(event, {}, to_millis(event.received_at), Extracted([], [], [], []), ViolationRule.UNREADABLE)
    at_ms = read_timestamp_ms(message, event.received_at)
    if _is_test(message):
        return ReadMessage(event, message, at_ms, Extracted([], [], [], []), ViolationRule.TEST_RECORD)
    return ReadMessage(event, message, at_ms, reader.read(message))


def _is_test(message: Message) -> bool:
    context = message.get("context")
    origin = context.get("reverseEtl") if isinstance(context, dict) else None
    return isinstance(origin, dict) and origin.get("test") is True


def read_sent_traits(message: Message) -> Message:
    """Return the traits that an identify message sets."""
    traits = message.get("traits")
    if not isinstance(traits, dict):
        context = message.get("context")
        traits = context.get("traits") if isinstance(context, dict) else None
    if not isinstance(traits, dict):
        return {}
    return {key: value for key, value in traits.items() if not isinstance(value, _CONTAINERS) or _can_be_saved(value)}


def _can_be_saved(value: object) -> bool:
    # What came in nested almost too deep would be too deep inside the profile, and the build would never get past it.
    try:
        orjson.dumps([[[value]]])
    except orjson.JSONEncodeError:
        return False
    return True


def _refuse(rule: ViolationRule, identifier: Identifier) -> Violation:
    shown = identifier.value if len(identifier.value) <= _SHOWN_CHARS else f"{identifier.value[:_SHOWN_CHARS]}…"
    # Postgres takes no NUL in a text; inside `detail` it is escaped
    return Violation(
        rule, {"type": identifier.type, "value": shown}, Identifier(identifier.type, shown.replace("\0", ""))
    )


_SHOWN_CHARS = 200
_CONTAINERS = (dict, list)  # a union of types is four times slower to test for
