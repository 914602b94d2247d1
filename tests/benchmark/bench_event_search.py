"""Search in the whole event log: one page of the newest 100 messages, beside a bare DuckDB LIKE over the same files."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import report
from many_events import RARE_SOURCE, RARE_WORD, close_days, email_of, make_rows

from components.event_list import PATIENCE_S
from core.clock import from_millis
from core.events.event_log import EventLog, LogEntry
from core.events.history.search import Criteria, search_events
from core.events.history.word_index import build_next

PAGE = 100


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=1_000_000)
    parser.add_argument("--days", type=int, default=30, help="over how many closed days (default 30)")
    parser.add_argument("--today", type=int, default=50_000, help="messages of today without an index (default 50,000)")
    arguments = parser.parse_args(argv)
    found = report.Report(
        f"search of {arguments.rows:,} events in {arguments.days} closed days, {arguments.today:,} of today"
    )
    with tempfile.TemporaryDirectory(prefix="onramp-events-") as folder:
        log = EventLog(Path(folder) / "events.db")
        try:
            _fill(log, arguments.rows, arguments.days, arguments.today, found)
            _search(log, arguments.rows, arguments.repeat, found)
        finally:
            log.close()
    found.print(as_json=arguments.json)
    return 0


def _fill(log: EventLog, count: int, days: int, today: int, found: report.Report) -> None:
    started, size = time.perf_counter(), close_days(log, count, days)
    found.add(report.Measurement("make the events and write the files", time.perf_counter() - started, count))
    started = time.perf_counter()
    while build_next(log):
        pass
    found.add(report.Measurement("index the words", time.perf_counter() - started, count, note="one thread"))
    words = sum(path.stat().st_size for path in (log.path.parent / "history" / "words").glob("*"))
    for start in range(0, today, 5_000):
        rows = make_rows(min(5_000, today - start), 1, seed=start + 1, first=count + start + 1)
        log.append([LogEntry(*row[1:6], from_millis(row[6]), row[7]) for row in rows])
    sample = next(make_rows(1, 1))
    found.facts |= {
        "bytes an event, as JSON": len(sample[7]),
        "bytes an event, files of the days": round(size / count, 1),
        "bytes an event, index of words": round(words / count, 1),
    }


def _search(log: EventLog, count: int, repeat: int, found: report.Report) -> None:
    user = 4_711
    questions: dict[str, dict[str, str]] = {
        "a word that occurs once": {"text": RARE_WORD},
        "a word in every tenth message": {"text": "pricing"},
        "a common word of a rare source": {"text": "checkout", "source_id": RARE_SOURCE},
        "a rare source": {"source_id": RARE_SOURCE},
        "two common words": {"text": "pricing checkout"},
        "an event and a word": {"type": "track", "text": "completed eur"},
        "an e-mail address": {"text": email_of(user)},
        "a user": {"user_id": f"u{user}"},
        "a phrase of common words": {"text": '"blue-widget"'},
        "a phrase of common words that never stand together": {"text": '"pricing checkout"'},
        "the same, of two fields": {"text": '"en us europe"'},
        "the same, joined by a sign, with its end open": {"text": "pricing/checkout"},
        "the same, a word and a number": {"text": '"os 18"'},
        "the same, two numbers": {"text": '"34 56"'},
        "the same, two numbers joined by a hyphen": {"text": '"34-56"'},
        "the same, each two of them somewhere": {"text": '"like mac os x 10"'},
        "a beginning of a word": {"text": "lovel"},
        "no hit": {"text": "nowhere"},
        "no hit, of a common beginning": {"text": "examplf com"},
    }
    bare = duckdb.connect(config={"threads": 2})
    files = str(log.path.parent / "history" / "*.parquet")
    if len(log.search(**questions["a word that occurs once"])) != 1:
        raise SystemExit("the word that occurs once was not found once")
    for name, criteria in questions.items():
        ours = report.measure(name, 1, lambda c=criteria: log.search(limit=PAGE, **c), repeat=repeat)  # type: ignore[misc]
        hits = len(log.search(limit=PAGE, **criteria))
        answers = _answer(log, Criteria(**criteria))
        note = f"{hits} hits, first run {ours.runs[0]:.3f} s"
        if len(answers) > 1:
            note += f"; on a page {len(answers)} answers, the longest in {max(answers):.2f} s"
        found.add(report.Measurement(name, ours.seconds, 1, ours.runs, note))
    for name in ("a word that occurs once", "a word in every tenth message", "an e-mail address", "no hit"):
        text = questions[name]["text"]
        sql = (
            f"""SELECT * FROM read_parquet('{files}') WHERE body LIKE '%{text}%' ORDER BY "offset" DESC LIMIT {PAGE}"""
        )
        plain = report.measure(f"bare DuckDB LIKE: {name}", 1, lambda s=sql: bare.execute(s).fetchall(), repeat=1)  # type: ignore[misc]
        found.add(plain)
        ours = next(each for each in found.measurements if each.name == name)
        found.ratios[f"bare / ours, {name}"] = plain.seconds / ours.seconds
    bare.close()


def _answer(log: EventLog, criteria: Criteria) -> list[float]:
    """Return the seconds of each answer of a page that says how far it has come and goes on from there."""
    seconds, before, left = list[float](), None, PAGE
    while True:
        started = time.perf_counter()
        page = search_events(log, criteria, before, left, within_s=PATIENCE_S)
        seconds.append(time.perf_counter() - started)
        before, left = page.reached, left - len(page.events)
        if before is None or not left:
            return seconds


if __name__ == "__main__":
    report.run(main)
