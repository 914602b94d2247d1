"""Tables of single events: their names, the types of their columns, and what finds no place."""

from __future__ import annotations

import duckdb
import psycopg
import pytest

from core.profiles_sync import event_tables
from core.profiles_sync.event_tables import EventTables
from core.profiles_sync.happened import SENT, Row
from core.profiles_sync.layout import EVENT_COLUMNS, ColumnKind
from core.profiles_sync.names import MAX_NAME_CHARS, name_column, name_table
from core.profiles_sync.properties import choose_kind, fit, flatten
from core.warehouses.definition import ColumnInfo, Kind, TableInfo
from tests.postgres import PostgresServer

OURS = {"track", "identify", "onramp_stage_track"}


@pytest.mark.parametrize(
    ("event", "table"),
    [
        ("Order Completed", "order_completed"),
        ("orderCompleted", "order_completed"),
        ("ProductID  seen / HTTPError", "product_id_seen_http_error"),
        ("Track", "event_track"),
        ("onramp stage track", "event_onramp_stage_track"),
        ("Order", "event_order"),
        ("2 for 1", "event_2_for_1"),
        ("Café opened", "cafe_opened"),
    ],
)
def test_an_event_names_its_table(event: str, table: str) -> None:
    assert name_table(event, OURS) == table


def test_names_that_cannot_be_written_in_full_stay_different() -> None:
    told = ["日本", "日本語", "日本 opened", "opened", "!", "?", "x" * 80, "x" * 81, "Daily 20260101", "Daily 20260102"]
    names = [name_table(event, OURS) for event in told]
    assert len(set(names)) == len(told)
    assert all(name.isascii() and name[0].isalpha() and len(name) <= MAX_NAME_CHARS for name in names)
    assert not any(name[-8:].isdigit() and name[-9] == "_" for name in names)  # what BigQuery takes for daily tables


def test_no_word_of_the_engines_is_left_as_a_name(postgres_server: PostgresServer) -> None:
    with duckdb.connect() as local, psycopg.connect(postgres_server.url("postgres")) as server:
        known = local.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
        ).fetchall()
        known += server.execute("SELECT word FROM pg_get_keywords() WHERE catcode <> 'U'").fetchall()
        words = sorted({str(word) for (word,) in known})
        assert len(words) > 150
        columns = ", ".join(f"{name_column([word], EVENT_COLUMNS)} int" for word in words)
        for connection in (local, server):
            connection.execute("CREATE SCHEMA words")  # type: ignore[attr-defined]
            connection.execute(f"CREATE TABLE words.of_sql ({columns})".encode().decode())  # type: ignore[attr-defined]
            for word in words:
                connection.execute(f"CREATE TABLE words.{name_table(word, OURS)} (n int)")  # type: ignore[attr-defined]


def test_properties_become_columns() -> None:
    deep = {"a": {"b": {"c": {"d": {"e": 1}}}}}
    assert flatten({"orderId": 1, "order_id": 2, "Page": {"URL": "/", "no": None}, "tags": [1], "id": "x", **deep}) == {
        "order_id": 1,
        "page_url": "/",
        "tags": "[1]",
        "property_id": "x",
        "a_b_c_d_e": 1,
    }
    assert flatten({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}) == {"a_b_c_d_e": '{"f":1}'}
    assert flatten("no object") == flatten(None) == {}


def test_a_column_is_of_the_kind_of_its_first_values_and_takes_what_is_spelled_like_one() -> None:
    at = "2026-11-01T09:30:00+01:00"
    kinds = {
        ColumnKind.FLOAT: [1, 1.5, ""],
        ColumnKind.BOOLEAN: [True, False],
        ColumnKind.TIME: [at, "2026-11-01 08:30"],
        ColumnKind.TEXT: ["7", "2026-11-01"],
    }
    assert all(choose_kind(values) is kind for kind, values in kinds.items())
    assert choose_kind([1, "x"]) is choose_kind([True, 1]) is choose_kind([10**15]) is ColumnKind.TEXT
    numbers = [1, 1.5, "1.50", "-7", "1e3", "1e-400", "", "much", True, 10**15, "1" * 16, 1e301, "0x1", "٣"]
    written = ["1", "1.5", "1.5", "-7", "1000.0", "0.0"] + [None] * 8
    assert [fit(value, ColumnKind.FLOAT) for value in numbers] == written
    assert [fit(value, ColumnKind.BOOLEAN) for value in (True, "FALSE", 1, "yes")] == ["true", "false", None, None]
    times = (at, "2026-11-01T08:30Z", "2026-13-01T08:30Z", "20261101T083000", 5)
    assert [fit(value, ColumnKind.TIME) for value in times] == ["2026-11-01T08:30:00.000Z"] * 2 + [None] * 3
    assert [fit(value, ColumnKind.TEXT) for value in (True, 1.5, "x", 10**15)] == ["true", "1.5", "x", "1" + "0" * 15]
    assert fit("x", None) is None


def test_what_finds_no_place_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_tables, "MAX_TABLES", 2)
    monkeypatch.setattr(event_tables, "MAX_COLUMNS", 2)
    mine = [ColumnInfo(name, "text", Kind.TEXT) for name in ("id", "amount")]
    theirs = [ColumnInfo(name.upper(), "text", Kind.TEXT) for name in EVENT_COLUMNS]
    others = ColumnInfo("AMOUNT", "DECIMAL(9,2)", Kind.DECIMAL)  # somebody has changed it
    tables = EventTables([TableInfo("S", "CHURNED", tuple(mine)), TableInfo("S", "PAID", (*theirs, others))])
    sent = [
        ("Churned", {}),
        ("Paid", {"amount": 5, "tip": 1}),
        ("Won", {"a": "", "b": 1, "c": 2, "d": 3}),
        ("Lost", {}),
    ]
    calls: list[Row] = [{"seq": seq, "event": event, SENT: sent} for seq, (event, sent) in enumerate(sent)]
    batch = tables.take([*calls, {"seq": 9, "event": None, SENT: {}}])
    assert ([table.name for table in batch.made], dict(batch.added)) == (["won"], {"paid": {"tip": ColumnKind.FLOAT}})
    assert dict(batch.counts) == {"paid": 1, "won": 1} and tables.names == ["paid", "won"]
    assert [list(table.columns)[len(EVENT_COLUMNS) :] for table in batch.filled] == [["tip"], ["b", "c"]]
    assert tables.tell_notes() == [
        "1 call has no table of its event: the schema has something else named churned.",
        "1 call of events such as 'Lost' has no table of its event: there are 2 already.",
        "won has 2 columns of properties: 1 more, such as d, has none.",
        "paid.amount is NULL in 1 row: what was sent is no value of its type.",
    ]
    again = tables.take([{"seq": 10, "event": "Won", SENT: {"b": 2}}])
    assert not again.made and not again.added and again.counts == {"won": 1}
