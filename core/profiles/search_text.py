"""What the profile search compares: the values of a profile and the text that a person types, folded alike.

A folded text is in lower case and without accents (`Müller` is `muller`). A value with ä, ö or ü is there a second time
as it is written without them (`mueller`), a phone number with blanks a second time as its digits. Each value stands on
a line of its own after a line with one sign for its key, so `city:berl` can be asked as one piece of text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_CHARS = 8_000
"""Of one profile; of what is beyond only whole identifiers are found."""
MAX_KEYS = 6_400
MAX_QUERY_CHARS = 200
MIN_GRAM_WORD = 3
_FIRST_SIGN = 0xE000  # private use: no letter of any script; a value's own such sign is taken out
_MAX_DEPTH = 4
_NO_TEXT = re.compile("[\x00-\x1f\x7f\ue000-\uf8ff\ud800-\udfff]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "ae", "Ö": "oe", "Ü": "ue"})
_PHONE = re.compile(r"\+?[0-9(][0-9 ()/.\-]*[0-9]")
_PHONE_STARTS = frozenset("+(0123456789")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MIN_PHONE_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Question:
    """Words that a profile holds, each of them; `sign` is the key's where one value has to hold the only word."""

    words: tuple[str, ...]
    sign: str | None = None

    def matches(self, text: str) -> bool:
        """Say whether a profile's text holds what is asked."""
        if self.sign is None:
            return all(word in text for word in self.words)
        pattern = rf"\n{self.sign}\n[^\n]*{re.escape(self.words[0])}"
        return self.words[0] in text and re.search(pattern, text) is not None


def fold(text: str) -> str:
    """Return `text` in lower case, without accents and on one line."""
    if text.isascii() and text.isprintable():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", _NO_TEXT.sub(" ", text).casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def make_text(values: Iterable[tuple[str, str]]) -> str:
    """Return the text of a profile from its values, each with the sign of its key; "" for none."""
    parts: list[str] = []
    for sign, value in values:
        parts += [line for variant in _list_variants(value) for line in (sign, variant)]
    text = "\n".join(parts)[:MAX_CHARS]
    return f"\n{text}\n" if text else ""


def list_values(key: str, value: object, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the scalars inside a trait's value, each with its key: `address.city` for what lies deeper."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, bool):
        yield key, "true" if value else "false"
    elif isinstance(value, int | float):
        yield key, str(value)
    elif depth < _MAX_DEPTH and isinstance(value, dict):
        for name, each in value.items():
            yield from list_values(f"{key}.{name}", each, depth + 1)
    elif depth < _MAX_DEPTH and isinstance(value, list):
        for each in value:
            yield from list_values(key, each, depth + 1)


def sign_of(number: int) -> str:
    """Return the sign of the key with this number; "" for one too many, which is searched without its key."""
    return chr(_FIRST_SIGN + number) if number < MAX_KEYS else ""


def read_questions(text: str, *, is_one_piece: bool = False) -> tuple[Question, ...]:
    """Return what `text` may mean; a profile that answers one of them is found.

    Args:
        text: What a person typed, without the key.
        is_one_piece: One value holds the text as it is, blanks included; else each of its words may stand anywhere.
    """
    shown = text[:MAX_QUERY_CHARS].strip()
    variants = [fold(shown)]
    if shown.translate(_UMLAUTS) != shown:
        variants.append(fold(shown.translate(_UMLAUTS)))
    digits = re.sub("[^0-9]", "", shown)
    if _PHONE.fullmatch(shown) and len(digits) >= MIN_GRAM_WORD:
        variants.append(digits)
        if digits.startswith("0"):  # 0049 30 and 030 are +49 30
            variants.append(digits[2:] if digits.startswith("00") else digits[1:])
    questions = [Question((each,) if is_one_piece else tuple(each.split())) for each in dict.fromkeys(variants)]
    return tuple(question for question in questions if any(question.words))


def _list_variants(value: str) -> Iterator[str]:
    folded = fold(value)
    yield folded
    if value.isascii():
        is_number = folded[:1] in _PHONE_STARTS and _PHONE.fullmatch(folded)
        digits = re.sub("[^0-9]", "", folded) if is_number else ""
        if len(digits) >= _MIN_PHONE_DIGITS and digits not in folded and not _DATE.match(folded):
            yield digits
    elif (written := fold(value.translate(_UMLAUTS))) != folded:
        yield written
