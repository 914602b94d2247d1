"""A log of many realistic events, written as closed days without going through the log: ten millions in minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import orjson
import pyarrow as pa

from core.clock import to_millis
from core.events.entry import Row
from core.events.event_log import EventLog
from core.events.history.close import FILE_EVENTS
from core.events.history.day_file import SCHEMA, write_day_file
from core.events.history.layout import history_folder

RARE_WORD = "zirconium"
RARE_SOURCE = "src_kiosk"
START = datetime(2026, 10, 1, tzinfo=UTC)
USERS = 200_000
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
_BODY = """concat('{"anonymousId":"', md5('a' || person), '","userId":"u', person, '","messageId":"', visit,
    '","context":{"ip":"', person % 223 + 1, '.', person % 251, '.', person % 241, '.', person % 239,
    '","library":{"name":"analytics.js","version":"npm:next-1.70.0"},"locale":"en-US","page":{"path":"', path,
    '","referrer":"https://www.example.com/","search":"","title":"Example shop","url":"https://shop.example.com', path,
    '"},"timezone":"Europe/Berlin","userAgent":"', $agents[person % 3 + 1],
    '"},"integrations":{},"originalTimestamp":"', strftime(happened, $iso), '","sentAt":"', strftime(received, $iso),
    '","timestamp":"', strftime(happened, $iso), '","receivedAt":"', strftime(received, $iso), '","type":"', type, '",',
    CASE WHEN is_note THEN '"event":"Note Left","properties":{"text":"of ' || $rare_word || '"}'
    WHEN type = 'page' THEN concat('"name":"Shop","properties":{"path":"', path, '","title":"Example shop"}')
    WHEN type = 'track' THEN concat('"event":"', name, '","properties":{"product_id":"p', chance // 256 % 5000,
        '","price":', CAST(chance // 1280000 % 10000 / 100 AS VARCHAR), ',"currency":"EUR"}')
    ELSE concat('"traits":{"email":"', lower(concat($first_names[person % 15 + 1], '.', $last_names[person % 14 + 1])),
        person, '@example.com","firstName":"', $first_names[person % 15 + 1], '","lastName":"',
        $last_names[person % 14 + 1], '"}') END, '}')"""
_ROWS = f"""
    WITH drawn AS (
        SELECT range AS number, CAST(hash(range, $seed) // 2 AS BIGINT) AS chance,
            CAST(hash($seed, range) % $users AS BIGINT) AS person,
            make_timestamp_ms($start + CAST(range * $step_ms AS BIGINT)) AS received, range = $note_at AS is_note
        FROM range($begin, $end)),
    called AS (
        SELECT *, received - to_milliseconds(chance % 4000) AS happened, $paths[chance % 64 + 1] AS path,
            md5(CAST(chance AS VARCHAR)) AS visit,
            CASE WHEN number % 10 < 5 AND NOT is_note THEN 'page' WHEN number % 10 < 9 OR is_note THEN 'track'
            ELSE 'identify' END AS type
        FROM drawn),
    named AS (
        SELECT *, CASE WHEN is_note THEN 'Note Left' WHEN type = 'page' THEN 'Shop'
            WHEN type = 'track' THEN $events[chance // 64 % 4 + 1] END AS name
        FROM called)
    SELECT CAST(number + $first AS BIGINT) AS "offset",
        CASE WHEN number % 20011 = 7 THEN $rare_source
            WHEN person % 3 = 0 THEN 'src_app' ELSE 'src_web' END AS source_id,
        visit AS message_id, type, name, 'u' || person AS user_id, received AS received_at, {_BODY} AS body
    FROM named ORDER BY number"""


def email_of(user: int) -> str:
    """Return the e-mail address of a user."""
    return f"{_FIRST[user % 15]}.{_LAST[user % 14]}{user}@example.com".lower()


def make_rows(count: int, days: int, *, seed: int = 7, first: int = 1) -> Iterator[Row]:
    """Yield `count` rows of the log over `days` days: half pages, some calls of each other type, 200,000 users."""
    for table in make_tables(count, days, count, seed=seed, first=first):
        columns = [column.to_pylist() for column in table.set_column(6, "at", table["received_at"].cast("int64"))]
        yield from ((*row[:7], row[7].encode()) for row in zip(*columns, strict=True))


def make_tables(
    count: int, days: int, rows: int, *, seed: int = 7, first: int = 1, users: int = USERS
) -> Iterator[pa.Table]:
    """Yield the same as tables of the log's schema with at most `rows` rows."""
    values = {
        "seed": seed,
        "users": users,
        "start": to_millis(START),
        "step_ms": days * 86_400_000 / count,
        "note_at": count // 3 if first == 1 else -1,
        "first": first,
        "iso": "%Y-%m-%dT%H:%M:%S.%gZ",
        "agents": _AGENTS,
        "events": _EVENTS,
        "paths": _PATHS,
        "first_names": _FIRST,
        "last_names": _LAST,
        "rare_word": RARE_WORD,
        "rare_source": RARE_SOURCE,
    }
    with duckdb.connect() as database:
        for begin in range(0, count, rows):
            found = database.sql(_ROWS, params=values | {"begin": begin, "end": min(begin + rows, count)})
            yield found.to_arrow_table().cast(SCHEMA)


def close_days(log: EventLog, count: int, days: int, *, users: int = USERS) -> int:
    """Fill an empty log with `count` messages of `days` closed days and return the size of their files; unit: bytes."""
    folder = history_folder(log.path)
    folder.mkdir(exist_ok=True)
    a_day = -(-count // days)
    parts = -(-a_day // FILE_EVENTS)
    offset, size = 0, 0
    totals: Counter[str] = Counter()
    for number, table in enumerate(make_tables(count, days, -(-a_day // parts), users=users)):
        label = (START + timedelta(days=number // parts)).date()
        path = folder / f"{label}_{offset + 1:012d}-{offset + len(table):012d}.parquet"
        counts = write_day_file(path, [table])
        with log.writing() as connection:
            values = (offset + 1, offset + len(table), str(label), path.name, 0, orjson.dumps(counts).decode())
            connection.execute("INSERT INTO closed_files VALUES (?, ?, ?, ?, ?, ?)", values)
        totals.update(counts)
        offset, size = offset + len(table), size + path.stat().st_size
    with log.writing() as connection:
        connection.execute("DELETE FROM sqlite_sequence")
        connection.execute("INSERT INTO sqlite_sequence VALUES ('events', ?)", (count,))
        connection.executemany("INSERT INTO source_counts VALUES (?, ?)", totals.items())
    return size
