"""The service half of the demo: orders, support tickets, web sign-ups and loyalty cards around the contacts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from core.samples.demo_crm import DEMO_UNTIL, Row
from core.samples.demo_names import COUNTRIES, PRICES, PRODUCTS, SERVICE_TIERS, SUBJECTS
from core.samples.demo_people import RecordTruth, write_email

_BY_CODE = {country.code: country for country in COUNTRIES}
_STATUSES = ("quoted", "ordered", "scheduled", "installed", "installed", "installed", "cancelled")
_CAMPAIGNS = ("spring-solar", "wärmepumpe-2026", "neighbour-referral", "search", None)


def make_orders(contacts: Sequence[RecordTruth], chance: Random) -> list[Row]:
    """Return about three orders for two contacts, amounts in the currency of the contact's country."""
    return [_order(number, chance.choice(contacts), chance) for number in range(len(contacts) * 3 // 2)]


def _order(number: int, contact: RecordTruth, chance: Random) -> Row:
    country = _BY_CODE[contact.country]
    picks = [chance.randrange(len(PRODUCTS)) for _ in range(chance.choices((1, 2, 3), (6, 3, 1))[0])]
    counts = [chance.randrange(1, 4) for _ in picks]
    lines = [
        {"product": PRODUCTS[at], "quantity": count, "unit_price": PRICES[at]}
        for at, count in zip(picks, counts, strict=True)
    ]
    amount = sum((Decimal(PRICES[at]) * count for at, count in zip(picks, counts, strict=True)), Decimal(0))
    ordered_at = _moment(chance, days=2_200)
    status = chance.choice(_STATUSES)
    is_known = chance.random() < 0.97
    return (
        100_000 + number,
        contact.record_id if is_known else None,
        ordered_at,
        country.time_zone,
        status,
        -amount if status == "cancelled" and chance.random() < 0.1 else amount,
        (amount * Decimal("0.0825")).quantize(Decimal("0.0001")),
        country.currency,
        json.dumps({"lines": lines, "channel": chance.choice(("web", "phone", "partner"))}, ensure_ascii=False),
        ordered_at.date() + timedelta(days=chance.randrange(5, 90)) if status == "installed" else None,
    )


def make_support_tickets(contacts: Sequence[RecordTruth], chance: Random) -> list[Row]:
    """Return tickets for about half as many cases as contacts, with subjects in several languages."""
    return [_ticket(chance.choice(contacts), chance) for _ in range(len(contacts) // 2)]


def _ticket(contact: RecordTruth, chance: Random) -> Row:
    opened_at = _moment(chance, days=900)
    is_closed = chance.random() < 0.85
    metadata = {
        "device": {"model": chance.choice(("HP-8", "HP-12 «S»", "PV/400")), "firmware": f"2.{chance.randrange(30)}"},
        "tags": chance.sample(["heating", "solar", "billing", "Störung", "緊急"], chance.randrange(3)),
        "remote": chance.random() < 0.5,
    }
    return (
        str(UUID(int=chance.getrandbits(128), version=4)),
        contact.record_id,
        chance.choice(SUBJECTS),
        chance.choice(("low", "normal", "normal", "high")),
        opened_at,
        # the ticket tool writes local wall-clock time without a zone
        (opened_at + timedelta(hours=chance.randrange(1, 400))).replace(tzinfo=None) if is_closed else None,
        chance.choice((1.0, 2.0, 3.5, 4.0, 4.5, 5.0, None)),
        json.dumps(metadata, ensure_ascii=False),
    )


def make_web_sign_ups(contacts: Sequence[RecordTruth], chance: Random) -> list[Row]:
    """Return sign-ups by e-mail address; people sign up again, so the address is not unique."""
    with_email = [contact for contact in contacts if contact.email is not None]
    rows: list[Row] = []
    for contact in chance.sample(with_email, len(with_email) * 2 // 5):
        for _ in range(chance.choices((1, 2, 3), (80, 15, 5))[0]):
            email = contact.email if chance.random() < 0.9 else write_email(contact.email or "", chance)
            visitor = f"v-{chance.getrandbits(48):012x}"
            agreed = chance.random() < 0.7
            rows.append((email, _moment(chance, days=700), visitor, agreed, chance.choice(_CAMPAIGNS)))
    return rows


def make_loyalty_cards(contacts: Sequence[RecordTruth], chance: Random) -> list[Row]:
    """Return cards of a third of the contacts; cards that were never printed have no number."""
    rows: list[Row] = []
    for number, contact in enumerate(chance.sample(list(contacts), len(contacts) // 3)):
        card = f"LC-{number + 1:07d}" if chance.random() < 0.96 else None
        issued_on = date(2019, 1, 1) + timedelta(days=chance.randrange(2_800))
        rows.append((card, contact.record_id, chance.choice(SERVICE_TIERS), chance.randrange(-50, 90_000), issued_on))
    return rows


def _moment(chance: Random, *, days: int) -> datetime:
    return DEMO_UNTIL - timedelta(seconds=chance.randrange(days * 86_400), milliseconds=chance.randrange(1_000))
