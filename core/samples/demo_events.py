"""Flex events of the demo's customers, in the two spellings the documents use, and the trait values they must give.

A history ends at one moment; from then on each day has a chance of its own. So what happened until a moment is the
beginning of what happened until a later one, and Flex can go on where it stopped.

Source: wizard.md 3.1 and 3.2 (W76, W77). `true_trait_values` shares no code with `core.traits`: it is the oracle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any

from core.clock import to_iso
from core.ids import derived_id
from core.samples.demo_crm import DEMO_UNTIL
from core.samples.demo_people import DemoTruth, RecordTruth

INITIATED = "Flex - Engagement Initiated"
COMPLETED = "Flex - Engagement Completed"
HISTORY_DAYS = 180
DEFAULT_ENGAGEMENTS = 20_000
INVENTED = "invented by Onramp"
"""What the context of each message says under `demo`: nothing but what is invented goes on by itself."""

_CHANNELS = ("Voice", "SMS", "WhatsApp", "Email")
_TOPICS = ("Billing", "Appointment", "Repair", "Quote", "Sign-up", "Störung")
_DISPOSITIONS = ("Resolved", "Follow-up", "No answer")
_SENTIMENTS = ("positive", "neutral", "neutral", "negative")
_MINIMUM_FREQUENCY = 2

Message = dict[str, Any]
"""One message as its JSON."""


def demo_flex_events(
    truth: DemoTruth, seed: int = 7, *, until: datetime = DEMO_UNTIL, engagements: int = DEFAULT_ENGAGEMENTS
) -> Iterator[Message]:
    """Yield the messages Flex would have sent in the 180 days before `until`, oldest first.

    Each engagement gives one `Engagement Initiated` and, mostly, one `Engagement Completed`. Most messages name the
    customer by `userId`, which is the contact's ID; some only by e-mail, in `context.traits` or `context.externalIds`.
    The same arguments give the same messages with the same ids.

    Args:
        truth: Whose customers write and call.
        seed: The only source of chance.
        until: End of the history, aware.
        engagements: How many calls and conversations; unit: count. Messages are nearly twice as many.
    """
    chance = Random(f"{seed}:flex")
    callers = _choose_callers(truth, chance)
    reachable = find_reachable(truth)
    messages: list[tuple[datetime, int, Message]] = []
    for number, contact in enumerate(_choose_calls(callers, chance, engagements)):
        ended_at = until - timedelta(seconds=chance.randrange(3_600, HISTORY_DAYS * 86_400))
        for at, message in _engagement(f"{seed}-{number}", contact, contact.record_id in reachable, ended_at, chance):
            messages.append((at, len(messages), message))
    messages.sort(key=lambda entry: entry[:2])
    yield from (message for _, _, message in messages)


def further_flex_events(
    truth: DemoTruth,
    history_end: datetime,
    until: datetime,
    seed: int = 7,
    *,
    since: datetime | None = None,
    engagements_a_day: int = DEFAULT_ENGAGEMENTS // HISTORY_DAYS,
) -> Iterator[Message]:
    """Yield what Flex sent after the history that ends at `history_end` and before `until`, oldest first.

    The same customers call, and those who called often go on calling often. Only what happened at `since` or later is
    told, where it is given.
    """
    chance = Random(f"{seed}:flex")
    callers, reachable = _choose_callers(truth, chance), find_reachable(truth)
    first = max((since - history_end).days - 1, 0) if since else 0  # what began the day before may end later
    messages: list[tuple[datetime, int, Message]] = []
    for day in range(first, (until - history_end).days + 1):
        chance = Random(f"{seed}:flex:{day}")
        for number, contact in enumerate(_choose_calls(callers, chance, engagements_a_day)):
            ended_at = history_end + timedelta(days=day, seconds=chance.randrange(86_400))
            key, is_reachable = f"{seed}-{day}-{number}", contact.record_id in reachable
            for at, message in _engagement(key, contact, is_reachable, ended_at, chance):
                if at < until and (since is None or at >= since):
                    messages.append((at, len(messages), message))
    messages.sort(key=lambda entry: entry[:2])
    yield from (message for _, _, message in messages)


def true_trait_values(truth: DemoTruth, messages: Iterable[Message]) -> dict[str, dict[str, object]]:
    """Return, by contact ID, the values of `total_inbounds` and `frequent_inbound_channel` that `messages` must give.

    Rules, from W76 and W77: inbound `Engagement Initiated` messages are counted, in any letter case of property and
    value; the channel seen most often wins if it was seen at least twice, the first in the alphabet on a tie. A contact
    without an inbound engagement, or without a channel seen twice, has no such key. What a visitor of the web chat did
    counts for the contact whose e-mail address the visitor gave, before or after.
    """
    messages = list(messages)
    by_email = {record.email: record.record_id for record in truth.contacts if record.email and record.is_email_clean}
    by_visitor = {each["anonymousId"]: each["traits"]["email"] for each in messages if each.get("type") == "identify"}
    inbounds: Counter[str] = Counter()
    channels: dict[str, Counter[str]] = {}
    for message in messages:
        properties = {key.lower(): value for key, value in message.get("properties", {}).items()}
        if message.get("event") != INITIATED or str(properties.get("direction")).lower() != "inbound":
            continue
        email = _read_email(message) or by_visitor.get(message.get("anonymousId"))
        contact = message.get("userId") or by_email.get(str(email))
        if contact is None:  # a visitor who never gave a name
            continue
        inbounds[contact] += 1
        if properties.get("channeltype") is not None:
            channels.setdefault(contact, Counter())[properties["channeltype"]] += 1
    return {contact: _values(count, channels.get(contact, Counter())) for contact, count in inbounds.items()}


def _values(count: int, channels: Counter[str]) -> dict[str, object]:
    values: dict[str, object] = {"total_inbounds": count}
    often = max(channels.values(), default=0)
    if often >= _MINIMUM_FREQUENCY:
        values["frequent_inbound_channel"] = min(name for name, times in channels.items() if times == often)
    return values


def _read_email(message: Message) -> str | None:
    context = message["context"]
    if "externalIds" in context:
        return next(str(each["id"]) for each in context["externalIds"] if each["type"] == "email")
    return str(context["traits"]["email"]) if "traits" in context else None


def _choose_callers(truth: DemoTruth, chance: Random) -> tuple[list[RecordTruth], list[float]]:
    """Return who calls, and how often, added up from the first to each of them."""
    callers = [record for record in truth.contacts if chance.random() < 0.4]
    return callers, list(accumulate(chance.paretovariate(1.8) for _ in callers))


def _choose_calls(callers: tuple[list[RecordTruth], list[float]], chance: Random, count: int) -> list[RecordTruth]:
    records, weights = callers
    return chance.choices(records, cum_weights=weights, k=count) if records else []


def find_reachable(truth: DemoTruth) -> frozenset[str]:
    """Return the contacts whom an e-mail address alone names: clean, nobody else's, and kept by the sample model."""
    seen = Counter(record.email for record in truth.contacts)
    return frozenset(
        record.record_id
        for record in truth.contacts
        if record.email and record.is_email_clean and record.is_complete and seen[record.email] == 1
    )


def _engagement(
    key: str, contact: RecordTruth, is_reachable: bool, ended_at: datetime, chance: Random
) -> Iterator[tuple[datetime, Message]]:
    duration_s = chance.randrange(20, 1_800)
    shared = {
        "channelSid": make_sid("UO", key, "channel"),
        "interactionSid": make_sid("KD", key, "interaction"),
    }
    who = _name_customer(contact, is_reachable, chance)
    started = _initiated(shared, ended_at - timedelta(seconds=duration_s), duration_s, chance)
    yield ended_at, _message(key, INITIATED, who, started, ended_at)
    if chance.random() < 0.93:
        wrapped_at = ended_at + timedelta(seconds=chance.randrange(5, 900))
        codes = {"dispositionCode": chance.choice(_DISPOSITIONS), "topic": chance.choice(_TOPICS)}
        completed: dict[str, object] = {**shared, "codes": codes, "sentiment": chance.choice(_SENTIMENTS)}
        yield wrapped_at, _message(key, COMPLETED, who, completed, wrapped_at)


def _initiated(shared: dict[str, str], started_at: datetime, duration_s: int, chance: Random) -> dict[str, object]:
    is_inbound = chance.random() < 0.72
    # both spellings occur in the documents, so both occur here
    is_capitalised = chance.random() < 0.5
    direction = "Inbound" if is_inbound else "Outbound"
    properties: dict[str, object] = {
        "customerStartTime": to_iso(started_at),
        "Duration" if is_capitalised else "duration": duration_s,
        "firstKnownAgentWorkerSid": _agent(chance),
        "lastKnownAgentWorkerSid": _agent(chance),
        **shared,
        "Direction" if is_capitalised else "direction": direction if chance.random() < 0.5 else direction.lower(),
    }
    if chance.random() < 0.98:
        properties["channelType"] = chance.choices(_CHANNELS, (5, 3, 3, 2))[0]
    return properties


def _name_customer(contact: RecordTruth, is_reachable: bool, chance: Random) -> Message:
    draw = chance.random()
    if not is_reachable or draw < 0.8:
        return {"userId": contact.record_id, "context": {}}
    email = str(contact.email)
    # the tracking API wants a userId or an anonymousId, so Flex's own id of the customer stands in
    unknown = {"anonymousId": derived_id("flex", email)}
    if draw < 0.92:
        return {**unknown, "context": {"traits": {"email": email}}}
    external = {"id": email, "type": "email", "collection": "users", "encoding": "none"}
    return {**unknown, "context": {"externalIds": [external]}}


def _message(key: str, event: str, who: Message, properties: dict[str, object], at: datetime) -> Message:
    return make_envelope(key, event, who, at) | {"event": event, "properties": properties}


def make_envelope(key: str, what: str, who: Message, at: datetime) -> Message:
    """Return a message of the Flex source without its content; `key` and `what` make its id."""
    library = {"name": "flex-unify-server-source", "version": "1.4.0"}
    return {
        "type": "track",
        "messageId": derived_id("flex", key, what),
        **who,
        "context": {**who["context"], "library": library, "demo": INVENTED},
        "timestamp": to_iso(at),
        "originalTimestamp": to_iso(at),
        "integrations": {},
    }


def _agent(chance: Random) -> str:
    return make_sid("WK", str(chance.randrange(40)), "agent")


def make_sid(prefix: str, *parts: str) -> str:
    """Return a Twilio-shaped SID: two letters and 32 hexadecimal digits."""
    number = 0
    for letter in derived_id("sid", *parts)[4:]:
        number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    return f"{prefix}{number % 2**128:032x}"
