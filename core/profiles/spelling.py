"""The forms under which an identifier that a program or a person wrote may be known."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TYPED = re.compile(r"([A-Za-z][A-Za-z0-9_.]{0,63}):(.+)", re.DOTALL)
_SIGNS_IN_PHONES = re.compile(r"[\s().\-/]+")
_PHONE = re.compile(r"\+?[0-9]{5,20}")


def spell(type_: str, text: str) -> tuple[str, ...]:
    """Return the values to look for, the likeliest first.

    An e-mail address is compared in lower case, everything else exactly, but for phone numbers: there spaces, hyphens,
    dots, slashes and parentheses do not matter, `00` before a number is a plus, and a plus may be missing: in an
    address that was not escaped it arrives as a space, or not at all.

    Example:
        >>> spell("phone", " 1 (415) 555-0100")
        ('14155550100', '+14155550100', '1 (415) 555-0100')
        >>> spell("email", "Ada@Example.org")
        ('ada@example.org',)
    """
    value = text.strip()
    if type_ == "email":
        return (value.lower(),)
    if type_ != "phone":
        return (value,)
    plain = _SIGNS_IN_PHONES.sub("", value)
    if not _PHONE.fullmatch(plain):
        return (value,)
    international = f"+{plain.removeprefix('00')}" if not plain.startswith("+") else plain
    return tuple(dict.fromkeys((plain, international, value)))


def guess_identifiers(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what a person who typed `text` may have meant, each as a type and the values to look for.

    Example:
        >>> list(guess_identifiers("phone:+14155550100"))
        [('phone', ('+14155550100',))]
        >>> [type_ for type_, _ in guess_identifiers("0041 44 668 18 00")]
        ['user_id', 'phone']
    """
    typed = _TYPED.fullmatch(text.strip())
    if typed:
        yield typed[1].lower(), spell(typed[1].lower(), typed[2])
        return
    yield "user_id", spell("user_id", text)
    if "@" in text:
        yield "email", spell("email", text)
    elif _PHONE.fullmatch(_SIGNS_IN_PHONES.sub("", text)):
        yield "phone", spell("phone", text)
