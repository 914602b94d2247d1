"""A log of many realistic events, written as closed days without going through the log: ten millions in minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random

import orjson

from core.clock import to_iso, to_millis
from core.events.entry import Row
from core.events.event_log import EventLog
from core.events.history.close import FILE_EVENTS
from core.events.history.day_file import ROW_GROUP_EVENTS, write_day_file
from core.events.history.layout import history_folder

RARE_WORD = "zirconium"
RARE_SOURCE = "src_kiosk"
START = datetime(2026, 10, 1, tzinfo=UTC)
_FIRST = [
    "Ada",
    "Grace",
    "Alan",
    "Jürgen",
    "Zoë",
    "Linus",
    "Mary",
    "Tim",
    "Barbara",
    "Edsger",
    "Donald",
    "Frances",
    "Katherine",
    "Dorothy",
    "Margaret",
]
_LAST = [
    "Lovelace",
    "Hopper",
    "Turing",
    "Müller",
    "Okafor",
    "Nguyen",
    "Garcia",
    "Smith",
    "Dijkstra",
    "Knuth",
    "Allen",
    "Johnson",
    "Vaughan",
    "Hamilton",
]
_PATHS = [
    f"/{area}/{page}"
    for area in ["products", "pricing", "blog", "docs", "help", "account", "checkout", "cart"]
    for page in ["overview", "blue-widget", "red-widget", "getting-started", "orders", "settings", "returns", "faq"]
]
_AGENTS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
)
_EVENTS = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed")
_BODY = (
    '{"anonymousId":"%(anonymous)s","userId":"u%(user)d","messageId":"%(message)s","context":{"ip":"%(ip)s","library":'
    '{"name":"analytics.js","version":"npm:next-1.70.0"},"locale":"en-US","page":{"path":"%(path)s","referrer":'
    '"https://www.example.com/","search":"","title":"Example shop","url":"https://shop.example.com%(path)s"},'
    '"timezone":"Europe/Berlin","userAgent":"%(agent)s"},"integrations":{},"originalTimestamp":"%(at)s","sentAt":'
    '"%(sent)s","timestamp":"%(at)s","receivedAt":"%(received)s",%(rest)s}'
)
_NOTE = f'"type":"track","event":"Note Left","properties":{{"text":"of {RARE_WORD}"}}'


def email_of(user: int) -> str:
    """Return the e-mail address of a user."""
    return f"{_FIRST[user % 15]}.{_LAST[user % 14]}{user}@example.com".lower()


def make_rows(count: int, days: int, *, seed: int = 7, first: int = 1) -> Iterator[Row]:
    """Yield `count` rows of the log over `days` days: half pages, some calls of each other type, 200,000 users."""
    chance = Random(seed)
    step_ms = days * 86_400_000 / count
    for number in range(count):
        offset = first + number
        user, visit = chance.randrange(200_000), chance.getrandbits(128)
        message = f"{visit:032x}"
        received = START + timedelta(milliseconds=int(number * step_ms))
        at, path = received - timedelta(milliseconds=visit % 4_000), _PATHS[visit % 64]
        type_, name, rest = _make_call(number, user, path, visit, chance)
        if first == 1 and number == count // 3:
            type_, name, rest = "track", "Note Left", _NOTE
        body = _BODY % {
            "anonymous": f"{user * 0x9E3779B97F4A7C15F39CC0605CEDC834 % (1 << 128):032x}",
            "user": user,
            "message": message,
            "ip": f"{user % 223 + 1}.{user % 251}.{user % 241}.{user % 239}",
            "path": path,
            "agent": _AGENTS[user % 3],
            "at": to_iso(at),
            "sent": to_iso(received),
            "received": to_iso(received),
            "rest": rest,
        }
        source = RARE_SOURCE if number % 20_011 == 7 else f"src_{'web' if user % 3 else 'app'}"
        yield offset, source, message, type_, name, f"u{user}", to_millis(received), body.encode()


def close_days(log: EventLog, count: int, days: int) -> int:
    """Fill an empty log with `count` messages of `days` closed days and return the size of their files; unit: bytes."""
    folder = history_folder(log.path)
    folder.mkdir(exist_ok=True)
    rows, offset, size = make_rows(count, days), 0, 0
    a_day = -(-count // days)
    totals: Counter[str] = Counter()
    for day in range(days):
        left = min(a_day, count - offset)
        while left > 0:
            part = min(left, FILE_EVENTS)
            label = (START + timedelta(days=day)).date()
            path = folder / f"{label}_{offset + 1:012d}-{offset + part:012d}.parquet"
            counts = write_day_file(path, _in_groups(islice(rows, part)))
            with log.writing() as connection:
                values = (offset + 1, offset + part, str(label), path.name, 0, orjson.dumps(counts).decode())
                connection.execute("INSERT INTO closed_files VALUES (?, ?, ?, ?, ?, ?)", values)
            totals.update(counts)
            offset, left, size = offset + part, left - part, size + path.stat().st_size
    with log.writing() as connection:
        connection.execute("DELETE FROM sqlite_sequence")
        connection.execute("INSERT INTO sqlite_sequence VALUES ('events', ?)", (count,))
        connection.executemany("INSERT INTO source_counts VALUES (?, ?)", totals.items())
    return size


def _in_groups(rows: Iterator[Row]) -> Iterator[Sequence[Row]]:
    while some := list(islice(rows, ROW_GROUP_EVENTS)):
        yield some


def _make_call(number: int, user: int, path: str, visit: int, chance: Random) -> tuple[str, str | None, str]:
    kind = number % 10
    if kind < 5:
        return "page", "Shop", f'"type":"page","name":"Shop","properties":{{"path":"{path}","title":"Example shop"}}'
    if kind < 9:
        event = _EVENTS[visit % 4]
        numbers = f'"product_id":"p{visit % 5_000}","price":{chance.randrange(10_000) / 100},"currency":"EUR"'
        return "track", event, f'"type":"track","event":"{event}","properties":{{{numbers}}}'
    names = f'"firstName":"{_FIRST[user % 15]}","lastName":"{_LAST[user % 14]}"'
    return "identify", None, f'"type":"identify","traits":{{"email":"{email_of(user)}",{names}}}'
