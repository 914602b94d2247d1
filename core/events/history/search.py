"""Searching the whole log, newest first: the index of words names candidates, what has no index yet is scanned."""

from __future__ import annotations

import itertools
import logging
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from core.errors import StoreUnreadable
from core.events.blocks import Block
from core.events.entry import StoredEvent
from core.events.history.day_file import ROW_GROUP_EVENTS
from core.events.history.layout import (
    ClosedFile,
    WordFile,
    history_folder,
    list_closed_files,
    list_word_files,
    read_layout,
    words_folder,
)
from core.events.history.read import get_events, read_file, snapshot
from core.events.history.relation import connect, scan_day_files
from core.events.history.word_index import Match, find_candidates, make_match
from core.events.history.words import TextQuery
from core.events.live import scan_live
from core.events.log_file import LogFile

_LOG = logging.getLogger(__name__)
_FEW_CANDIDATES, _MANY_CANDIDATES, _MAX_CANDIDATES = 16, 128, 2_000
_CROWD, _CROWD_MESSAGES = 512, 32
"""So many candidates, one in so many messages or more, of which hardly any is meant: to scan is quicker than to get."""
_MAX_HURRIED = 128
"""Scattered ones at once where somebody waits: each costs the unpacking of a row group, some 2 ms."""
_MAX_SCANNED = 65_536
_MAX_PATTERN_CHARS = 10_000
"""SQLite refuses a pattern that is much longer; what is left out here is looked for in what the rest finds."""
_MAX_PATTERNS = 8


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a message must be; None: anything."""

    text: str | None = None
    source_id: str | None = None
    type: str | None = None
    name: str | None = None
    user_id: str | None = None

    def list_filters(self) -> dict[str, str]:
        """Return the columns that must hold a value."""
        named = {"source_id": self.source_id, "type": self.type, "name": self.name, "user_id": self.user_id}
        return {name: value for name, value in named.items() if value is not None}


class Found(NamedTuple):
    """What a search found, newest first.

    `reached` is the offset down to which it looked when its time was over; None where it came to its end, or to its
    limit. To go on, search before `reached`.
    """

    events: list[StoredEvent]
    reached: int | None = None


def search_events(
    log: LogFile, criteria: Criteria, before: int | None, limit: int, *, after: int = 0, within_s: float | None = None
) -> Found:
    """Return the newest `limit` messages that meet the criteria between `after` and `before`.

    Args:
        log: The event log.
        criteria: What is looked for.
        before: Only offsets below this one.
        limit: Unit: messages.
        after: Only offsets above this one.
        within_s: When to stop looking, to the next step of some tenths of a second; None: never.
    """
    deadline = None if within_s is None else time.monotonic() + within_s
    events: list[StoredEvent] = []
    with closing(_Search(log, criteria, limit, is_hurried=deadline is not None).run(before, after)) as steps:
        for step in steps:
            if not isinstance(step, _Reached):
                events.append(step)
                if len(events) == limit:
                    break
            elif deadline is not None and time.monotonic() > deadline:
                return Found(events, step.offset)
    return Found(events)


class _Reached(NamedTuple):
    """A step of a search is done: all from `offset` on has been looked at."""

    offset: int


class _Search:
    def __init__(self, log: LogFile, criteria: Criteria, limit: int, *, is_hurried: bool = False) -> None:
        self._max_scattered = _MAX_HURRIED if is_hurried else _MAX_CANDIDATES
        self._log = log
        self._text = TextQuery(criteria.text) if criteria.text else None
        self._filters = criteria.list_filters()
        self._match = make_match(self._text, self._filters)
        self._is_narrow = self._is_vain = False
        self._at_first = min(max(limit, _FEW_CANDIDATES), _MANY_CANDIDATES)

    def run(self, before: int | None, after: int) -> Generator[StoredEvent | _Reached]:
        """Yield messages, and how far the search has come after each step that may have taken some time."""
        with snapshot(self._log) as connection:
            layout = read_layout(connection)
            files = list_word_files(connection) if self._match else []
        last = layout.last if before is None else min(before - 1, layout.last)
        start = max(layout.start, after + 1)
        for file in reversed(files):
            if file.first > last or self._match is None:
                continue
            yield from self._scan(max(file.last + 1, start), last)
            yield from self._look_up(file, self._match, max(file.first, start), min(last, file.last))
            last = min(last, file.first - 1)
        yield from self._scan(start, last)

    def _look_up(self, file: WordFile, match: Match, first: int, last: int) -> Iterator[StoredEvent | _Reached]:
        path = words_folder(self._log.path) / file.name
        try:
            while first <= last:
                with closing(find_candidates(path, match, first, last, is_narrow=self._is_narrow)) as candidates:
                    size = _CROWD if self._is_vain else self._at_first
                    while some := list(itertools.islice(candidates, size)):
                        if self._is_vain and _is_crowd(some):
                            yield from self._scan(first, some[0])
                            return
                        found = self._get(some)
                        yield from found
                        yield _Reached(some[-1])
                        last = some[-1] - 1
                        size = min(2 * size, _MAX_CANDIDATES if _is_dense(some) else self._max_scattered)
                        if not self._is_narrow and len(some) == self._at_first and 2 * len(found) < len(some):
                            self._is_narrow = True  # too many candidates are not meant
                            break
                        is_vain = self._is_narrow and _is_crowd(some) and _FEW_CANDIDATES * len(found) < len(some)
                        self._is_vain = self._is_vain or is_vain
                    else:
                        yield _Reached(first)
                        return
        except sqlite3.DatabaseError as error:
            _LOG.warning("The index of words %s cannot be read; its messages are scanned: %s", file.name, error)
            yield from self._scan(first, last)

    def _get(self, offsets: list[int]) -> list[StoredEvent]:
        events = get_events(self._log, offsets)
        return [events[offset] for offset in offsets if offset in events and self._is_meant(events[offset])]

    def _scan(self, first: int, last: int) -> Iterator[StoredEvent | _Reached]:
        if first > last:
            return
        where, values = self._make_condition("CAST(body AS TEXT) LIKE")
        with snapshot(self._log) as connection:
            live_first = read_layout(connection).live_first
            for event in scan_live(connection, max(first, live_first), last, where, values, self._may_hold):
                if self._is_meant(event):
                    yield event
            older = list_closed_files(connection, first, min(last, live_first - 1)) if first < live_first else []
        if live_first <= last:
            yield _Reached(max(first, live_first))
        if older:
            yield from self._scan_files(older, first, min(last, live_first - 1))

    def _scan_files(self, files: list[ClosedFile], first: int, last: int) -> Iterator[StoredEvent | _Reached]:
        rows = ROW_GROUP_EVENTS
        with connect(self._log) as database:
            while first <= last:  # a little at first: mostly a page is full after the newest messages
                low = max(first, last - rows + 1)
                inside = [file for file in files if file.first <= last and file.last >= low]
                for event in self._read_window(database, inside, low, last):
                    if self._is_meant(event):
                        yield event
                yield _Reached(low)
                last, rows = low - 1, min(4 * rows, _MAX_SCANNED)

    def _read_window(
        self, database: DuckDBPyConnection, files: list[ClosedFile], first: int, last: int
    ) -> list[StoredEvent]:
        where, values = self._make_condition("body ILIKE")

        def scan(*paths: Path) -> list[StoredEvent]:
            return scan_day_files(database, paths, first, last, where, values)

        try:  # together, because a small workspace has a thousand small files
            return scan(*(history_folder(self._log.path) / file.name for file in files))
        except (FileNotFoundError, StoreUnreadable):  # dropped meanwhile, or to be named
            found = [read_file(self._log, file, scan) or [] for file in reversed(files)]
            return [event for events in found for event in events]

    def _make_condition(self, like: str) -> tuple[str, list[object]]:
        patterns = [each for each in self._text.patterns if len(each) <= _MAX_PATTERN_CHARS] if self._text else []
        likes = [f"{like} ? ESCAPE '!'" for _ in patterns[:_MAX_PATTERNS]]
        where = [*(f"{name} = ?" for name in self._filters), *likes]
        return " AND ".join(where) or "true", [*self._filters.values(), *patterns[:_MAX_PATTERNS]]

    def _may_hold(self, block: Block) -> bool:
        about = {"source_id": block.source_id, "type": block.type, "name": None}
        return all(about.get(name, value) == value for name, value in self._filters.items())

    def _is_meant(self, event: StoredEvent) -> bool:
        if any(getattr(event, name) != value for name, value in self._filters.items()):
            return False
        return self._text is None or self._text.matches(event.body)


def _is_crowd(offsets: list[int]) -> bool:
    return len(offsets) >= _CROWD and _is_dense(offsets)


def _is_dense(offsets: list[int]) -> bool:
    return offsets[0] - offsets[-1] < _CROWD_MESSAGES * len(offsets)
