"""Pairs of neighbouring words rule out messages that hold the words of a phrase apart, and no others."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.events.event_log import EventLog
from core.events.history import search, word_index, word_pairs
from core.events.history.word_index import build_next, find_candidates, make_match
from core.events.history.words import TextQuery, find_pairs
from tests.closed_days import DAY, make_entry

TEXTS = {
    3: "blue widget",
    4: "widget: blue",
    5: "30 12",
    6: "30-12",
    7: "Blue Widget of 12 parts",
    90: "blue-widget 12:30, at 10.0.0.1",
}
APART = "blue and red widget, 12 of 30"
PHRASES = {
    '"blue widget"': [3, 7],
    '"widget blue"': [],
    '"blue widget" of': [7],
    "blue-wid": [90],
    "blue-wod": [],
    "widget:blue": [],
    '"widget: blue"': [4],
    '"of 12"': [7],
    '"and red widget"': [number for number in range(96) if number not in TEXTS],
    '"and red" blue-widget': [],
    "12:30": [90],
    '"10.0.0.1"': [90],
    '"30 12"': [5],
    '"12 30"': [],
    '"30-12"': [6],
}


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventLog]:
    monkeypatch.setattr(word_index, "PART_EVENTS", 96)
    opened = EventLog(tmp_path / "events.db")
    opened.append([make_entry(number, DAY, text=TEXTS.get(number, APART)) for number in range(96)])
    yield opened
    opened.close()


def find(log: EventLog, text: str) -> list[int]:
    return sorted(event.offset - 1 for event in log.search(text=text, limit=100))


def name_candidates(log: EventLog, text: str) -> list[int]:
    match = make_match(TextQuery(text), {})
    assert match is not None
    return [offset - 1 for offset in find_candidates(get_file(log), match, 1, 96, is_narrow=True)]


def get_file(log: EventLog) -> Path:
    (file,) = (log.path.parent / "history" / "words").iterdir()
    return file


def test_pairs_are_of_one_string_and_not_inside_times_and_addresses() -> None:
    assert find_pairs('"name":"ada","at":"2026-10-01t12:34:56.789z"') == []
    assert find_pairs('"ip":"10.0.0.1","agent":"10_15 x/5"') == [("10", "_", "15"), ("15", " ", "x"), ("x", "/", "5")]
    assert find_pairs("npm:next-1.7, 12 a-1b") == [
        ("npm", ":", "next"),
        ("next", "-", "1"),
        ("7", ", ", "12"),
        ("12", " ", "a"),
        ("a", "-", "1b"),
    ]


def test_the_last_pair_of_a_text_is_open_unless_the_text_is_quoted() -> None:
    def read(text: str) -> tuple[object, object]:
        query = TextQuery(text)
        return query.pairs, query.open_pair

    assert read('"Ada King" of') == ([("ada", " ", "king")], None)
    assert read("a@b.co") == ([("a", "@", "b")], ("b", ".", "co"))
    assert read("a@b.co!") == ([("a", "@", "b"), ("b", ".", "co")], None)
    assert read("東京") == ([("東", "  ", "京")], None)
    assert read("ada king") == ([], None)


@pytest.mark.parametrize("has_index", [False, True])
def test_a_phrase_is_found_where_its_words_stand_together(log: EventLog, has_index: bool) -> None:
    if has_index:
        assert build_next(log)
    assert {text: find(log, text) for text in PHRASES} == PHRASES


def test_a_phrase_that_stands_nowhere_names_no_candidate(log: EventLog) -> None:
    assert build_next(log)
    for text in ('"widget blue"', "blue/widget", '"of 13"', "blue-wod", '"12, of"'):
        assert name_candidates(log, text) == [], text


def test_a_phrase_names_candidates_where_it_stands(log: EventLog) -> None:
    assert build_next(log)
    assert set(name_candidates(log, '"blue widget"')) <= {3, 4, 7, 8}  # two messages are a block
    assert len(name_candidates(log, '"red widget"')) > 80


def test_a_file_without_pairs_is_searched_as_before(log: EventLog) -> None:
    assert build_next(log)
    with closing(sqlite3.connect(get_file(log))) as connection:
        connection.executescript("DROP TABLE pairs; DROP TABLE common; PRAGMA user_version=0")
    assert {text: find(log, text) for text in PHRASES} == PHRASES


def test_a_file_holds_no_more_than_is_asked_for(log: EventLog) -> None:
    assert build_next(log)
    with closing(sqlite3.connect(get_file(log))) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"common", "pairs"} <= tables
    assert "strings" not in tables


@pytest.mark.parametrize("most", [1, 4, 8])
def test_when_pairs_are_many_more_words_count_as_rare(
    log: EventLog, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(word_pairs, "_MIN_PAIRS", 0)
    monkeypatch.setattr(word_index, "PART_EVENTS", most)
    while build_next(log):
        pass
    for file in (log.path.parent / "history" / "words").iterdir():
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT count(*) FROM pairs WHERE pair <> ''").fetchone()[0] <= most
    assert {text: find(log, text) for text in PHRASES} == PHRASES


def test_sentences_of_their_own_keep_no_pairs_and_are_found(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_pairs, "_MIN_CHARS", 0)
    assert build_next(log)
    assert len(name_candidates(log, '"widget blue"')) == 94
    assert {text: find(log, text) for text in PHRASES} == PHRASES


def test_a_crowd_of_candidates_that_are_not_meant_is_scanned(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_index, "PART_EVENTS", 48)
    monkeypatch.setattr(search, "_CROWD", 8)
    monkeypatch.setattr(word_pairs, "_MIN_CHARS", 0)
    while build_next(log):
        pass
    scanned: list[tuple[int, int]] = []
    scan = search._Search._scan
    monkeypatch.setattr(
        search._Search, "_scan", lambda self, first, last: scanned.append((first, last)) or scan(self, first, last)
    )
    assert find(log, '"blue widget"') == [3, 7]
    assert any(first == 1 and last <= 48 for first, last in scanned)
    assert {text: find(log, text) for text in PHRASES} == PHRASES
