r"""What a search for text means, the same for messages of today and of any closed day.

The text is looked for as it was typed, from the start of a word on: `ada` finds `Ada Lovelace` and `adamant`, not
`Canada`; `Lovelace 100%` finds exactly that. The letter case of A-Z does not matter. A word is a run of letters and
digits; a sign of a script that is written without spaces is a word of its own. Escapes of JSON (`\n`) are no letters.

So the words of a text, the last one as a beginning, are all in the index of a message that holds the text; the index
names candidates, and `TextQuery.matches` decides. The limit to starts of words is what makes an index small enough:
one that finds parts inside words would be several times as large as the messages.
"""

from __future__ import annotations

import re

import orjson

MIN_PREFIX_CHARS = 3
"""A shorter beginning names so many words that the index answers sooner without it, where there is something else."""

_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_NO_LETTER = re.compile(r"[^\x00-\x7f\w]")
_ALONE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_WORD = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")


class TextQuery:
    """One text to look for in messages."""

    def __init__(self, text: str) -> None:
        self._needle = _lower(orjson.dumps(text)[1:-1])  # as the text stands inside the JSON
        self._masked = mask(self._needle)
        self._words = split_words(self._masked)

    def matches(self, body: bytes) -> bool:
        """Say whether the message's JSON holds the text."""
        whole = _lower(body)
        at = whole.find(self._needle)
        if at < 0:
            return False
        masked = mask(whole)
        while at >= 0:
            if masked.startswith(self._masked, at) and _is_start(masked, at):
                return True
            at = whole.find(self._needle, at + 1)
        return False

    def find_terms(self) -> tuple[list[str], str | None]:
        """Return the whole words of the text, and the beginning of a word that it ends with."""
        ends_open = bool(self._words) and self._masked.endswith(self._words[-1]) and not _ALONE.match(self._words[-1])
        return (self._words[:-1], self._words[-1]) if ends_open else (self._words, None)


def mask(text: str) -> str:
    """Return `text`, a part of a JSON document, with a space for everything that is neither ASCII nor a letter.

    The length stays, so that a place in the one is the same place in the other.
    """
    if "\\" in text:
        text = _ESCAPE.sub(lambda escape: " " * len(escape[0]), text)
    return text if text.isascii() else _NO_LETTER.sub(" ", text)


def to_indexed_text(body: bytes) -> str:
    """Return the message's words for an index that splits at ASCII characters other than letters and digits."""
    text = mask(body.decode(errors="replace"))
    return text if text.isascii() else _ALONE.sub(r" \g<0> ", text)


def read_words(text: str) -> list[str]:
    """Return the words of `text`, which is no JSON."""
    return split_words(_NO_LETTER.sub(" ", text))


def split_words(masked: str) -> list[str]:
    """Return the words of a masked text, in order."""
    return _WORD.findall(masked if masked.isascii() else _ALONE.sub(r" \g<0> ", masked))


def _is_start(masked: str, at: int) -> bool:
    if at == 0 or not _WORD.match(masked, at) or not _WORD.match(masked[at - 1]):
        return True
    return bool(_ALONE.match(masked, at) or _ALONE.match(masked[at - 1]))


def _lower(text: bytes) -> str:
    return text.lower().decode(errors="replace")  # of bytes, so that only A-Z change
