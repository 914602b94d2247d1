r"""What a search for text means, the same for messages of today and of any closed day.

Each word of the text must be in the message, in any order; of the last one the beginning is enough. `ada lov` finds
`Ada Lovelace` and `ada.lovelace@example.com`, not `Canada`. Words between double quotes stay together. What is no
letter and no digit must be there as typed: `ada@example.com` finds that address alone. The letter case of A-Z does not
matter. A sign of a script that is written without spaces is a word of its own. Escapes of JSON (`\n`) are no letters.

So the words are all in the index of a message that is meant; the index names candidates, and `TextQuery.matches`
decides. Starts of words alone make an index that is small enough: one that finds parts inside words would be several
times as large as the messages, and one that knows the places of words is two and a half times as large as this one.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import orjson

from core.events.log_file import like_pattern

_PART = re.compile(r'"([^"]+)"|(\S+)')
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_NO_LETTER = re.compile(r"[^\x00-\x7f\w]")
_ALONE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_WORD = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")
_PAIR = re.compile(  # a possessive ++, else every beginning of a word that nothing follows would be tried too
    r"(?<![0-9A-Za-z\x80-\U0010ffff])(?![0-9][0-9A-Za-z\x80-\U0010ffff]*+[-.:][0-9])"  # inside a time or an address
    r"([0-9A-Za-z\x80-\U0010ffff]++)"
    r'(?=([^0-9A-Za-z\x80-\U0010ffff"]{1,16})([0-9A-Za-z\x80-\U0010ffff]+))'
)

Pair: TypeAlias = tuple[str, str, str]
"""Two neighbouring words, and between them the signs."""


class TextQuery:
    """One text to look for in messages.

    Attributes:
        patterns: LIKE patterns that a message that is meant matches, each of them; escaped by `!`.
        words: Words that it holds.
        beginning: The beginning of a word that it holds, if the text ends with one.
        pairs: Pairs of words that it holds.
        open_pair: A pair that it holds, of whose second word the beginning is given.
    """

    def __init__(self, text: str) -> None:
        found = list(_PART.finditer(text))
        ends_open = bool(found) and found[-1][2] is not None
        texts = [part[1] or part[2] for part in found]
        last = len(texts) - 1
        self._parts = [_Part(part, is_open=ends_open and number == last) for number, part in enumerate(texts)]
        self.patterns = [like_pattern(part) for part in texts]
        self.words = list(dict.fromkeys(word for part in self._parts for word in part.words))
        self.beginning = self._parts[-1].beginning if self._parts else None
        self.pairs = list(dict.fromkeys(pair for part in self._parts for pair in part.pairs))
        self.open_pair = self._parts[-1].open_pair if self._parts else None

    def matches(self, body: bytes) -> bool:
        """Say whether the message's JSON holds the text."""
        whole = _lower(body)
        masked: str | None = None
        for part in self._parts:
            if part.needle not in whole:
                return False
            masked = masked or mask(whole)
            if not part.is_in(whole, masked):
                return False
        return True


class _Part:
    """A run of characters that stand together: from the start of a word, and to the end of one unless it is open."""

    def __init__(self, text: str, *, is_open: bool) -> None:
        self.needle = _lower(orjson.dumps(text)[1:-1])  # as the text stands inside the JSON
        self._masked = mask(self.needle)
        self._is_open = is_open
        words = split_words(self._masked)
        ends_inside = is_open and bool(words) and self._masked.endswith(words[-1]) and not _ALONE.match(words[-1])
        self.words = words[:-1] if ends_inside else words
        self.beginning = words[-1] if ends_inside else None
        pairs = find_pairs(_set_apart(self._masked))
        ends_with_pair = bool(pairs) and pairs[-1][2] == self.beginning
        self.pairs = pairs[:-1] if ends_with_pair else pairs
        self.open_pair = pairs[-1] if ends_with_pair else None

    def is_in(self, whole: str, masked: str) -> bool:
        at = whole.find(self.needle)
        while at >= 0:
            end = at + len(self.needle)
            if (
                masked.startswith(self._masked, at)
                and _is_between_words(masked, at)
                and (self._is_open or _is_between_words(masked, end))
            ):
                return True
            at = whole.find(self.needle, at + 1)
        return False


def mask(text: str) -> str:
    """Return `text`, a part of a JSON document, with a space for everything that is neither ASCII nor a letter.

    The length stays, so that a place in the one is the same place in the other.
    """
    if "\\" in text:
        text = _ESCAPE.sub(lambda escape: " " * len(escape[0]), text)
    return text if text.isascii() else _NO_LETTER.sub(" ", text)


def to_indexed_text(body: bytes) -> str:
    """Return the message's words for an index that splits at ASCII characters other than letters and digits."""
    return _set_apart(mask(body.decode(errors="replace")))


def read_words(text: str) -> list[str]:
    """Return the words of `text`, which is no JSON."""
    return split_words(_NO_LETTER.sub(" ", text))


def split_words(masked: str) -> list[str]:
    """Return the words of a masked text, in order."""
    return _WORD.findall(_set_apart(masked))


def find_pairs(text: str) -> list[Pair]:
    """Return the pairs of an indexed text, in order: inside one string of JSON, and not inside a time or an address."""
    return _PAIR.findall(text)


def _set_apart(masked: str) -> str:
    return masked if masked.isascii() else _ALONE.sub(r" \g<0> ", masked)


def _is_between_words(masked: str, at: int) -> bool:
    if not 0 < at < len(masked) or not _WORD.match(masked, at) or not _WORD.match(masked[at - 1]):
        return True
    return bool(_ALONE.match(masked, at) or _ALONE.match(masked[at - 1]))


def _lower(text: bytes) -> str:
    return text.lower().decode(errors="replace")  # of bytes, so that only A-Z change
