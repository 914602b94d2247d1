"""The companies that some customers of the demo's shop buy for: several people each, and one account."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from core.samples.demo_names import COUNTRIES, SERVICE_TIERS

COMPANIES = 50
SHARE_OF_BUYERS = 0.2
_TRADES = (
    ("Farms", "Agriculture"),
    ("Bakery", "Retail"),
    ("& Sons", "Construction"),
    ("Dental", "Health"),
    ("Hotel", "Hospitality"),
    ("Autohaus", "Retail"),
    ("Architects", "Construction"),
    ("Academy", "Education"),
)


@dataclass(frozen=True, slots=True)
class Company:
    """One company; `id` is the `groupId` by which messages name it."""

    id: str
    name: str
    industry: str
    employees: int
    plan: str


@lru_cache(1)
def invent_companies(seed: int = 7) -> tuple[Company, ...]:
    """Return the companies; the same seed gives the same ones."""
    return tuple(_invent(number, Random(f"{seed}:company:{number}")) for number in range(COMPANIES))


def find_company(user_id: str, seed: int = 7) -> Company | None:
    """Return the company that a customer buys for; None for the four of five who buy for themselves."""
    chance = Random(f"{seed}:{user_id}:company")
    return chance.choice(invent_companies(seed)) if chance.random() < SHARE_OF_BUYERS else None


def _invent(number: int, chance: Random) -> Company:
    ending, industry = chance.choice(_TRADES)
    name = f"{chance.choice(COUNTRIES[0].family)} {ending}"
    return Company(f"company-{number + 1:02d}", name, industry, chance.randrange(2, 400), chance.choice(SERVICE_TIERS))
