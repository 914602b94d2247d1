"""Visitors of the demo's web chat, who write without a name first and give their e-mail address later.

Flex knows such a person by the anonymous id of the browser. The message that gives the address ties what was written
before to the customer, which is a merge. `true_merges` shares no code with `core.identity`: it is the oracle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random

from core.clock import to_iso
from core.ids import derived_id
from core.samples.demo_crm import DEMO_UNTIL
from core.samples.demo_events import (
    HISTORY_DAYS,
    INITIATED,
    Message,
    find_reachable,
    make_envelope,
    make_sid,
)
from core.samples.demo_people import DemoTruth

DEFAULT_VISITORS = 1_200
CHAT = "Web chat"
_NAMED_SHARE = 0.7


def demo_visitor_messages(
    truth: DemoTruth, seed: int = 7, *, until: datetime = DEMO_UNTIL, visitors: int = DEFAULT_VISITORS
) -> Iterator[Message]:
    """Yield what Flex sends about the web chat, oldest first: chats without a name, then mostly one `identify`.

    Args:
        truth: Whose customers visit; only those whose e-mail address is theirs alone are named.
        seed: The only source of chance.
        until: End of the history, aware.
        visitors: How many browsers; unit: count. A customer may use more than one.
    """
    chance = Random(f"{seed}:visitors")
    reachable = find_reachable(truth)
    customers = [contact for contact in truth.contacts if contact.record_id in reachable]
    messages: list[tuple[datetime, int, Message]] = []
    for number in range(visitors if customers else 0):
        visitor = derived_id("visitor", str(seed), str(number))
        customer = chance.choice(customers) if chance.random() < _NAMED_SHARE else None
        email = str(customer.email) if customer else None
        last = until - timedelta(seconds=chance.randrange(3_600, (HISTORY_DAYS - 30) * 86_400))
        for at, message in _visit(visitor, email, last, chance):
            messages.append((at, len(messages), message))
    messages.sort(key=lambda entry: entry[:2])
    yield from (message for _, _, message in messages)


def true_merges(truth: DemoTruth, messages: Iterable[Message]) -> dict[str, frozenset[str]]:
    """Return, by contact ID, the anonymous ids that must be found to be that contact's; one merge each.

    Rule: a visitor who wrote before and then gave an e-mail address is the contact with that address.
    """
    by_email = {record.email: record.record_id for record in truth.contacts if record.email and record.is_email_clean}
    seen: set[str] = set()
    found: dict[str, set[str]] = {}
    for message in messages:
        visitor = str(message.get("anonymousId"))
        if message["type"] == "track" and "traits" not in message["context"]:
            seen.add(visitor)
        elif message["type"] == "identify" and visitor in seen:
            found.setdefault(by_email[message["traits"]["email"]], set()).add(visitor)
    return {contact: frozenset(visitors) for contact, visitors in found.items()}


def _visit(visitor: str, email: str | None, last: datetime, chance: Random) -> Iterator[tuple[datetime, Message]]:
    who: Message = {"anonymousId": visitor, "context": {}}
    chats = chance.choice((1, 1, 2, 3))
    for number in range(chats):
        at = last - timedelta(days=7 * (chats - number), seconds=chance.randrange(86_400))
        yield (
            at,
            make_envelope(visitor, f"chat {number}", who, at) | {"event": INITIATED, "properties": _chat(visitor, at)},
        )
    if email is not None:
        yield last, make_envelope(visitor, "named", who, last) | {"type": "identify", "traits": {"email": email}}


def _chat(visitor: str, at: datetime) -> dict[str, object]:
    return {
        "customerStartTime": to_iso(at - timedelta(minutes=10)),
        "duration": 600,
        "channelSid": make_sid("UO", visitor, to_iso(at)),
        "interactionSid": make_sid("KD", visitor, to_iso(at)),
        "channelType": CHAT,
        "direction": "Inbound",
    }
