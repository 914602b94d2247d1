from __future__ import annotations

from random import Random

import phonenumbers
import pytest

from core.samples.demo_phones import CALLING_CODES, count_reserved, phone_number, write_phone


@pytest.mark.parametrize("country", sorted(CALLING_CODES))
def test_every_number_is_another_and_valid_in_its_country(country: str) -> None:
    reserved = count_reserved(country)
    indexes = [*range(0, reserved, 37), *range(reserved - 5, reserved + 200)]
    numbers = [phone_number(country, index) for index in indexes if index >= 0]
    assert len(set(numbers)) == len({index for index in indexes if index >= 0})
    for number in numbers:
        parsed = phonenumbers.parse(number, None)
        assert phonenumbers.is_valid_number(parsed), number
        assert phonenumbers.region_code_for_number(parsed) == country


def test_reserved_us_numbers_are_555_01xx_and_enough_for_the_demo() -> None:
    assert all(phone_number("US", index)[5:10] == "55501" for index in range(0, count_reserved("US"), 11))
    assert count_reserved("US") > 20_000


@pytest.mark.parametrize("country", sorted(CALLING_CODES))
def test_a_readable_text_still_names_the_number_it_was_written_from(country: str) -> None:
    chance = Random(3)
    for index in range(400):
        number = phone_number(country, index)
        text, is_readable = write_phone(country, number, chance)
        if is_readable:
            parsed = phonenumbers.parse(text.replace("(0)", ""), country)
            assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number
