"""The demo's online shop: what its customers order, view and complain of until any day, with known truth.

One customer joins after the other and orders at a rate of their own until the day they leave. In the weeks before that
day they look at less, open fewer newsletters and mostly complain: what a prediction of churn can learn. `ShopTruth`
says who has left and what everybody would spend, so that predictions can be judged.

Some buy for a company: a group call says so when they join, and all they do names it.

What happened until a moment is the beginning of what happened until a later one: a shop can go on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random

from core.clock import to_iso
from core.ids import derived_id
from core.samples.demo_companies import Company, find_company
from core.samples.demo_events import INVENTED, Message

SHOP_DAYS = 400
DEFAULT_SHOPPERS = 1_500
ORDER_COMPLETED = "Order Completed"
_CONTEXT = {"library": {"name": "analytics-python", "version": "2.3.4"}, "demo": INVENTED}
_WARNING_DAYS = 25
_LOOKS_BEFORE = timedelta(minutes=50)
_PRODUCTS = (("Filter set", 29.0), ("Service visit", 119.0), ("Smart thermostat", 149.0), ("Solar cleaning kit", 59.0))


@dataclass(frozen=True, slots=True)
class ShopTruth:
    """What is true of one customer of the shop, whatever the messages say.

    Attributes:
        joined_at: When they first looked.
        left_at: When they leave for good, be it in the future.
        orders_a_day: How often they order while they are there.
        mean_amount: What they spend on an order; unit: US dollars.
    """

    user_id: str
    joined_at: datetime
    left_at: datetime
    orders_a_day: float
    mean_amount: float

    def has_left(self, at: datetime) -> bool:
        """Say whether the customer is gone by then."""
        return self.left_at <= at

    def expect_spending(self, at: datetime, days: int) -> float:
        """Return what the customer would spend in the days after `at` if nobody left in them."""
        return 0.0 if self.has_left(at) else self.orders_a_day * days * self.mean_amount


def invent_shoppers(
    user_ids: Sequence[str],
    opened_at: datetime,
    until: datetime,
    *,
    joins_a_day: float = DEFAULT_SHOPPERS / SHOP_DAYS,
    seed: int = 7,
) -> list[ShopTruth]:
    """Return what is true of each customer who has joined by `until`, in this order. A later `until` adds to them."""
    found = []
    for number, user_id in enumerate(user_ids):
        chance = Random(f"{seed}:{user_id}")
        joined_at = opened_at + timedelta(days=(number + chance.random()) / joins_a_day)
        if joined_at >= until:
            break
        left_at = joined_at + timedelta(days=30 + chance.expovariate(1 / chance.choice((70, 200, 900))))
        rate = chance.gammavariate(2.0, 1 / 44)  # an order in 22 days on average, and many far from it
        found.append(ShopTruth(user_id, joined_at, left_at, rate, 20 + chance.gammavariate(2.0, 30.0)))
    return found


def shop_messages(
    shoppers: Sequence[ShopTruth], until: datetime, *, since: datetime | None = None, seed: int = 7
) -> Iterator[Message]:
    """Yield what the shop sent before `until`, oldest first; from `since` on, where it is given.

    The same arguments give the same messages with the same ids, and a later `until` adds to them.
    """
    found = [
        (at, shopper.user_id, what, content)
        for shopper in shoppers
        for at, what, content in _tell(shopper, until, seed)
        if (since is None or at >= since) and at < until
    ]
    found.sort(key=lambda entry: entry[:3])
    for at, user_id, what, content in found:
        yield {
            "messageId": derived_id("shop", str(seed), user_id, what),
            "userId": user_id,
            **content,
            "timestamp": to_iso(at),
            "originalTimestamp": to_iso(at),
            "integrations": {},
        }


def _tell(shopper: ShopTruth, until: datetime, seed: int) -> Iterator[tuple[datetime, str, Message]]:
    """Yield what is sent of a customer: when, what tells it from the rest, and the message without its envelope."""
    company = find_company(shopper.user_id, seed)
    context: Message = _CONTEXT if company is None else {**_CONTEXT, "groupId": company.id}
    if company is not None:
        yield shopper.joined_at, "company", _introduce(company)
    for at, what, event, properties in _live(shopper, until, seed):
        yield at, what, {"type": "track", "event": event, "properties": properties, "context": context}


def _introduce(company: Company) -> Message:
    traits = {"name": company.name, "industry": company.industry, "employees": company.employees, "plan": company.plan}
    return {"type": "group", "groupId": company.id, "traits": traits, "context": _CONTEXT}


def _live(shopper: ShopTruth, until: datetime, seed: int) -> Iterator[tuple[datetime, str, str, Message]]:
    """Yield what a customer does, and at least all of it before `until`.

    Each kind of thing has a chance of its own: how far one is told then changes nothing of the others.
    """
    leaves_at, until = shopper.left_at, until + _LOOKS_BEFORE
    fades_at = leaves_at - timedelta(days=_WARNING_DAYS)

    def happen(what: str, end: datetime, per_day: float) -> Iterator[tuple[datetime, str, Random]]:
        chance = Random(f"{seed}:{shopper.user_id}:{what}")
        at = shopper.joined_at
        for number in count():
            at += timedelta(days=chance.expovariate(per_day))
            if at >= min(end, until):
                return
            yield at, f"{what} {number}", chance

    yield shopper.joined_at, "joined", "Signed Up", {}
    for at, what, chance in happen("order", leaves_at, shopper.orders_a_day):
        product, price = chance.choice(_PRODUCTS)
        amount = max(5.0, chance.gauss(shopper.mean_amount, shopper.mean_amount * 0.25))
        order = {"revenue": round(amount, 2), "currency": "USD", "products": [{"name": product, "price": price}]}
        yield at, what, ORDER_COMPLETED, order
        looked_at = at - chance.uniform(0.05, 1) * _LOOKS_BEFORE
        yield looked_at, f"{what} looked", "Product Viewed", {"name": product, "price": price}
    for at, what, _ in happen("look", fades_at, shopper.orders_a_day):
        yield at, what, "Product Viewed", {}
    for at, what, _ in happen("newsletter", fades_at, 1 / 30):
        yield at, what, "Newsletter Opened", {}
    for at, what, chance in happen("complaint", fades_at, 1 / 350):
        yield at, what, "Complaint Filed", {"topic": chance.choice(("delivery", "installation", "invoice"))}
    chance = Random(f"{seed}:{shopper.user_id}:leaving")
    complains, unsubscribes, days = chance.random() < 0.8, chance.random() < 0.4, chance.uniform(0, 10)
    if complains:
        at = fades_at + timedelta(days=chance.uniform(0, _WARNING_DAYS))
        yield max(at, shopper.joined_at), "last complaint", "Complaint Filed", {"topic": "invoice"}
    if unsubscribes:
        yield leaves_at - timedelta(days=days), "unsubscribed", "Newsletter Unsubscribed", {}
