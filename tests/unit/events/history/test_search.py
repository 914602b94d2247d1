"""What a search finds is the same in messages of today, of a closed day, with an index of words and without."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from core.events.event_log import EventLog, LogEntry, StoredEvent
from core.events.history import word_index
from core.events.history.close import delete_closed
from core.events.history.search import Criteria, search_events
from core.events.history.word_index import build_next, make_match
from core.events.history.words import TextQuery
from tests.closed_days import DAY, append_days, close_all, make_entry

LATER = DAY + timedelta(days=30)
TEXTS = [
    "Ada Lovelace",
    "ada_2 100%",
    "Canada",
    'say "hi"',
    "Jürgen Müller",
    "line one\nAda again",
    "back\\nada",
    "株式会社東京",
    "“Grace” – Hopper…",
    "ada.lovelace@example.com",
    "tab\there \u0000 NUL",
    "Zoe\u0308 and Zoë",
]
FOUND = {
    "ada": [1, 2, 6, 10],
    "ADA": [1, 2, 6, 10],
    "love": [1, 10],
    "lace": [],
    "Ada Lovelace": [1, 10],
    "lov ada": [],
    "lovelace ad": [1, 2, 10][::2],
    '"ada lovelace"': [1],
    '"lovelace ada"': [],
    '"ada love"': [],
    "ada lov": [1, 10],
    "100%": [2],
    "100_": [],
    '"hi"': [4],
    'say "hi': [4],
    "a a": [],
    "lovelace lovelace": [1, 10],
    " ": list(range(1, 13)),
    "hi": [4],
    "jürgen m": [5],
    "ller": [],
    "JÜRGEN": [],
    "one\nAda": [6],
    "again": [6],
    "nada": [7],
    "東京": [8],
    "京": [8],
    "Grace": [9],
    "hopper…": [9],
    "ada.lovelace@example.com": [10],
    "@example.com": [10],
    "example.co": [10],
    "here": [11],
    "NUL": [11],
    "Zoë": [12],
    "%": [2],
    "–": [9],
    "no such thing": [],
    "x" * 20_000: [],
    "bought": list(range(1, 13)),
}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "events.db")
    yield opened
    opened.close()


def find(log: EventLog, **criteria: object) -> list[int]:
    return sorted(event.offset for event in log.search(limit=1_000, **criteria))  # type: ignore[arg-type]


@pytest.mark.parametrize("place", ["live", "closed", "closed and gone from sqlite"])
@pytest.mark.parametrize("has_index", [False, True])
def test_a_text_is_found_from_the_start_of_a_word_on(
    log: EventLog, place: str, has_index: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append([make_entry(number, DAY, text=text) for number, text in enumerate(TEXTS)])
    monkeypatch.setattr(word_index, "PART_EVENTS", 5)
    while has_index and build_next(log):
        pass
    if place != "live":
        close_all(log, LATER)
    if place == "closed and gone from sqlite":
        delete_closed(log, LATER + timedelta(days=2))
    assert {text[:40]: find(log, text=text) for text in FOUND} == {text[:40]: FOUND[text] for text in FOUND}


@pytest.mark.parametrize("place", ["live", "closed and gone from sqlite"])
def test_a_search_whose_time_is_over_goes_on_from_where_it_came_to(
    log: EventLog, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no time at all each answer is one step, and the steps together find what a whole search finds."""
    monkeypatch.setattr(word_index, "PART_EVENTS", 7)
    append_days(log, [20, 20, 5])
    build_next(log)
    build_next(log)
    if place != "live":
        close_all(log, LATER)
        delete_closed(log, LATER + timedelta(days=2))
    for criteria in (Criteria(), Criteria("bought m1"), Criteria(source_id="src_b"), Criteria("no such thing")):
        events, before, answers = list[StoredEvent](), None, 0
        while True:
            found = search_events(log, criteria, before, 1_000, within_s=-1)
            events += found.events
            answers += 1
            if found.reached is None:
                break
            assert before is None or found.reached < before
            before = found.reached
        whole = search_events(log, criteria, None, 1_000)
        assert (events, None) == whole
        assert answers > 1


def test_filters_narrow_a_search_and_pages_follow_each_other(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_index, "PART_EVENTS", 7)
    append_days(log, [20, 20, 5])
    expected = {
        (): list(range(1, 46)),
        (("source_id", "src_b"),): [*range(2, 41, 2), 42, 44],
        (("user_id", "u3"), ("text", "bought")): [n for n in range(1, 46) if (n - 1) % 7 == 3],
        (("type", "identify"),): [],
        (("name", "Bought"), ("source_id", "src_a"), ("text", "m1")): [11, 13, 15, 17, 19],
    }
    for step in (lambda: None, lambda: close_all(log, DAY + timedelta(days=2, hours=1)), lambda: build_next(log)):
        step()
        for criteria, offsets in expected.items():
            assert find(log, **dict(criteria)) == offsets
            pages, before = list[int](), None
            while page := [each.offset for each in log.search(before=before, limit=4, **dict(criteria))]:
                pages += page
                before = page[-1]
            assert pages == offsets[::-1]


def test_what_arrives_is_found_at_once_while_older_messages_have_an_index(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_index, "PART_EVENTS", 10)
    append_days(log, [10])
    assert build_next(log)
    assert not build_next(log)
    log.append([make_entry(50, DAY, text="brand new")])
    assert find(log, text="brand") == [11]


def test_an_index_that_is_damaged_or_gone_costs_time_and_no_result(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_index, "PART_EVENTS", 10)
    append_days(log, [30])
    while build_next(log):
        pass
    first, second, _third = sorted((log.path.parent / "history" / "words").iterdir())
    first.write_bytes(b"no index at all, but long enough to be looked at" * 100)
    second.unlink()
    assert find(log, text="bought") == list(range(1, 31))


def test_the_index_names_the_messages_and_needs_no_scan(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_index, "PART_EVENTS", 50)
    append_days(log, [50])
    log.append([LogEntry("src_a", "x", "page", None, None, DAY, orjson.dumps({"type": "page", "q": "needle in hay"}))])
    assert build_next(log)
    (file,) = (log.path.parent / "history" / "words").iterdir()
    match = make_match(TextQuery("m17"), {"source_id": "src_b", "type": "track"})
    assert match is not None
    assert list(word_index.find_candidates(file, match, 1, 50, is_narrow=True)) == [18]
    assert list(word_index.find_candidates(file, match, 40, 50, is_narrow=False)) == [50, 48, 46, 44, 42, 40]


def test_the_beginning_of_a_word_is_asked_for_when_it_narrows() -> None:
    def ask(text: str) -> tuple[str, str]:
        match = make_match(TextQuery(text), {})
        assert match is not None
        return match.narrow, match.quick

    assert ask("ada l") == ('"ada"', '"ada"')
    assert ask("ada lov") == ('"ada" AND "lov"*', '"ada"')
    assert ask("l") == ('"l"*', '"l"*')
    assert ask("ada@example.com x") == ('"ada" AND "example" AND "com"',) * 2
    assert make_match(TextQuery("%"), {}) is None
    assert make_match(None, {}) is None


def test_many_candidates_that_are_not_meant_lead_to_the_narrow_question(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_index, "PART_EVENTS", 400)
    log.append([make_entry(number, DAY, text="x lovelace" if number == 3 else "x") for number in range(400)])
    assert build_next(log)
    assert find(log, text="x lov") == [4]
