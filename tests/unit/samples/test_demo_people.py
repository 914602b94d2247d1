from __future__ import annotations

from random import Random

import pytest

from core.samples.demo_people import fold, make_people, misspell, salesforce_id


def test_salesforce_ids_stay_different_where_letter_case_is_lost() -> None:
    assert len({salesforce_id("003", number) for number in range(5_000)}) == 5_000
    assert len({salesforce_id("003", number).lower() for number in range(5_000)}) == 5_000


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Jürgen", "jurgen"),
        ("Đặng", "dang"),
        ("Weiß", "weiss"),
        ("O'Brien", "obrien"),
        ("Şahin", "sahin"),
        ("山田", ""),
    ],
)
def test_a_name_becomes_the_part_of_an_address(name: str, folded: str) -> None:
    assert fold(name) == folded


def test_two_people_never_get_the_same_address() -> None:
    emails = [person.email for person in make_people(5_000, Random(1))]
    assert len(set(emails)) == len(emails)


def test_a_phone_outside_the_household_is_not_shared() -> None:
    households: dict[str, set[int]] = {}
    for person in make_people(5_000, Random(1)):
        households.setdefault(person.phone, set()).add(person.household_id)
    assert all(len(found) == 1 for found in households.values())


def test_a_slip_of_the_keyboard_changes_one_place() -> None:
    chance = Random(2)
    slips = {misspell("Schneider", chance) for _ in range(50)}
    assert len(slips) > 5
    assert all(abs(len(slip) - len("Schneider")) <= 1 for slip in slips)
    assert misspell("Li", chance) == "Li"
