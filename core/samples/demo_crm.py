"""The Salesforce half of the demo: accounts, contacts and leads, dirty on purpose, with the truth kept beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

from core.samples.demo_names import (
    COMPANY_ENDINGS,
    EMAIL_DOMAINS,
    INDUSTRIES,
    LEAD_SOURCES,
    NOTES,
    PRODUCTS,
    SERVICE_TIERS,
)
from core.samples.demo_people import (
    DemoTruth,
    Person,
    RecordTruth,
    make_people,
    misspell,
    salesforce_id,
    write_email,
    write_name,
)
from core.samples.demo_phones import write_phone

DEMO_UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
"""The day the demo's history ends. Fixed, so that the same seed gives the same demo on any day."""

Row = tuple[object, ...]
_FIRST_DAY = datetime(2015, 3, 1, tzinfo=UTC)
_LONG_NOTE_EVERY = 4_000
_OPEN_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Unqualified")


@dataclass(frozen=True, slots=True)
class Crm:
    """Rows of the three tables, in the column order of `demo_tables`, and what is true of them."""

    accounts: list[Row]
    contacts: list[Row]
    leads: list[Row]
    truth: DemoTruth


def make_crm(customers: int, seed: int) -> Crm:
    """Return accounts, contacts and leads for `customers` people and a few prospects; same arguments, same rows."""
    prospects = customers * 3 // 40
    people = tuple(make_people(customers + prospects, Random(f"{seed}:people")))
    accounts = _make_accounts(people, Random(f"{seed}:accounts"))
    contacts = _make_contacts(people[:customers], Random(f"{seed}:contacts"))
    leads = _make_leads(people, customers, Random(f"{seed}:leads"))
    truth = DemoTruth(
        seed,
        customers,
        accounts=tuple(record for _, record in accounts),
        contacts=tuple(record for _, record in contacts),
        leads=tuple(record for _, record in leads),
    )
    return Crm([row for row, _ in accounts], [row for row, _ in contacts], [row for row, _ in leads], truth)


def account_id(household: int) -> str:
    """Return the ID of the household's account."""
    return salesforce_id("001", household + 1)


def _make_accounts(people: Iterable[Person], chance: Random) -> list[tuple[Row, RecordTruth]]:
    heads: dict[int, Person] = {}
    for person in people:
        heads.setdefault(person.household_id, person)
    return [_account(person, chance) for person in heads.values()]


def _account(person: Person, chance: Random) -> tuple[Row, RecordTruth]:
    phone, country, read = _contact_texts(person, chance)
    industry = chance.choice(INDUSTRIES)
    is_home = industry == "Household"
    name = f"{person.family} {'Household' if is_home else chance.choice(COMPANY_ENDINGS)}"
    revenue = None if is_home else Decimal(chance.randrange(8_000_000, 900_000_000)) / 100
    created, changed = _dates(chance)
    row = (
        account_id(person.household_id),
        write_name(name, chance),
        "Customer - Direct" if is_home else chance.choice(("Customer - Direct", "Customer - Channel", "Prospect")),
        industry,
        phone,
        *_address(person, chance),
        country,
        revenue,
        None if is_home else chance.randrange(2, 400),
        None if is_home else f"https://www.example.com/{person.household_id}",
        chance.choice(NOTES) if chance.random() < 0.05 else None,
        chance.choice(SERVICE_TIERS),
        created,
        changed,
        chance.random() < 0.01,
    )
    return row, _truth(row[0], None, person, None, phone, country, read)


def _make_contacts(people: Sequence[Person], chance: Random) -> list[tuple[Row, RecordTruth]]:
    entries: list[tuple[Person, bool]] = [(person, False) for person in people]
    entries += [(_as_entered_again(person, chance), True) for person in people if chance.random() < 0.04]
    chance.shuffle(entries)
    return [_contact(number, person, again, chance) for number, (person, again) in enumerate(entries)]


def _contact(number: int, person: Person, again: bool, chance: Random) -> tuple[Row, RecordTruth]:
    phone, country, read = _contact_texts(person, chance)
    email = write_email(person.email, chance)
    given, family = write_name(person.given, chance), write_name(person.family, chance)
    created, changed = _dates(chance)
    row = (
        salesforce_id("003", number + 1),
        account_id(person.household_id) if chance.random() < 0.97 else None,
        chance.choice(("Ms.", "Mr.", "Mx.", None)),
        given if chance.random() < 0.99 else None,
        family,
        f"{family} {given}" if person.country.code == "JP" else f"{given} {family}",
        email,
        phone,
        phone if chance.random() < 0.2 else None,
        _birth_date(chance),
        *_address(person, chance),
        country,
        None if again else chance.choice(LEAD_SOURCES),
        chance.random() < 0.12,
        _note(number, chance),
        person.country.language,
        Decimal(chance.randrange(1_500, 30_000)) / 100 if chance.random() < 0.6 else None,
        changed - timedelta(days=chance.randrange(300), minutes=chance.randrange(1_440)),
        created,
        changed,
        chance.random() < 0.01,
    )
    return row, _truth(row[0], person.person_id, person, email, phone, country, read)


def _make_leads(people: Sequence[Person], customers: int, chance: Random) -> list[tuple[Row, RecordTruth]]:
    known = [_as_entered_again(person, chance) for person in people[:customers] if chance.random() < 0.22]
    entries = known + list(people[customers:])
    chance.shuffle(entries)
    return [_lead(number, person, person.person_id < customers, chance) for number, person in enumerate(entries)]


def _lead(number: int, person: Person, is_customer: bool, chance: Random) -> tuple[Row, RecordTruth]:
    phone, country, read = _contact_texts(person, chance)
    email = write_email(person.email, chance)
    created, changed = _dates(chance)
    status = "Closed - Converted" if is_customer else chance.choice(_OPEN_STATUSES)
    row = (
        salesforce_id("00Q", number + 1),
        write_name(person.given, chance),
        write_name(person.family, chance),
        f"{person.family} {chance.choice(COMPANY_ENDINGS)}" if chance.random() < 0.1 else "[not provided]",
        email,
        phone,
        *_address(person, chance),
        country,
        status,
        chance.choice(LEAD_SOURCES),
        chance.choice(PRODUCTS),
        Decimal(chance.randrange(100_000, 3_000_000)) / 100 if chance.random() < 0.3 else None,
        is_customer,
        created,
        changed,
        chance.random() < 0.02,
    )
    return row, _truth(row[0], person.person_id, person, email, phone, country, read)


def _as_entered_again(person: Person, chance: Random) -> Person:
    """Return the person as a second clerk typed them: a slip in the name, or another address, seldom both."""
    slip = chance.random()
    family = misspell(person.family, chance) if slip < 0.6 else person.family
    given = person.given[:1] + "." if slip > 0.9 and person.given.isascii() else person.given
    local, domain = person.email.split("@")
    others = [each for each in EMAIL_DOMAINS if each != domain]
    # "p<number>" keeps a second address from being somebody else's first
    email = f"{local}.p{person.person_id}@{chance.choice(others)}" if 0.45 < slip < 0.9 else person.email
    return replace(person, given=given, family=family, email=email)


def _contact_texts(person: Person, chance: Random) -> tuple[str | None, str | None, bool]:
    text, is_readable = write_phone(person.country.code, person.phone, chance)
    country = chance.choice(person.country.spellings) if chance.random() > 0.015 else None
    return (text if chance.random() > 0.035 else None), country, is_readable


def _truth(
    record_id: object,
    person_id: int | None,
    person: Person,
    email: str | None,
    phone: str | None,
    country: str | None,
    is_readable: bool,
) -> RecordTruth:
    return RecordTruth(
        record_id=str(record_id),
        person_id=person_id,
        household_id=person.household_id,
        country=person.country.code,
        email=None if email is None else person.email,
        is_email_clean=email == person.email,
        phone=person.phone if phone is not None and is_readable else None,
        is_complete=phone is not None and country is not None,
    )


def _address(person: Person, chance: Random) -> tuple[str, str, str | None, str]:
    return person.street, person.city.name, person.city.state, f"{person.city.postal}{chance.randrange(10, 99)}"


def _dates(chance: Random) -> tuple[datetime, datetime]:
    span_s = int((DEMO_UNTIL - _FIRST_DAY).total_seconds())
    created_s = int(span_s * chance.random() ** 0.7)
    changed_s = created_s + int((span_s - created_s) * chance.random())
    return _FIRST_DAY + timedelta(seconds=created_s), _FIRST_DAY + timedelta(seconds=changed_s)


def _birth_date(chance: Random) -> date | None:
    if chance.random() < 0.15:
        return None
    return date(1928, 1, 1) + timedelta(days=chance.randrange(29_000))


def _note(number: int, chance: Random) -> str | None:
    if number % _LONG_NOTE_EVERY == 17:
        return "\n".join(f"2024-{1 + at % 12:02d}-{1 + at % 28:02d}: {chance.choice(NOTES)}" for at in range(380))
    return chance.choice(NOTES) if chance.random() < 0.18 else None
