"""The index of words: for each `PART_EVENTS` messages one file that says in which of them a word occurs.

A file is an FTS5 table of SQLite without the texts (`content=''`) and without the places of words (`detail=none`): it
names candidates, and the message itself decides. A source and a type are words of their own, so that a filter narrows
the candidates. A worker builds the files behind the log; what has no file yet is scanned (`search.py`). They hold
nothing that is not in the log: a file that is lost is built again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from core.errors import StorageFull
from core.events.entry import StoredEvent
from core.events.history import word_pairs
from core.events.history.day_file import ROW_GROUP_EVENTS, make_durable, translate_write_error
from core.events.history.layout import (
    list_word_files,
    read_layout,
    words_folder,
)
from core.events.history.read import read_events, snapshot
from core.events.history.words import Pair, TextQuery, read_words, to_indexed_text
from core.events.log_file import LogFile

MIN_PREFIX_CHARS = 3
"""A shorter beginning names so many words that it is not asked for where there is something else to ask for."""
PART_EVENTS = 100_000
"""What is newer than the last file is scanned: so many messages take a tenth of a second."""
_PREPARE = (
    "PRAGMA journal_mode=OFF",  # a half-written file is thrown away
    "PRAGMA synchronous=OFF",
    "PRAGMA cache_size=-32000",
    "CREATE VIRTUAL TABLE words USING fts5(body, content='', columnsize=0, detail=none, tokenize='ascii')",
)
_MAX_TERMS = 32
"""More words name no fewer candidates, and FTS5 takes no question of any depth."""
_FIND = "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC"


def build_next(log: LogFile) -> bool:
    """Build the file of the next messages that have none; False where there are not enough of them yet.

    Raises:
        StorageFull: There is no room for the file; nothing is left behind.
    """
    part = _find_gap(log)
    if part is None:
        return False
    first, last = part
    path = words_folder(log.path) / f"{first:012d}-{last:012d}.words"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.making")
    try:
        draft.unlink(missing_ok=True)
        _write(draft, log, first, last)
        make_durable(draft, path)
    except OSError as error:
        raise translate_write_error(error) from error
    except sqlite3.OperationalError as error:
        if "full" not in str(error) and "disk i/o" not in str(error).lower():
            raise
        raise StorageFull(
            "The disk under ONRAMP_HOME is full or failing; the index of words for the search was not written.",
            hint="Free some space. Until then a search takes longer, and finds the same.",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    with log.writing() as connection:
        overlaps = any(file.first <= last and file.last >= first for file in list_word_files(connection))
        if not overlaps and path.exists():
            connection.execute("INSERT INTO word_files VALUES (?, ?, ?)", (first, last, path.name))
    return True


def is_behind(log: LogFile) -> bool:
    """Say whether `build_next` has something to build."""
    return _find_gap(log) is not None


@dataclass(frozen=True, slots=True)
class Match:
    """The index's question: all of `terms`, a word with the beginning `beginning`, and the pairs of words."""

    terms: tuple[str, ...]
    beginning: str | None
    pairs: tuple[Pair, ...] = ()
    open_pair: Pair | None = None

    @property
    def narrow(self) -> str:
        """The whole question."""
        asked = [f'"{term}"' for term in self.terms]
        if self.beginning is not None and (len(self.beginning) >= MIN_PREFIX_CHARS or not asked):
            asked.append(f'"{self.beginning}"*')
        return " AND ".join(asked)

    @property
    def quick(self) -> str:
        """The question without the beginning, which has the index put together all words that begin so."""
        return " AND ".join(f'"{term}"' for term in self.terms) or self.narrow


def make_match(text: TextQuery | None, filters: Mapping[str, str]) -> Match | None:
    """Return the question for messages with this text and these values; None where the index cannot narrow a search.

    Args:
        text: What the message holds.
        filters: Values by column. Source and type are in the index by name; words of the others occur in the message.
    """
    terms: list[str] = []
    for name, value in filters.items():
        terms += [_tag(name, value)] if name in _TAGGED else read_words(value)
    terms += text.words if text else []
    asked = tuple(dict.fromkeys(terms))[:_MAX_TERMS]
    match = Match(asked, text.beginning, tuple(text.pairs[:_MAX_TERMS]), text.open_pair) if text else Match(asked, None)
    return match if match.narrow else None


def find_candidates(path: Path, match: Match, first: int, last: int, *, is_narrow: bool) -> Generator[int]:
    """Yield the offsets from `last` down to `first` that the file names for the whole question, or the quick one.

    Raises:
        sqlite3.DatabaseError: The file is gone or damaged.
    """
    with closing(
        sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    ) as connection:
        question = match.narrow if is_narrow else match.quick
        for run in word_pairs.find_runs(connection, match.pairs, match.open_pair, first, last):
            for row in connection.execute(_FIND, (question, *run)):
                yield row[0]


_TAGGED = ("source_id", "type")


def _tag(name: str, value: str) -> str:
    return f"0{name.split('_')[0]}0{value.encode().hex()}"


def _find_gap(log: LogFile) -> tuple[int, int] | None:
    with snapshot(log) as connection:
        layout = read_layout(connection)
        files = list_word_files(connection)
    first = layout.start
    for file in files:
        if file.first > first:
            return first, min(first + PART_EVENTS, file.first) - 1
        first = file.last + 1
    last = first + PART_EVENTS - 1
    return (first, last) if last <= layout.last else None


def _write(path: Path, log: LogFile, first: int, last: int) -> None:
    count = last - first + 1
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in _PREPARE:
            connection.execute(statement)
        block_events = word_pairs.prepare(connection, count)
        connection.execute("BEGIN")
        texts = _read_texts(log, first, last)
        for block, some in groupby(texts, key=lambda text: text[0] // block_events):
            rows = list(some)
            connection.executemany("INSERT INTO words (rowid, body) VALUES (?, ? || ' ' || ?)", rows)
            word_pairs.put_aside(connection, block, [text for _, _, text in rows])
        connection.execute("COMMIT")
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        connection.execute("BEGIN")
        word_pairs.write_pairs(connection, count)
        connection.execute("COMMIT")
        connection.execute("VACUUM")  # what was merged left a quarter of the file empty


def _read_texts(log: LogFile, first: int, last: int) -> Iterator[tuple[int, str, str]]:
    while first <= last:
        events = read_events(log, first - 1, min(ROW_GROUP_EVENTS, last - first + 1))
        if not events:
            return
        for event in events:
            if event.offset <= last:
                yield event.offset, _list_tags(event), to_indexed_text(event.body)
        first = events[-1].offset + 1


def _list_tags(event: StoredEvent) -> str:
    tags = _tag("source_id", event.source_id), _tag("type", event.type)
    return " ".join((*tags, *read_words(f"{event.name or ''} {event.user_id or ''}")))
