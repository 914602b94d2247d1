"""The demo's online shop: thirteen months of what some customers ordered, viewed and complained of, with known truth.

Each customer orders at a rate of their own until the day they leave, if they do. In the weeks before that day they look
at less, open fewer newsletters and mostly complain: what a prediction of churn can learn. `ShopTruth` says who has left
and what everybody would spend, so that predictions can be judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from core.clock import to_iso
from core.ids import derived_id

SHOP_DAYS = 400
DEFAULT_SHOPPERS = 1_000
ORDER_COMPLETED = "Order Completed"
LIBRARY = {"name": "analytics-python", "version": "2.3.4"}
_WARNING_DAYS = 25
_PRODUCTS = (("Filter set", 29.0), ("Service visit", 119.0), ("Smart thermostat", 149.0), ("Solar cleaning kit", 59.0))

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShopTruth:
    """What is true of one customer of the shop, whatever the messages say.

    Attributes:
        joined_at: When they first looked.
        left_at: When they left for good; None where they stay.
        orders_a_day: How often they order while they are there.
        mean_amount: What they spend on an order; unit: US dollars.
    """

    user_id: str
    joined_at: datetime
    left_at: datetime | None
    orders_a_day: float
    mean_amount: float

    def has_left(self, at: datetime) -> bool:
        """Say whether the customer is gone by then."""
        return self.left_at is not None and self.left_at <= at

    def expect_spending(self, at: datetime, days: int) -> float:
        """Return what the customer would spend in the days after `at` if nobody left in them."""
        return 0.0 if self.has_left(at) else self.orders_a_day * days * self.mean_amount


def invent_shoppers(user_ids: Sequence[str], until: datetime, seed: int = 7) -> list[ShopTruth]:
    """Return what is true of each customer. The same arguments give the same truth."""
    chance = Random(f"{seed}:shoppers")
    found = []
    for user_id in user_ids:
        joined_at = until - timedelta(days=chance.uniform(20, SHOP_DAYS))
        stays_days = chance.expovariate(1 / chance.choice((70, 200, 900)))
        left_at = joined_at + timedelta(days=30 + stays_days)
        rate = chance.gammavariate(2.0, 1 / 44)  # an order in 22 days on average, and many far from it
        amount = 20 + chance.gammavariate(2.0, 30.0)
        found.append(ShopTruth(user_id, joined_at, left_at if left_at < until else None, rate, amount))
    return found


def shop_messages(shoppers: Sequence[ShopTruth], until: datetime, seed: int = 7) -> Iterator[Message]:
    """Yield what the shop sent before `until`, oldest first. The same arguments give the same messages and ids."""
    chance = Random(f"{seed}:shop")
    messages: list[tuple[datetime, int, Message]] = []
    for shopper in shoppers:
        end = min(shopper.left_at or until, until)
        for at, event, properties in _live(shopper, end, chance):
            if at < until:
                messages.append(
                    (at, len(messages), _message(seed, len(messages), shopper.user_id, at, event, properties))
                )
    messages.sort(key=lambda entry: entry[:2])
    yield from (message for _, _, message in messages)


def _live(shopper: ShopTruth, end: datetime, chance: Random) -> Iterator[tuple[datetime, str, Message]]:
    is_leaving = shopper.left_at is not None
    fading_from = end - timedelta(days=_WARNING_DAYS) if is_leaving else end
    yield shopper.joined_at, "Signed Up", {}
    for at in _happen(shopper.joined_at, end, shopper.orders_a_day, chance):
        product, price = chance.choice(_PRODUCTS)
        amount = max(5.0, chance.gauss(shopper.mean_amount, shopper.mean_amount * 0.25))
        order = {"revenue": round(amount, 2), "currency": "USD", "products": [{"name": product, "price": price}]}
        yield at, ORDER_COMPLETED, order
        yield at - timedelta(minutes=chance.randrange(2, 50)), "Product Viewed", {"name": product, "price": price}
    for event, per_day in (("Product Viewed", shopper.orders_a_day), ("Newsletter Opened", 1 / 30)):
        for at in _happen(shopper.joined_at, fading_from, per_day, chance):
            yield at, event, {}
    complaints = 1 / 400 if not is_leaving else 1 / 300
    for at in _happen(shopper.joined_at, fading_from, complaints, chance):
        yield at, "Complaint Filed", {"topic": chance.choice(("delivery", "installation", "invoice"))}
    if is_leaving and chance.random() < 0.8:
        at = fading_from + timedelta(days=chance.uniform(0, _WARNING_DAYS))
        yield max(at, shopper.joined_at), "Complaint Filed", {"topic": "invoice"}
    if is_leaving and chance.random() < 0.4:
        yield max(end - timedelta(days=chance.uniform(0, 10)), shopper.joined_at), "Newsletter Unsubscribed", {}


def _happen(start: datetime, end: datetime, per_day: float, chance: Random) -> Iterator[datetime]:
    at = start
    while per_day > 0:
        at += timedelta(days=chance.expovariate(per_day))
        if at >= end:
            return
        yield at


def _message(seed: int, number: int, user_id: str, at: datetime, event: str, properties: Message) -> Message:
    return {
        "type": "track",
        "messageId": derived_id("shop", str(seed), str(number)),
        "userId": user_id,
        "event": event,
        "properties": properties,
        "context": {"library": LIBRARY},
        "timestamp": to_iso(at),
        "originalTimestamp": to_iso(at),
        "integrations": {},
    }
