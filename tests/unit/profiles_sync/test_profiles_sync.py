"""Profiles Sync (spec/profiles.md 6): the tables in a warehouse, only what differs, taken up after a cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import duckdb
import psycopg
import pytest
from sqlalchemy import update

from core.clock import FixedClock
from core.errors import InvalidField
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.privacy.job import carry_out_due
from core.privacy.regulation import RegulationKind, request_regulation
from core.profiles.build import rebuild
from core.profiles.deleted_identifiers import delete_identifier
from core.profiles.lookup import get_profile
from core.profiles.passed_on import pass_on_everything
from core.profiles.search_index import keep_search
from core.profiles.undo import Act, split
from core.profiles_sync import current as current_module
from core.profiles_sync import run as run_module
from core.profiles_sync.layout import CURRENT_LAYOUT, complete_mappings_sql, get_dialect
from core.profiles_sync.run import list_due, run_profiles_sync
from core.profiles_sync.store import (
    ProfilesRun,
    ProfilesRunState,
    ProfilesSync,
    get_profiles_sync,
    list_profiles_runs,
    remove_profiles_sync,
    set_up_profiles_sync,
)
from core.sources.store import create_source
from core.storage.tables import profiles, profiles_syncs, warehouses
from core.traits.engine import ComputedTraitEngine
from core.traits.store import add_recipes
from core.warehouses.cancel import CancelToken
from core.warehouses.registry import open_warehouse
from core.warehouses.store import get_warehouse, save_warehouse
from core.worker import Worker
from core.workspaces.audit import list_changes
from core.workspaces.spaces import connect_source, rename_space
from core.workspaces.workspace import Workspace
from tests import hosted
from tests.feeding import Feed
from tests.postgres import PostgresServer

SCHEMA = "unified_profiles"
CALL_TABLE = "flex_engagement_initiated"
DAY = 1_440.0
MAPPING_UPDATES = "external_id_mapping_updates"
_EXTERNAL = "canonical_segment_id, external_id_type, external_id_value"
_MAPPED = "seq, external_id_hash, timestamp"
_MERGED = "seq, received_at, timestamp"
_SOURCE = "triggering_event_source_id, triggering_event_source_name, triggering_event_source_slug"

_LATER = {
    "profile_merges": ["seq", "received_at", "timestamp"],
    MAPPING_UPDATES: ["id", "__operation", "triggering_event_source_name", "triggering_event_source_slug"],
}
"""Columns that an older Onramp did not make."""


class CutAfter(CancelToken):
    """A switch that turns by itself when it has been looked at some times, which is once or twice a statement."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._left = looks

    @property
    def cancelled(self) -> bool:
        self._left -= 1
        if self._left < 0:
            self.cancel()
        return super().cancelled


@dataclass
class Synced:
    """A space with people, and a warehouse that their profiles are written to."""

    workspace: Workspace
    feed: Feed
    warehouse_id: str
    sync: ProfilesSync | None = None

    def run(self, **options: Any) -> ProfilesRun:
        if self.sync is None:
            self.sync = set_up_profiles_sync(self.workspace, self.feed.space_id, self.warehouse_id)
        return run_profiles_sync(self.workspace, self.sync.id, **options)

    def read(self, table: str, columns: str = "*", rest: str = "") -> list[tuple[Any, ...]]:
        with open_warehouse(self.workspace, self.warehouse_id) as warehouse:
            found = warehouse.query(f"SELECT {columns} FROM {SCHEMA}.{table} {rest}")
        return sorted(tuple(row.values()) for row in found.to_pylist())

    def change(self, *statements: str) -> None:
        with open_warehouse(self.workspace, self.warehouse_id) as warehouse, warehouse.open_write_session() as session:
            for sql in statements:
                session.execute(sql)

    def current(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return how things are, without when it was written."""
        return {
            "id_graph": self.read("id_graph", "segment_id, canonical_segment_id"),
            "profile_merges": self.read(
                "profile_merges", "canonical_segment_id, segment_id, seq, received_at, timestamp"
            ),
            "profile_traits": self.read("profile_traits", "segment_id, coalesce(merged_to, '') AS m, traits"),
            "user_traits": self.read("user_traits", "canonical_segment_id, name, value, seq"),
            "user_identifiers": self.read("user_identifiers", f"canonical_segment_id, type, value, {_MAPPED}"),
            "external_id_mapping": self.read("external_id_mapping", f"{_EXTERNAL}, {_MAPPED}"),
        }

    def mappings(self) -> list[tuple[Any, ...]]:
        """Return which identifiers came and went, without when it was written."""
        return self.read(MAPPING_UPDATES, f"id, seq, external_id_hash, __operation, {_SOURCE}")

    def age(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Leave the tables, and the store, as an Onramp did that knew less of what belongs into them."""
        tables = ("external_id_mapping", "onramp_stage_external_id_mapping", "onramp_stage_sources")
        self.change(
            f"DELETE FROM {SCHEMA}.{MAPPING_UPDATES} WHERE __operation = 'REMOVED'",
            *(f"DROP TABLE {SCHEMA}.{table}" for table in tables),
            *(
                f"ALTER TABLE {SCHEMA}.{prefix}{table} DROP COLUMN {column}"
                for table, columns in _LATER.items()
                for column in columns
                for prefix in ("", "onramp_stage_")
            ),
        )
        assert self.sync is not None
        monkeypatch.setattr(current_module, "CURRENT_LAYOUT", CURRENT_LAYOUT + 1)
        with self.workspace.database.transaction() as connection:  # what the migration does
            connection.execute(update(profiles_syncs).values(profiles_version=None))
            pass_on_everything(connection, self.sync.id)

    def happened(self) -> dict[str, int]:
        """Return how many rows each table of what happened has."""
        names = ("identify", "track", CALL_TABLE, "group_call", "id_graph_updates", "external_id_mapping_updates")
        return {name: len(self.read(name, "seq")) for name in (*names, "profile_traits_updates")}


@pytest.fixture(params=["duckdb", "postgres"])
def synced(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[Synced]:
    """Two people, of whom one was two before a message tied them, and nothing written yet.

    What our side alone decides is told on Postgres, which takes a third of the time of a file.
    """
    feed = Feed(workspace, ("user_id", "email", "anonymous_id"), ("phone",))
    add_recipes(workspace, feed.space_id, ["total_inbounds"])
    minute = 15 * DAY
    feed.identify("1001", traits={"email": "Ada@Example.org", "phone": "+14155550100", "tags": ["a", 1]}, minute=minute)
    feed.send("identify", anonymousId="v-1", traits={"language": "en", "odd": "a\0b"}, minute=minute + 1)
    feed.send("identify", anonymousId="v-1", userId="1001", traits={}, minute=minute + 2)
    feed.track("1001", "Flex - Engagement Initiated", {"direction": "Inbound"}, minute=minute + 3)
    feed.send("group", userId="1002", groupId="acme", traits={"plan": "free"}, minute=minute + 4)
    feed.build()
    with _write_to(request.param, feed, request) as found:
        yield found


@contextmanager
def _write_to(kind: str, feed: Feed, request: pytest.FixtureRequest) -> Iterator[Synced]:
    """Give a new warehouse of this kind, where nothing is written yet."""
    workspace = feed.workspace
    if kind == "duckdb":
        path = workspace.home.warehouses / "profiles.duckdb"
        duckdb.connect(str(path)).close()
        record = save_warehouse(workspace, kind=kind, name="Local", settings={"path": path.name})
        yield Synced(workspace, feed, record.id)
        return
    server = request.getfixturevalue(hosted.SERVERS[kind])
    with hosted.working_form(kind, server) as form:
        if kind in ("postgres", "redshift"):
            _make_schema(server if kind == "postgres" else server.upstream, form)
        record = save_warehouse(workspace, kind=kind, name="Shop", settings=form.settings, secrets=form.secrets)
        yield Synced(workspace, feed, record.id)


def _make_schema(server: PostgresServer, form: hosted.Form) -> None:
    """Make the schema as the database's owner does it, for a login that may make none."""
    with psycopg.connect(server.url(form.settings["database"]), autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA {SCHEMA} AUTHORIZATION "{form.settings["user"]}"'.encode())


def test_the_first_run_writes_every_profile_and_what_happened(synced: Synced) -> None:
    run = synced.run()
    assert run.state is ProfilesRunState.SUCCEEDED and run.error is None
    owners = synced.feed.owners()
    ada, other = owners["user_id", "1001"], owners["user_id", "1002"]
    ((merged,),) = synced.read("profile_merges", "segment_id")
    current = synced.current()
    assert current["id_graph"] == sorted([(ada, ada), (merged, ada), (other, other)])
    ((*ids, seq, received_at, at),) = current["profile_merges"]
    assert (ids, seq) == ([ada, merged], 3)
    assert [each.astimezone(UTC).isoformat() for each in (received_at, at)] == [
        "2026-12-01T00:00:00+00:00",
        "2026-11-16T00:02:00+00:00",
    ]
    assert current["external_id_mapping"] == current["user_identifiers"]
    assert [row[2:3] + row[1:2] for row in current["user_identifiers"] if row[0] == ada] == [
        ("v-1", "anonymous_id"),
        ("ada@example.org", "email"),
        ("+14155550100", "phone"),
        ("1001", "user_id"),
    ]
    told = {row[1]: row[2] for row in current["user_traits"] if row[0] == ada}
    assert told["tags"] == '["a",1]' and told["total_inbounds"] == "1" and told["language"] == "en"
    assert synced.happened() == {
        "identify": 3,
        "track": 1,
        CALL_TABLE: 1,
        "group_call": 1,
        "id_graph_updates": 4,
        "external_id_mapping_updates": 5,
        "profile_traits_updates": 5,
    }
    ((event, properties, segment_id, at),) = synced.read("track", "event, properties, segment_id, timestamp")
    assert (event, properties, segment_id) == ("Flex - Engagement Initiated", '{"direction":"Inbound"}', ada)
    assert at.isoformat().startswith("2026-11-16T00:03:00")
    assert run.rows["user_identifiers"] == 5 and run.rows["profile_merges"] == 1
    assert synced.read("id_graph_updates", "triggering_event_type", "WHERE segment_id <> canonical_segment_id") == [
        ("identify",)
    ]


@pytest.mark.parametrize("synced", ["duckdb"], indirect=True)
def test_a_run_writes_what_differs_and_nothing_else(synced: Synced) -> None:
    synced.run()
    assert synced.run().rows == {}
    before = synced.read("user_traits", "canonical_segment_id, name, uuid_ts")
    synced.workspace.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    synced.feed.identify("1002", traits={"plan": "gold"}, minute=16 * DAY)
    synced.feed.build()
    run = synced.run()
    assert run.rows == {
        "identify": 1,
        "profile_traits_updates": 1,
        "id_graph": 1,
        "external_id_mapping": 1,
        "profile_traits": 1,
        "user_identifiers": 1,
        "user_traits": 1,
    }
    after = synced.read("user_traits", "canonical_segment_id, name, uuid_ts")
    assert set(before) < set(after) and len(after) == len(before) + 1


@pytest.mark.parametrize("synced", ["postgres"], indirect=True)
@pytest.mark.parametrize("is_indexed", [False, True])
def test_a_run_looks_at_the_profiles_that_changed_and_at_what_became_of_them(
    synced: Synced, *, is_indexed: bool
) -> None:
    feed, workspace = synced.feed, synced.workspace
    for at, (name, minute) in enumerate((("t", 16), ("s", 17), ("m", 18))):  # the oldest takes the others
        feed.send("identify", anonymousId=name, traits={name: at}, minute=minute * DAY)

    def follow() -> dict[str, str]:
        """Build, have the search index follow or not, run, and return what became of each profile."""
        feed.build()
        if is_indexed:
            keep_search(workspace)
        assert synced.run().state is ProfilesRunState.SUCCEEDED
        return dict(synced.current()["id_graph"])

    follow()
    t, s, m = (feed.owners()["anonymous_id", name] for name in "tsm")
    with workspace.database.transaction() as connection:
        connection.execute(update(profiles).where(profiles.c.id == t).values(updated_at=1))  # and nobody was told
    feed.identify("1002", anonymousId="m", minute=19 * DAY)
    feed.identify("1002", anonymousId="s", minute=19 * DAY + 1)
    graph = follow()
    ended = graph[m]
    assert graph[s] == ended and graph[t] == t
    ((at,),) = synced.read("profile_traits", "updated_at", f"WHERE segment_id = '{t}'")
    assert (at.year == 2026) is is_indexed  # what the index has not followed is looked at once more
    feed.identify("1002", anonymousId="t", minute=19 * DAY + 2)
    graph = follow()
    assert {graph[each] for each in (t, s, m)} == {graph[ended]}
    whole = synced.current()
    rebuild(workspace, feed.space_id)
    feed.build()
    assert synced.run().rows == {"id_graph": 1, "profile_merges": 1, "profile_traits": 1}  # what it has written
    (merge,) = [
        each for each in get_profile(workspace, feed.space_id, t).merges if t in (each.survivor_id, each.merged_id)
    ]
    split(workspace, feed.space_id, Act.UNDO, merge.merged_id, ComputedTraitEngine())
    graph = follow()
    assert graph[t] != graph[m] == graph[s]
    split(workspace, feed.space_id, Act.REJOIN, merge.merged_id, ComputedTraitEngine())
    follow()
    assert synced.current() == whole


@pytest.mark.parametrize("synced", ["postgres"], indirect=True)
def test_merges_rebuilds_and_changes_by_night_leave_what_a_first_run_would_write(synced: Synced) -> None:
    synced.run()
    synced.feed.identify("1002", traits={"email": "ada@example.org"}, minute=16 * DAY)  # 1001 is full: it stays apart
    synced.feed.send("identify", anonymousId="v-9", traits={"phone": "+14155550100"}, minute=16 * DAY + 1)
    synced.feed.build()
    synced.run()
    rebuild(synced.workspace, synced.feed.space_id)
    assert synced.run().rows == {}  # nobody seems to be gone
    synced.feed.build()
    assert synced.run().rows == {}  # the same ids, the same rows
    incremental = synced.current()
    assert synced.sync is not None
    remove_profiles_sync(synced.workspace, synced.sync.id)
    synced.change(f"INSERT INTO {SCHEMA}.id_graph (segment_id, canonical_segment_id) VALUES ('use_gone', 'use_gone')")
    synced.sync = None
    synced.run()
    assert synced.current() == incremental  # nothing of the sync before is left


@pytest.mark.parametrize("synced", ["postgres"], indirect=True)
def test_the_first_run_goes_back_two_months_and_the_schema_outlives_the_name_of_the_space(synced: Synced) -> None:
    workspace, feed = synced.workspace, synced.feed
    workspace.clock.advance(timedelta(days=90))  # type: ignore[attr-defined]
    first = workspace.now() - run_module.BACK_FILL
    for name, at in (("Before", first - timedelta(milliseconds=1)), ("At last", first)):
        call = {"type": "track", "userId": "1002", "messageId": name, "event": name}
        open_event_log(workspace).append([to_log_entry("src_test", call, at)])
    feed.build()
    assert synced.run().state is ProfilesRunState.SUCCEEDED
    assert synced.read("track", "event") == synced.read("at_last", "event") == [("At last",)]
    left_out = ("identify", "group_call", "id_graph_updates", MAPPING_UPDATES, "profile_traits_updates")
    assert [table for table in left_out if synced.read(table)] == []
    assert len(synced.read("id_graph")) == 3 and len(synced.read("user_identifiers")) == 5
    rename_space(workspace, feed.space_id, "Quite another")
    feed.identify("1002", traits={"plan": "gold"})
    feed.build()
    assert synced.run().rows["user_traits"] == 1
    assert ("gold",) in synced.read("user_traits", "value")
    with open_warehouse(workspace, synced.warehouse_id) as warehouse:
        assert {table.schema for table in warehouse.list_tables()} <= {SCHEMA, "public"}


def test_a_person_who_is_gone_is_taken_out_of_every_table(synced: Synced) -> None:
    synced.feed.track("1002", "Flex - Engagement Initiated", minute=16 * DAY)
    synced.feed.build()
    synced.run()
    other = synced.feed.owners()["user_id", "1002"]
    assert (other,) in synced.read(CALL_TABLE, "segment_id")
    request_regulation(synced.workspace, RegulationKind.DELETE_INTERNAL, ["1002"])
    synced.workspace.clock.advance(timedelta(seconds=5))  # type: ignore[attr-defined]
    carry_out_due(synced.workspace)
    synced.run()
    assert other not in str(synced.current())
    assert synced.read("group_call", "segment_id") == []
    for table in (CALL_TABLE, "track", "external_id_mapping_updates"):
        assert (other,) not in synced.read(table, "segment_id")
    assert synced.happened()[CALL_TABLE] == 1


@pytest.mark.parametrize("synced", ["postgres"], indirect=True)
def test_a_deleted_identifier_is_removed_from_the_tables_and_said_to_be(synced: Synced) -> None:
    feed, columns = synced.feed, "external_id_value, __operation, segment_id"
    synced.run()
    ada = feed.owners()["user_id", "1001"]

    def delete(type_: str, value: str) -> None:
        delete_identifier(synced.workspace, feed.space_id, ["1001"], type_, [value], asked_by="tok_x")

    delete("email", "ada@example.org")
    feed.identify("1001", traits={"plan": "gold"}, minute=16 * DAY)
    delete("phone", "+14155550100")  # waits for the message before it
    run = synced.run()
    assert (run.state, run.rows["external_id_mapping_updates"]) == (ProfilesRunState.SUCCEEDED, 1)
    before = synced.read("external_id_mapping_updates", columns)
    assert [row for row in before if row[0] == "ada@example.org"] == [
        ("ada@example.org", "CREATED", ada),
        ("ada@example.org", "REMOVED", ada),
    ]
    assert len(before) == 6 and ("1002", "CREATED", feed.owners()["user_id", "1002"]) in before
    feed.build()
    feed.identify("1001", traits={"email": "ada@example.org"}, minute=16 * DAY + 1)
    feed.build()
    synced.run()
    after = synced.read("external_id_mapping_updates", columns)
    assert Counter(after) - Counter(before) == {
        ("+14155550100", "REMOVED", ada): 1,
        ("ada@example.org", "CREATED", ada): 1,
    }
    assert {row[2] for row in synced.current()["user_identifiers"]} == {"1001", "1002", "ada@example.org", "v-1"}


def test_a_run_that_is_cut_anywhere_is_taken_up_without_a_row_twice(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "SPAN_MESSAGES", 2)
    monkeypatch.setattr(run_module, "BATCH_PROFILES", 1)
    steps = 0

    def cut(_rows: Counter[str]) -> None:
        nonlocal steps
        steps += 1
        raise SystemExit  # what a kill leaves behind, but for the lease

    for _ in range(10):
        try:
            run = synced.run(progress=cut)
        except SystemExit:
            continue
        break
    assert run.state is ProfilesRunState.SUCCEEDED and steps >= 4
    assert synced.sync is not None
    states = Counter(each.state for each in list_profiles_runs(synced.workspace, synced.sync.id))
    assert states == {ProfilesRunState.SUCCEEDED: 1, ProfilesRunState.INTERRUPTED: steps}
    synced.feed.identify("1002", traits={"plan": "gold"}, minute=16 * DAY)
    synced.feed.build()
    for table in ("profile_traits_updates", "user_identifiers"):  # fails between the first and the last table
        synced.change(f"ALTER TABLE {SCHEMA}.{table} RENAME TO moved")
        synced.change(f"CREATE VIEW {SCHEMA}.{table} AS SELECT * FROM {SCHEMA}.moved LIMIT 1")
        assert synced.run().state is ProfilesRunState.FAILED
        synced.change(f"DROP VIEW {SCHEMA}.{table}")
        synced.change(f"ALTER TABLE {SCHEMA}.moved RENAME TO {table}")
    assert synced.run().state is ProfilesRunState.SUCCEEDED
    incremental, happened = synced.current(), synced.happened()
    remove_profiles_sync(synced.workspace, synced.sync.id)
    synced.sync = None
    synced.run()
    assert (synced.current(), synced.happened()) == (incremental, happened)
    assert happened["identify"] == 4


@pytest.mark.parametrize("synced", ["postgres"], indirect=True)
def test_a_table_of_somebody_else_is_left_alone_and_the_run_names_it(synced: Synced) -> None:
    theirs = f"{SCHEMA}.external_id_mapping"
    synced.change(f"CREATE TABLE {theirs} AS SELECT 'mine' AS external_id_value")
    failed = synced.run()
    assert failed.error is not None and theirs in failed.error["message"] and "Rename it" in failed.error["hint"]
    assert synced.read("external_id_mapping") == [("mine",)]
    synced.change(f"ALTER TABLE {theirs} RENAME TO mine")
    assert synced.run().state is ProfilesRunState.SUCCEEDED
    assert len(synced.read("external_id_mapping")) == 5


def test_tables_of_an_older_onramp_get_what_they_lack_wherever_the_run_that_does_it_is_cut(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "BATCH_PROFILES", 1)
    synced.run()
    whole = synced.current(), synced.mappings(), synced.happened()
    synced.age(monkeypatch)
    cuts = 0
    while (run := synced.run(cancel=CutAfter(4 + 5 * cuts))).state is ProfilesRunState.INTERRUPTED:
        cuts += 1
    assert run.state is ProfilesRunState.SUCCEEDED and cuts >= 4
    assert (synced.current(), synced.mappings(), synced.happened()) == whole
    assert synced.run().rows == {}


@pytest.mark.parametrize("synced", ["postgres"], indirect=True)
def test_tables_of_events_that_came_after_the_sync_are_filled_from_the_log_and_a_cut_doubles_nothing(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = synced.feed
    for number in range(3):
        feed.track("1002", "Order Completed", {"total": number, "coupon": f"c{number}"}, minute=16 * DAY + number)
    feed.build()
    synced.run()
    whole = {name: synced.read(name, "seq, segment_id, event, properties") for name in ("track",)}
    orders = synced.read("order_completed", "seq, segment_id, total, coupon")
    last = max(row[0] for row in orders)
    assert synced.sync is not None
    synced.change(f"DELETE FROM {SCHEMA}.order_completed WHERE seq < {last}")
    synced.change(f"DROP TABLE {SCHEMA}.{CALL_TABLE}")
    with synced.workspace.database.transaction() as connection:  # as the store of an older Onramp becomes
        connection.execute(update(profiles_syncs).values(events_offset=0))
    monkeypatch.setattr(run_module, "SPAN_MESSAGES", 2)
    found: list[Counter[str]] = []

    def cut(rows: Counter[str]) -> None:
        found.append(Counter(rows))
        raise SystemExit

    with pytest.raises(SystemExit):
        synced.run(progress=cut)
    assert found == [{CALL_TABLE: 1, "order_completed": 1}]
    with synced.workspace.database.transaction() as connection:  # killed before the place was saved
        connection.execute(update(profiles_syncs).values(events_offset=0))
    run = synced.run()
    assert (run.state, run.rows) == (ProfilesRunState.SUCCEEDED, {"order_completed": 1})
    assert synced.read("order_completed", "seq, segment_id, total, coupon") == orders
    assert len(synced.read(CALL_TABLE, "seq")) == 1
    assert {name: synced.read(name, "seq, segment_id, event, properties") for name in whole} == whole
    assert synced.run().rows == {} and get_profiles_sync(synced.workspace, synced.sync.id).events_offset is None


def test_a_run_with_nothing_to_write_fails_when_the_warehouse_is_gone(synced: Synced) -> None:
    synced.run()
    assert synced.run().state is ProfilesRunState.SUCCEEDED
    path = synced.workspace.home.warehouses / "profiles.duckdb"
    if path.exists():
        kept = path.read_bytes()
        path.write_bytes(b"something else")
        failed = synced.run()
        assert failed.error is not None and failed.error["code"] == "warehouse_unreadable"
        path.unlink()
        code, said = "warehouse_file_missing", "The warehouse file profiles.duckdb is gone."
    else:
        record = get_warehouse(synced.workspace, synced.warehouse_id)
        with synced.workspace.database.transaction() as connection:
            connection.execute(update(warehouses).values(settings={**record.settings, "port": 1}))
        code, said = "unreachable", "Nothing listens at"
    failed = synced.run()
    assert failed.state is ProfilesRunState.FAILED and failed.error is not None
    assert (failed.error["code"], said in failed.error["message"]) == (code, True), failed.error
    if code == "warehouse_file_missing":
        path.write_bytes(kept)
        assert synced.run().state is ProfilesRunState.SUCCEEDED


def test_the_worker_runs_what_is_due_and_once_an_hour(workspace: Workspace, clock: FixedClock) -> None:
    feed = Feed(workspace)
    feed.identify("1001")
    path = workspace.home.warehouses / "profiles.duckdb"
    duckdb.connect(str(path)).close()
    record = save_warehouse(workspace, kind="duckdb", name="Local", settings={"path": path.name})
    sync = set_up_profiles_sync(workspace, feed.space_id, record.id)
    with pytest.raises(InvalidField, match="already"):
        set_up_profiles_sync(workspace, feed.space_id, record.id)
    assert [each.id for each in list_due(workspace)] == [sync.id]
    report = Worker(workspace).run_once()
    assert report.failures == ()
    (run,) = list_profiles_runs(workspace, sync.id)
    assert (run.trigger, run.state, run.rows["user_identifiers"]) == ("schedule", ProfilesRunState.SUCCEEDED, 1)
    assert list_due(workspace) == []
    clock.advance(timedelta(minutes=60))
    assert len(list_due(workspace)) == 1
    assert [entry.action for entry in list_changes(workspace, object_type="profiles_sync")] == ["created"]


@pytest.mark.parametrize("kind", ["bigquery", "duckdb", "postgres", "redshift", "snowflake"])
def test_every_engine_takes_the_same_tables_and_those_of_events_grow(
    kind: str, workspace: Workspace, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed(workspace)
    shop = create_source(workspace, kind="http", name='The "Shop" of \\ it\'s').id
    connect_source(workspace, feed.space_id, shop)
    feed.identify("1001", traits={"email": "ada@example.org", "quote": 'it\'s \\ "so"'}, source=shop)
    order = {"orderId": "7", "total": 20, "gift": True, "paidAt": "2026-11-01T09:30:00+01:00", "items": [{"sku": "a"}]}
    feed.track("1001", "Order Completed", {**order, "ship": {"zip": "0150", "note": None}, "user": "Ada"})
    feed.track("1001", "order_completed", {"orderId": 8, "total": ""})
    feed.track("1001", "Track")
    feed.build()
    with _write_to(kind, feed, request) as synced:
        run = synced.run()
        assert run.state is ProfilesRunState.SUCCEEDED, run.error
        assert (run.rows["track"], run.rows["order_completed"], run.rows["event_track"], run.notes) == (3, 2, 1, ())
        feed.identify("1001", traits={"plan": "gold"})
        feed.track("1001", "Order Completed", {"orderId": 9, "total": 19.5, "gift": "maybe", "coupon": "x", "tip": 1})
        feed.track("1001", "Order Completed", {"total": "much"})
        feed.build()
        delete_identifier(workspace, feed.space_id, ["1001"], "email", ["ada@example.org"], asked_by="tok_x")
        run = synced.run()
        assert run.state is ProfilesRunState.SUCCEEDED, run.error
        assert (run.rows["user_traits"], run.rows["order_completed"]) == (3, 2)
        assert run.notes == [
            "order_completed.gift is NULL in 1 row: what was sent is no boolean.",
            "order_completed.total is NULL in 1 row: what was sent is no number.",
        ]
        traits = {row[0]: row[1] for row in synced.read("user_traits", "name, value")}
        assert traits == {"email": "ada@example.org", "quote": 'it\'s \\ "so"', "plan": "gold"}
        assert len(synced.read("identify", "id")) == 2
        operations = synced.read("external_id_mapping_updates", "external_id_value, __operation")
        of_email = [("ada@example.org", "CREATED"), ("ada@example.org", "REMOVED")]
        assert operations == [("1001", "CREATED"), *of_email]
        columns = "event, order_id, total, gift, ship_zip, items, property_user, coupon, tip"
        empty = (None,) * 4
        assert sorted(synced.read("order_completed", f"seq, {columns}")) == [
            (2, "Order Completed", "7", 20.0, True, "0150", '[{"sku":"a"}]', "Ada", None, None),
            (3, "order_completed", "8", None, None, *empty, None),
            (6, "Order Completed", "9", 19.5, None, None, None, None, "x", 1.0),
            (7, "Order Completed", None, None, None, *empty, None),
        ]
        with workspace.database.transaction() as connection:
            connection.execute(update(profiles_syncs).values(events_offset=0))
        assert synced.run().rows == {}  # all are there: none is missing
        assert len(synced.read("order_completed", "seq")) == 4
        ((at, written_at, context),) = synced.read("order_completed", "paid_at, uuid_ts, context", "WHERE seq = 2")
        assert at.astimezone(UTC).isoformat() == "2026-11-01T08:30:00+00:00"
        assert written_at.astimezone(UTC) == workspace.now() and context == "{}"
        feed.send("identify", traits={"email": "a@example.org"}, source=shop)
        feed.identify("1001", traits={"email": "a@example.org"}, source=shop)
        feed.build()
        synced.run()
        whole = synced.current(), synced.mappings()
        assert [len(rows) for rows in whole[0].values()] == [2, 1, 2, 3, 2, 2]
        assert {row[-2:] for row in whole[1]} == {('The "Shop" of \\ it\'s', "the-shop-of-it-s"), (None, None)}
        if kind == "bigquery":  # the catalog of its emulator does not follow a column that goes
            synced.change(
                f"UPDATE {SCHEMA}.{MAPPING_UPDATES} SET id = NULL, __operation = NULL WHERE __operation = 'CREATED'",
                f"DELETE FROM {SCHEMA}.onramp_stage_sources WHERE TRUE",
                f"INSERT INTO {SCHEMA}.onramp_stage_sources (source_id, name, slug) VALUES ('{shop}', 'It', 'it')",
                *complete_mappings_sql(SCHEMA, get_dialect(kind, "")),
            )
            assert [row[:4] for row in synced.mappings()] == [row[:4] for row in whole[1]]
            assert {row[-2:] for row in synced.mappings() if row[3] == "CREATED"} == {("It", "it")}
            return
        synced.age(monkeypatch)
        assert synced.run().state is ProfilesRunState.SUCCEEDED
        assert (synced.current(), synced.mappings()) == whole
