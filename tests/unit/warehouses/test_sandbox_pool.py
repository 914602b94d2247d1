from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from core.errors import QueryCancelled, QueryError, QueryTimeout, Unreachable
from core.warehouses import embedded_write
from core.warehouses.cancel import CancelToken
from core.warehouses.embedded import EmbeddedWarehouse
from core.warehouses.sandbox_pool import MAX_IDLE, MAX_IDLE_PER_FILE, SandboxPool


@pytest.fixture
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(max_running=3)
    yield made
    made.close()


def _make(path: Path, value: int) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE t AS SELECT {value} AS v")
    return path


def test_a_spare_child_is_started_ahead_and_children_are_bound_to_one_file(tmp_path: Path, pool: SandboxPool) -> None:
    pool.warm_up()
    (spare,) = pool.list_children("spare")
    one = EmbeddedWarehouse(_make(tmp_path / "a.duckdb", 1), pool=pool)
    two = EmbeddedWarehouse(_make(tmp_path / "b.duckdb", 2), pool=pool)
    assert one.query("SELECT v FROM t")["v"].to_pylist() == [1]
    assert [child.pid for child in pool.list_children("idle")] == [spare.pid]
    assert two.query("SELECT v FROM t")["v"].to_pylist() == [2]
    assert len(pool.list_children("idle")) == 2
    assert one.query("SELECT v FROM t")["v"].to_pylist() == [1]


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path, pool: SandboxPool) -> None:
    path = _make(tmp_path / "a.duckdb", 1)
    warehouse = EmbeddedWarehouse(path, pool=pool)
    assert warehouse.query("SELECT v FROM t")["v"].to_pylist() == [1]
    with pytest.raises(QueryError):
        warehouse.query("SELECT CAST('x' || v AS INTEGER) FROM t")
    (child,) = pool.list_children("idle")
    _make(tmp_path / "new.duckdb", 2).replace(path)
    assert warehouse.query("SELECT v FROM t")["v"].to_pylist() == [2]
    assert [each.pid for each in pool.list_children("idle")] == [child.pid]


def test_a_file_that_is_gone_is_named_without_its_folder(tmp_path: Path, pool: SandboxPool) -> None:
    warehouse = EmbeddedWarehouse(tmp_path / "gone.duckdb", pool=pool)
    with pytest.raises(Unreachable, match=r"gone\.duckdb") as caught:
        warehouse.query("SELECT 1")
    assert str(tmp_path) not in str(caught.value.to_dict())
    assert not warehouse.test_connection().ok


@pytest.mark.parametrize("content", [b"", b"not a database at all", os.urandom(20_000)], ids=len)
def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path, pool: SandboxPool, content: bytes) -> None:
    path = tmp_path / "bad.duckdb"
    path.write_bytes(content)
    report = EmbeddedWarehouse(path, pool=pool).test_connection()
    assert not report.ok and report.error is not None
    assert "bad.duckdb" in report.detail and str(tmp_path) not in str(report.error.to_dict())


def test_a_file_that_another_process_writes_is_said_to_be_busy(tmp_path: Path, pool: SandboxPool) -> None:
    path = _make(tmp_path / "a.duckdb", 1)
    with duckdb.connect(str(path)), pytest.raises(Unreachable) as caught:
        EmbeddedWarehouse(path, pool=pool).query("SELECT 1")
    assert caught.value.code == "warehouse_locked"
    assert str(tmp_path) not in str(caught.value.to_dict())


def test_a_file_is_written_at_once_whoever_waits_for_a_query_of_it(tmp_path: Path, pool: SandboxPool) -> None:
    path = _make(tmp_path / "a.duckdb", 1)
    warehouse = EmbeddedWarehouse(path, pool=pool)
    warehouse.query("SELECT 1")
    with warehouse.open_write_session() as session:
        session.execute("UPDATE t SET v = 5")
        with pytest.raises(QueryError, match="refused what was to be written") as refused:
            session.execute("UPDATE gone SET v = 5")
        assert "gone" in str(refused.value.context["engine_message"])
    assert warehouse.query("SELECT v FROM t")["v"].to_pylist() == [5]


def test_a_file_that_cannot_be_written_says_why(
    tmp_path: Path, pool: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_write, "WAIT_S", 0)
    path = _make(tmp_path / "a.duckdb", 1)
    reader = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", reader, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        codes = [_refuse_writing(path, pool)]
        other.communicate()
    path.write_text("no database " * 1000)
    codes.append(_refuse_writing(path, pool))
    path.unlink()
    assert [*codes, _refuse_writing(path, pool)] == [
        "warehouse_locked",
        "warehouse_unreadable",
        "warehouse_file_missing",
    ]


def _refuse_writing(path: Path, pool: SandboxPool) -> str:
    with pytest.raises(Unreachable) as caught:
        EmbeddedWarehouse(path, pool=pool).open_write_session()
    return caught.value.code


def test_only_a_few_children_wait_for_work(tmp_path: Path, pool: SandboxPool) -> None:
    warehouse = EmbeddedWarehouse(_make(tmp_path / "a.duckdb", 1), pool=pool)
    streams = [warehouse.stream("SELECT * FROM range(100000)") for _ in range(3)]
    for stream in streams:
        next(stream)
    for stream in streams:
        list(stream)
    assert len(pool.list_children("idle")) == MAX_IDLE_PER_FILE
    assert pool.list_children("running") == []


def test_the_child_that_waited_longest_makes_room_for_another_file(tmp_path: Path, pool: SandboxPool) -> None:
    files = [_make(tmp_path / f"{number}.duckdb", number) for number in range(MAX_IDLE + 1)]
    for file in files:
        EmbeddedWarehouse(file, pool=pool).query("SELECT 1")
    assert [child.path for child in pool.list_children("idle")] == files[1:]
    (spare,) = pool.list_children("spare")
    assert EmbeddedWarehouse(files[0], pool=pool).query("SELECT v FROM t")["v"].to_pylist() == [0]
    assert [child.pid for child in pool.list_children("idle") if child.path == files[0]] == [spare.pid]


def test_a_child_that_made_room_lets_go_of_its_file_as_the_others_do(tmp_path: Path, pool: SandboxPool) -> None:
    files = [_make(tmp_path / f"{number}.duckdb", number) for number in range(MAX_IDLE + 1)]
    for file in files:
        EmbeddedWarehouse(file, pool=pool).query("SELECT 1")
    pool.release_file(files[0])
    with duckdb.connect(str(files[0])) as connection:
        connection.execute("UPDATE t SET v = 5")


def test_a_query_beyond_the_places_waits_and_then_says_so(tmp_path: Path, pool: SandboxPool) -> None:
    warehouse = EmbeddedWarehouse(_make(tmp_path / "a.duckdb", 1), pool=pool)
    streams = [warehouse.stream("SELECT * FROM range(1000000000)") for _ in range(3)]
    for stream in streams:
        next(stream)
    with pytest.raises(QueryTimeout, match="3 other queries are running"):
        warehouse.query("SELECT 1", timeout_s=0.2)
    token = CancelToken()
    timer = threading.Timer(0.1, token.cancel)
    timer.start()
    with pytest.raises(QueryCancelled):
        warehouse.query("SELECT 1", cancel=token)
    timer.join()
    streams.pop().close()
    assert warehouse.query("SELECT v FROM t")["v"].to_pylist() == [1]
    for stream in streams:
        stream.close()


def test_closing_the_pool_ends_running_queries_and_leaves_it_usable(tmp_path: Path, pool: SandboxPool) -> None:
    warehouse = EmbeddedWarehouse(_make(tmp_path / "a.duckdb", 1), pool=pool)
    stream = warehouse.stream("SELECT * FROM range(1000000000)")
    next(stream)
    pool.close()
    with pytest.raises(Exception, match="ended unexpectedly"):
        list(stream)
    assert warehouse.query("SELECT v FROM t")["v"].to_pylist() == [1]


def test_a_spare_that_died_is_replaced(tmp_path: Path, pool: SandboxPool) -> None:
    pool.warm_up()
    (spare,) = pool.list_children("spare")
    spare.stop()
    warehouse = EmbeddedWarehouse(_make(tmp_path / "a.duckdb", 1), pool=pool)
    assert warehouse.query("SELECT v FROM t")["v"].to_pylist() == [1]
