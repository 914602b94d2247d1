"""A search with the index of words and pairs finds the messages that `TextQuery.matches` says, whatever they hold."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.events.event_log import EventLog, LogEntry
from core.events.history import search, word_index, word_pairs
from core.events.history.word_index import build_next
from core.events.history.words import TextQuery
from tests.sizes import examples

AT = datetime(2026, 11, 1, tzinfo=UTC)
word = st.sampled_from(["a", "Ab", "abc", "b", "12", "1b", "7", "Zoë", "Σ", "東", "京", "n", "u00e9"])
sign = st.sampled_from(
    [" ", " ", " ", "", "-", ".", ":", "@", ", ", '"', '","', "\\", "\\n", "\n", "–", "  ", "\x00", " " * 17]
)
text = st.lists(st.tuples(sign, word), max_size=5).map(lambda some: "".join(part for each in some for part in each))
ending = st.sampled_from(["", "", "", ".", '"', " "])
message = st.one_of(text, st.lists(text, max_size=2), st.dictionaries(text, text, max_size=1), st.integers(0, 12))
query = st.tuples(text, ending, st.sampled_from(['"{}"', '"{}"', "{}", '"{}" a', "a {}"])).map(
    lambda parts: parts[2].format((parts[0] + parts[1]).strip() or "a")
)


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    messages=st.lists(message, min_size=1, max_size=8),
    copies=st.sampled_from([1, 9]),
    queries=st.lists(query, min_size=4, max_size=12),
    bounds=st.sampled_from([(1_000, 10_000), (0, 10_000), (1_000, 0)]),
)
def test_what_is_found_is_what_matches(
    monkeypatch: pytest.MonkeyPatch, messages: list[object], copies: int, queries: list[str], bounds: tuple[int, int]
) -> None:
    monkeypatch.setattr(word_pairs, "_MIN_PAIRS", bounds[0])
    monkeypatch.setattr(word_pairs, "_MIN_CHARS", bounds[1])
    monkeypatch.setattr(search, "_CROWD", 4)
    bodies = [orjson.dumps({"type": "track", "at": "2026-10-01T12:07:12.7Z", "is": each}) for each in messages] * copies
    monkeypatch.setattr(word_index, "PART_EVENTS", len(bodies))
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "events.db")
        try:
            log.append([LogEntry("src_a", f"m{n}", "track", None, None, AT, body) for n, body in enumerate(bodies)])
            assert build_next(log)
            asked = [
                *queries,
                *(f'"{each}"' for each in messages if isinstance(each, str) and '"' not in each and each),
            ]
            for each in asked:
                meant = [n + 1 for n, body in enumerate(bodies) if TextQuery(each).matches(body)]
                assert sorted(event.offset for event in log.search(text=each, limit=1_000)) == meant, each
        finally:
            log.close()
