"""Search as you type over many profiles: from the text to a page of people, beside a scan of the same texts.

The profiles are written as the builder writes them; the index is made by the worker's own step. The page is the script
of the profile explorer with its results, without a browser.
"""

from __future__ import annotations

import os
import random
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import orjson
import report
from streamlit.testing.v1 import AppTest

from core.identity.rules import add_identifiers
from core.profiles.changes import note_changes
from core.profiles.search import search_profiles
from core.profiles.search_index import index_path, keep_search
from core.storage.bulk import upsert_rows
from core.storage.tables import identifiers, profiles
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace, open_workspace

ROOT = Path(__file__).resolve().parents[2]
BATCH = 20_000
WAITING = 3_000  # profiles that live events have changed since the index was made
START_MS = 1_760_000_000_000
GIVEN = tuple("Anna Ada Grace Müller Jürgen Paul Peter Maria Sofia Liam Noah Emma Olivia Mia Jonas Hans Ute".split())  # noqa: SIM905
FAMILY = tuple("Schmidt Fischer Weber Meyer Wagner Schulz Lovelace Hopper Turing Smith Jones Garcia Li".split())  # noqa: SIM905
CITIES = tuple("Berlin Hamburg München Köln Frankfurt Stuttgart Düsseldorf Leipzig Dresden Nürnberg".split())  # noqa: SIM905


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=1_000_000)
    parser.add_argument("--home", help="keep the profiles there, and use those that are there already")
    arguments = parser.parse_args(argv)
    found = report.Report(f"search of {arguments.rows:,} profiles")
    with tempfile.TemporaryDirectory(prefix="onramp-search-") as folder:
        workspace = open_workspace(arguments.home or folder)
        _fill(workspace, arguments.rows, found)
        _search(workspace, arguments.rows, arguments.repeat, found)
        _draw(workspace, arguments.repeat, found)
        workspace.close()
    found.print(as_json=arguments.json)
    return 0


def _fill(workspace: Workspace, count: int, found: report.Report) -> None:
    space = ensure_space(workspace)
    if not search_profiles(workspace, space.id, "").people:
        add_identifiers(workspace, space.id, ["user_id", "email", "anonymous_id"])
        for start in range(0, count, BATCH):
            people = list(_make_people(space.id, start, min(start + BATCH, count)))
            with workspace.database.transaction() as connection:
                upsert_rows(connection, profiles, [row for row, _ in people])
                upsert_rows(connection, identifiers, [row for _, rows in people for row in rows])
    started = time.perf_counter()
    done = keep_search(workspace)
    if done:
        found.add(report.Measurement("index the profiles", time.perf_counter() - started, done, note="one thread"))
    found.facts["bytes a profile, index with its texts"] = round(
        index_path(workspace, space.id).stat().st_size / count, 1
    )


def _make_people(space_id: str, first: int, end: int) -> Iterator[tuple[tuple[object, ...], list[tuple[object, ...]]]]:
    chance = random.Random(first)
    for number in range(first, end):
        at = START_MS + number * 1_000
        profile_id = f"use_{number:026d}"
        given, family = chance.choice(GIVEN), chance.choice(FAMILY)
        email = f"{given}.{family}{number}@example.com".lower()
        traits = {
            "email": email,
            "phone": f"+49{chance.randrange(10**9, 10**10)}",
            "first_name": given,
            "last_name": family,
            "city": chance.choice(CITIES),
            "plan": chance.choice(["pro", "basic", "free"]),
            "total_inbounds": chance.randrange(50),
            "lifetime_value": round(chance.random() * 5_000, 2),
            "signed_up": f"2026-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}",
        }
        entries = {key: [value, at, number + 1, None] for key, value in traits.items()}
        row = (space_id, profile_id, at, number + 1, at, None, 0, orjson.dumps(entries).decode())
        values = {"user_id": f"u{number}", "email": email, "anonymous_id": str(uuid.UUID(int=chance.getrandbits(128)))}
        its = [(space_id, type_, value, profile_id, at, at, number + 1, "src") for type_, value in values.items()]
        yield row, its


def _search(workspace: Workspace, count: int, repeat: int, found: report.Report) -> None:
    space = ensure_space(workspace)
    middle = count // 2
    questions = {
        "nothing: the most recent": "",
        "one letter": "a",
        "two letters inside a word": "xq",
        "three letters": "ada",
        "a whole user id": f"u{middle}",
        "a part of an e-mail": f"{middle}@exam",
        "a phone fragment": "+49 30 123",
        "what everybody has": "@example.com",
        "two names": "grace hopper",
        "two names that never meet": "schmidt schulz",
        "three common words": "basic nürnberg lovelace",
        "a trait": "city:berl",
        "a trait, inside its value": "city:erlin",
        "a trait that does not have the value": "city:basic",
        "nobody, of common parts": "berlin hamburg basic",
        "nobody, a date range": "2026-11-08 2026-10-09",
        "nobody": "zzqx",
    }
    with sqlite3.connect(index_path(workspace, space.id)) as bare:
        scan = report.measure(
            "a bare scan of the texts",
            count,
            lambda: bare.execute("SELECT count(*) FROM texts WHERE instr(text, 'zzqx') > 0").fetchone(),
            repeat=repeat,
        )
    found.add(scan)
    slowest = _ask(workspace, questions, repeat, found)
    found.ratios["the slowest question / a bare scan"] = slowest / scan.seconds
    with workspace.database.transaction() as connection:
        for number in range(WAITING):
            note_changes(connection, space.id, [f"use_{number * 313 % count:026d}"])
    waiting = {f"{name}, {WAITING:,} waiting": text for name, text in questions.items()}
    found.ratios["the same while profiles wait"] = _ask(workspace, waiting, repeat, found) / scan.seconds
    keep_search(workspace)


def _ask(workspace: Workspace, questions: Mapping[str, str], repeat: int, found: report.Report) -> float:
    space, slowest = ensure_space(workspace), 0.0
    for name, text in questions.items():
        result = search_profiles(workspace, space.id, text)
        note = f"{text!r}: {len(result.people)} shown{', newest only' if result.is_partial else ''}"
        each = report.measure(name, 1, lambda text=text: search_profiles(workspace, space.id, text), repeat=repeat)
        found.add(
            report.Measurement(name, each.seconds, 1, each.runs, f"{note}; slowest {max(each.runs) * 1000:.0f} ms")
        )
        slowest = max(slowest, each.seconds)
    return slowest


def _draw(workspace: Workspace, repeat: int, found: report.Report) -> None:
    os.environ["ONRAMP_HOME"] = str(workspace.home.root)
    app = AppTest.from_file(str(ROOT / "pages" / "profile_explorer.py"), default_timeout=60).run()
    texts = ("g", "gr", "gra", "grac", "grace", "grace h", "grace ho", "grace hop")
    seconds = []
    for _ in range(repeat):
        for text in texts:
            started = time.perf_counter()
            app.text_input(key="profile_search").set_value(text).run()
            seconds.append(time.perf_counter() - started)
    if app.exception or not any(str(button.key).startswith("open_") for button in app.button):
        raise SystemExit("the page shows nobody")
    note = f"median of {len(seconds)}; slowest {max(seconds) * 1000:.0f} ms"
    found.add(report.Measurement("a key to the page's script done", statistics.median(seconds), 1, (), note))


if __name__ == "__main__":
    report.run(main)
