"""The people of the demo and what is true about them: households, who shares a phone, who is in the files twice."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from core.samples.demo_names import COUNTRIES, EMAIL_DOMAINS, City, Country
from core.samples.demo_phones import phone_number

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SPECIAL = str.maketrans({"ß": "ss", "Đ": "D", "đ": "d", "Ø": "O", "ø": "o", "ı": "i", "ð": "d", "Ð": "D", "’": "'"})


@dataclass(frozen=True, slots=True)
class Person:
    """One real person. `phone` may be the household's."""

    person_id: int
    household_id: int
    country: Country = field(repr=False)
    city: City
    street: str
    given: str
    family: str
    email: str
    phone: str
    shares_phone: bool


@dataclass(frozen=True, slots=True)
class RecordTruth:
    """What is true of one row of accounts, contacts or leads, although the row may not say so.

    Attributes:
        record_id: The row's ID.
        person_id: Who it is about; None for an account.
        household_id: Who lives (or works) together.
        country: ISO code.
        email: The address in lower case without spaces; None where the row has none.
        is_email_clean: The row holds exactly `email`.
        phone: The number in E.164 where it can be read from the row; None where it is missing or nonsense.
        is_complete: The row has a phone text and a country text, so the sample models keep it (W102).
    """

    record_id: str
    person_id: int | None
    household_id: int
    country: str
    email: str | None
    is_email_clean: bool
    phone: str | None
    is_complete: bool


@dataclass(frozen=True, slots=True)
class DemoTruth:
    """What the demo's generator knows and its warehouse does not say."""

    seed: int
    customers: int
    accounts: tuple[RecordTruth, ...] = field(repr=False)
    contacts: tuple[RecordTruth, ...] = field(repr=False)
    leads: tuple[RecordTruth, ...] = field(repr=False)

    def same_person(self) -> dict[int, tuple[str, ...]]:
        """Return each person's contact and lead IDs, for people with more than one."""
        rows: dict[int, list[str]] = {}
        for record in (*self.contacts, *self.leads):
            if record.person_id is not None:
                rows.setdefault(record.person_id, []).append(record.record_id)
        return {person: tuple(ids) for person, ids in rows.items() if len(ids) > 1}

    def shared_phones(self) -> dict[str, frozenset[int]]:
        """Return the phones that contacts of more than one person give, with those people: tempting, wrong to merge."""
        people: dict[str, set[int]] = {}
        for record in self.contacts:
            if record.phone is not None and record.person_id is not None:
                people.setdefault(record.phone, set()).add(record.person_id)
        return {phone: frozenset(ids) for phone, ids in people.items() if len(ids) > 1}


def salesforce_id(prefix: str, number: int) -> str:
    """Return an 18-character Salesforce ID: 3-character object prefix, 12 base-62 digits, 3 check characters.

    Source: the published algorithm, one check character for the upper-case letters of each five.

    Example:
        >>> salesforce_id("003", 1)
        '0035f0000000001AAA'
    """
    digits = ""
    for _ in range(7):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    body = f"{prefix}5f000{digits}"
    check = ""
    for start in (0, 5, 10):
        bits = sum(1 << at for at, letter in enumerate(body[start : start + 5]) if "A" <= letter <= "Z")
        check += _CHECK[bits]
    return body + check


def fold(text: str) -> str:
    """Return `text` in lower-case ASCII letters and digits, as people make e-mail addresses from names.

    Example:
        >>> fold("Jürgen Đặng")
        'jurgendang'
    """
    plain = unicodedata.normalize("NFKD", text.translate(_SPECIAL)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", plain.lower())


def make_people(customers: int, chance: Random) -> Iterator[Person]:
    """Yield `customers` people, household by household.

    Args:
        customers: How many people.
        chance: The only source of chance, so that a seed gives the same people.
    """
    used: dict[str, int] = {}
    made = household = 0
    while made < customers:
        size = min(chance.choices((1, 2, 3, 4), (60, 24, 9, 7))[0], customers - made)
        for member in _make_household(household, size, chance, used):
            yield replace(member, person_id=made)
            made += 1
        household += 1


def _make_household(household: int, size: int, chance: Random, used: dict[str, int]) -> Iterator[Person]:
    country = chance.choices(COUNTRIES, [each.share for each in COUNTRIES])[0]
    city, family = chance.choice(country.cities), chance.choice(country.family)
    street = f"{chance.randrange(1, 240)} {chance.choice(country.streets)}"
    family_phone = _next_phone(country.code, used)
    for _ in range(size):
        name = family if chance.random() < 0.8 else chance.choice(country.family)
        given = chance.choice(country.given)
        has_own = size == 1 or chance.random() < 0.5
        phone = family_phone if size == 1 or not has_own else _next_phone(country.code, used)
        email = _next_email(given, name, chance, used)
        yield Person(0, household, country, city, street, given, name, email, phone, not has_own)


def _next_phone(country: str, used: dict[str, int]) -> str:
    index = used.get(country, 0)
    used[country] = index + 1
    return phone_number(country, index)


def _next_email(given: str, family: str, chance: Random, used: dict[str, int]) -> str:
    domain = chance.choice(EMAIL_DOMAINS)
    local = ".".join(part for part in (fold(given), fold(family)) if part)
    # names without any Latin letter still need an address
    address = f"{local or f'kyaku{chance.randrange(100, 999)}'}@{domain}"
    used[address] = used.get(address, 0) + 1
    return address if used[address] == 1 else f"{address.split('@')[0]}{used[address]}@{domain}"


def misspell(name: str, chance: Random) -> str:
    """Return `name` with one slip of the keyboard: two letters swapped, one doubled or one left out."""
    if len(name) < 4:
        return name
    at = chance.randrange(1, len(name) - 2)
    slip = chance.randrange(3)
    if slip == 0:
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return name[:at] + name[at] * 2 + name[at + 1 :] if slip == 1 else name[:at] + name[at + 1 :]


def write_name(name: str, chance: Random) -> str:
    """Return `name` as stored: 1 in 12 of the accented names with combining accents (NFD), 1 in 50 in capitals."""
    if not name.isascii() and chance.random() < 0.08:
        return unicodedata.normalize("NFD", name)
    return name.upper() if chance.random() < 0.02 else name


def write_email(email: str, chance: Random) -> str | None:
    """Return `email` as typed: mostly so, some in mixed case, some with stray spaces, a few missing."""
    draw = chance.random()
    if draw < 0.80:
        return email
    if draw < 0.91:
        local, domain = email.split("@")
        return f"{local.title()}@{domain.capitalize()}"
    if draw < 0.94:
        return email.upper()
    return f" {email}" if draw < 0.955 else f"{email} " if draw < 0.97 else None
