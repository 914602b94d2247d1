"""Which neighbouring words occur where: what lets a phrase pass over messages that hold its words apart.

A word file (`word_index.py`) knows no places of words. Beside its words it keeps pairs, two words and the signs between
them as they stand in one string of JSON, and says in which of `BLOCKS` blocks of its messages each pair occurs. To know
more would save little: a block is half of a row group, and one message costs the unpacking of the whole group.

A word of few messages names few candidates by itself, and is written as nothing in a pair. So pairs are few, and never
more than messages: before they are, more words count as rare. Numbers joined by a point, a hyphen or a colon are no
pair: times and addresses would be most of the table, and of the time to write it. A block that is for the greater part
sentences of its own keeps no pairs: they would take several times as long as its words, and rule out little.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from core.events.history.words import Pair, find_pairs

BLOCKS = 48  # a bit each: a number of six bytes
_ALL = (1 << BLOCKS) - 1
_SCHEMA = (
    "CREATE TABLE common (word TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE pairs (pair TEXT PRIMARY KEY, blocks INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE strings (blocks INTEGER NOT NULL, texts TEXT)",  # only while the file is made
)
_NOT_KEPT = ""  # in place of a pair: the blocks that keep none
_MAX_SHARE, _MIN_CHARS = 8, 10_000
_RARE_IN, _MIN_PAIRS = 10_000, 1_000
_TERMS = "CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, words, row)"
_COMMON = "SELECT term, doc FROM temp.terms WHERE doc >= ? AND length(term) <= 40"
_LETTERS = r"A-Za-z\x{80}-\x{10ffff}"
_WORD, _SIGN = f"[0-9{_LETTERS}]", f"[^0-9{_LETTERS}]"
_HAS_PAIR = "|".join(
    (  # of a letter and anything, of anything and a letter, of any with another sign between, or with more signs
        f"(?:^|{_SIGN})[{_LETTERS}]{_WORD}*{_SIGN}{_WORD}",
        f"{_WORD}{_SIGN}[{_LETTERS}]",
        f"{_WORD}[^0-9{_LETTERS}.:-]{_WORD}",
        f"{_WORD}{_SIGN}{_SIGN}+{_WORD}",
    )
)


def prepare(connection: sqlite3.Connection, count: int) -> int:
    """Make the tables for a file of `count` messages; returns how many messages a block has."""
    for statement in _SCHEMA:
        connection.execute(statement)
    block_events = -(-count // BLOCKS)
    connection.execute(f"PRAGMA user_version={block_events}")
    return block_events


def put_aside(connection: sqlite3.Connection, block: int, texts: Sequence[str]) -> None:
    """Keep the strings with pairs of a block's indexed texts, each once, for `write_pairs`."""
    strings = pc.unique(pc.list_flatten(pc.split_pattern(pa.array(texts, pa.string()), '"')))
    kept = '"'.join(strings.filter(pc.match_substring_regex(strings, _HAS_PAIR)).to_pylist())
    is_short = len(kept) <= max(sum(map(len, texts)) // _MAX_SHARE, _MIN_CHARS)
    lower = kept.encode().lower().decode() if is_short else None  # of bytes, so that only A-Z change
    connection.execute("INSERT INTO strings VALUES (?, ?)", (1 << block % BLOCKS, lower))


def write_pairs(connection: sqlite3.Connection, count: int) -> None:
    """Write the pairs of what was put aside. The words are written by then, so it is known which of them are common."""
    connection.execute(_TERMS)
    least = max(2, count // _RARE_IN)
    pairs = _Pairs(dict(connection.execute(_COMMON, (least,))), least, max(count, _MIN_PAIRS))
    for blocks, texts in connection.execute("SELECT blocks, texts FROM strings"):
        pairs.add(None if texts is None else find_pairs(texts), blocks)
    connection.execute("DROP TABLE strings")
    common = sorted(pairs.common) if pairs.blocks else []
    connection.executemany("INSERT INTO common VALUES (?)", ((word,) for word in common))
    rows = sorted(("".join(pair), blocks) for pair, blocks in pairs.blocks.items())
    connection.executemany("INSERT INTO pairs VALUES (?, ?)", [(_NOT_KEPT, pairs.not_kept), *rows])


def find_runs(
    connection: sqlite3.Connection, pairs: Sequence[Pair], open_pair: Pair | None, first: int, last: int
) -> Iterator[tuple[int, int]]:
    """Yield the runs of offsets, from `last` down to `first`, in which all of the pairs may occur.

    Args:
        connection: The word file.
        pairs: Pairs of whole words.
        open_pair: A pair whose second word is the beginning of one.
        first: The first offset.
        last: The last offset.
    """
    block_events: int = connection.execute("PRAGMA user_version").fetchone()[0]
    is_asked = block_events and (pairs or open_pair)  # a file of before has no pairs
    blocks = _find_blocks(connection, pairs, open_pair) if is_asked else _ALL
    if blocks == _ALL:
        yield first, last
        return
    numbers = range(last // block_events, first // block_events - 1, -1)
    for is_in, run in groupby(numbers, key=lambda number: bool(blocks >> number % BLOCKS & 1)):
        if is_in:
            inside = list(run)
            yield max(first, inside[-1] * block_events), min(last, (inside[0] + 1) * block_events - 1)


class _Pairs:
    """The blocks of pairs of common words, which grow fewer when pairs grow many."""

    def __init__(self, common: dict[str, int], least: int, most: int) -> None:
        self.common = common
        self.blocks: dict[Pair, int] = {}
        self.not_kept = 0
        self._least, self._most = least, most

    def add(self, found: Iterable[Pair] | None, blocks: int) -> None:
        if found is None:
            self.not_kept |= blocks
            return
        for pair in set(self._shorten(found)):
            self.blocks[pair] = self.blocks.get(pair, 0) | blocks
        while len(self.blocks) > self._most:
            self._make_fewer()

    def _make_fewer(self) -> None:
        wider, self.blocks = self.blocks, {}
        if not self.common:  # so many different signs alone
            self.not_kept = _ALL
            return
        self._least *= 2
        self.common = {word: messages for word, messages in self.common.items() if messages >= self._least}
        for pair, blocks in zip(self._shorten(wider), wider.values(), strict=True):
            self.blocks[pair] = self.blocks.get(pair, 0) | blocks

    def _shorten(self, found: Iterable[Pair]) -> Iterator[Pair]:
        common = self.common
        return ((a if a in common else "", signs, b if b in common else "") for a, signs, b in found)


def _find_blocks(connection: sqlite3.Connection, pairs: Sequence[Pair], open_pair: Pair | None) -> int:
    found = _ALL
    for before, signs, after in pairs:
        found &= _get(connection, _shorten(connection, before) + signs + _shorten(connection, after))
    if open_pair and found:
        found &= _find_open(connection, *open_pair)
    return found | _get(connection, _NOT_KEPT)


def _find_open(connection: sqlite3.Connection, before: str, signs: str, beginning: str) -> int:
    start = _shorten(connection, before) + signs
    found = _get(connection, start)  # a rare word may begin so
    between = f"{start}{beginning}", f"{start}{beginning}\U0010ffff"
    for (blocks,) in connection.execute("SELECT blocks FROM pairs WHERE pair BETWEEN ? AND ?", between):
        found |= blocks
        if found == _ALL:
            break
    return found


def _get(connection: sqlite3.Connection, pair: str) -> int:
    row = connection.execute("SELECT blocks FROM pairs WHERE pair = ?", (pair,)).fetchone()
    return row[0] if row else 0


def _shorten(connection: sqlite3.Connection, word: str) -> str:
    return word if connection.execute("SELECT 1 FROM common WHERE word = ?", (word,)).fetchone() else ""
