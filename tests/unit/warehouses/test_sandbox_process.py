from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from core.errors import QueryError
from core.warehouses.embedded import EmbeddedWarehouse
from core.warehouses.sandbox_pool import SandboxPool
from core.warehouses.sandbox_process import SandboxLimits

REPOSITORY = Path(__file__).parents[3]
ENDLESS = "SELECT list_transform(range(100000000), lambda x: x + 1)"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT i FROM range(100000) r(i)")
    return path


@pytest.fixture
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(SandboxLimits(idle_s=0.2), max_running=2)
    yield made
    made.close()


def _only_child(pool: SandboxPool) -> int:
    (process,) = pool.list_children("running")
    return process.pid


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _wait_until_gone(pid: int) -> bool:
    for _ in range(500):
        if not _is_running(pid):
            return True
        time.sleep(0.02)
    return False


def test_a_child_killed_in_mid_stream_is_an_error_and_the_next_query_works(file: Path, pool: SandboxPool) -> None:
    warehouse = EmbeddedWarehouse(file, pool=pool)
    stream = warehouse.stream("SELECT * FROM range(1000000000)")
    next(stream)
    os.kill(_only_child(pool), signal.SIGKILL)
    with pytest.raises(QueryError) as caught:
        list(stream)
    assert caught.value.code == "engine_stopped" and caught.value.hint
    assert warehouse.query("SELECT count(*) AS n FROM t")["n"].to_pylist() == [100_000]


def test_a_child_killed_while_idle_is_replaced(file: Path, pool: SandboxPool) -> None:
    warehouse = EmbeddedWarehouse(file, pool=pool)
    warehouse.query("SELECT 1")
    (idle,) = pool.list_children("idle")
    os.kill(idle.pid, signal.SIGKILL)
    assert _wait_until_gone(idle.pid)
    assert warehouse.query("SELECT 1 AS n")["n"].to_pylist() == [1]


def test_closing_a_stream_kills_a_busy_child_and_keeps_one_that_is_done(file: Path, pool: SandboxPool) -> None:
    warehouse = EmbeddedWarehouse(file, pool=pool)
    busy = warehouse.stream("SELECT * FROM range(1000000000)")
    next(busy)
    pid = _only_child(pool)
    busy.close()
    assert not Path(f"/proc/{pid}").exists()  # dead and reaped
    warehouse.query("SELECT 1")
    (kept,) = pool.list_children("idle")
    warehouse.query("SELECT 2")
    assert [child.pid for child in pool.list_children("idle")] == [kept.pid]


@pytest.mark.crash
def test_no_child_outlives_a_parent_that_is_killed_in_the_middle_of_a_query(file: Path) -> None:
    script = textwrap.dedent(f"""
        import threading, time
        from pathlib import Path
        from core.warehouses.embedded import EmbeddedWarehouse
        from core.warehouses.sandbox_pool import get_pool
        warehouse = EmbeddedWarehouse(Path({str(file)!r}))
        warehouse.query("SELECT 1")
        threading.Thread(target=warehouse.query, args=({ENDLESS!r},), daemon=True).start()
        while not get_pool().list_children("running"):
            time.sleep(0.01)
        children = [child.pid for kind in ("running", "spare") for child in get_pool().list_children(kind)]
        print(*children, flush=True)
        time.sleep(60)
    """)
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=REPOSITORY, text=True)
    assert parent.stdout is not None
    children = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(children) == 2 and all(_is_running(pid) for pid in children)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert all(_wait_until_gone(pid) for pid in children)


def test_a_child_outlives_the_thread_that_started_it(file: Path, pool: SandboxPool) -> None:
    warehouse = EmbeddedWarehouse(file, pool=pool)
    thread = threading.Thread(target=warehouse.query, args=("SELECT 1",))
    thread.start()
    thread.join()
    (idle,) = pool.list_children("idle")
    warehouse.query("SELECT 2")
    assert [child.pid for child in pool.list_children("idle")] == [idle.pid]


def test_a_child_inherits_no_environment_and_no_descriptor(
    file: Path, pool: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONRAMP_SECRET_KEY", "do-not-tell")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    EmbeddedWarehouse(file, pool=pool).query("SELECT 1")
    (child,) = pool.list_children("idle")
    environment = Path(f"/proc/{child.pid}/environ").read_text()
    assert "do-not-tell" not in environment and "PYTHONPATH" not in environment and "HOME" not in environment
    shared = _open_files("self") & _open_files(child.pid)
    assert {path for path in shared if path.startswith("/")} <= {"/dev/null"}


def test_a_child_has_a_network_of_its_own_where_the_kernel_allows_it(file: Path, pool: SandboxPool) -> None:
    if subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let a process give up its network")
    EmbeddedWarehouse(file, pool=pool).query("SELECT 1")
    (child,) = pool.list_children("idle")
    assert Path(f"/proc/{child.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def test_a_child_cannot_write_files_and_has_an_address_space_limit(file: Path, pool: SandboxPool) -> None:
    EmbeddedWarehouse(file, pool=pool).query("SELECT 1")
    (child,) = pool.list_children("idle")
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    found = {line[:25].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert found["Max file size"] == ["0", "0"]
    assert found["Max core file size"] == ["0", "0"]
    assert found["Max address space"] == [str(2048 * 1024**2)] * 2


def test_an_idle_child_lets_go_of_the_file_and_opens_it_again(file: Path, pool: SandboxPool) -> None:
    warehouse = EmbeddedWarehouse(file, pool=pool)
    warehouse.query("SELECT 1")
    (idle,) = pool.list_children("idle")
    for _ in range(500):
        if str(file) not in _open_files(idle.pid):
            break
        time.sleep(0.02)
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO t VALUES (-1)")
    assert warehouse.query("SELECT min(i) AS n FROM t")["n"].to_pylist() == [-1]
    assert [child.pid for child in pool.list_children("idle")] == [idle.pid]


def test_no_descriptor_and_no_zombie_is_left_after_queries_that_were_killed(file: Path, pool: SandboxPool) -> None:
    warehouse = EmbeddedWarehouse(file, pool=pool)
    warehouse.query("SELECT 1")
    before = _count_descriptors()
    pids = set()
    for _ in range(5):
        stream = warehouse.stream("SELECT * FROM range(1000000000)")
        next(stream)
        pids.add(_only_child(pool))
        stream.close()
    assert len(pids) == 5
    warehouse.query("SELECT 1")
    assert _count_descriptors() == before
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def _open_files(pid: int | str) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(entry.readlink()))
    return found


def _count_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_child_of_a_large_process_is_reused_all_the_same(file: Path) -> None:
    """An exec keeps the peak memory of the process it replaces; a child must not look tired because of its parent."""
    script = textwrap.dedent(f"""
        ballast = b"x" * (700 * 1024 * 1024)
        from pathlib import Path
        from core.warehouses.embedded import EmbeddedWarehouse
        from core.warehouses.sandbox_pool import get_pool
        warehouse = EmbeddedWarehouse(Path({str(file)!r}))
        warehouse.query("SELECT 1")
        first = [child.pid for child in get_pool().list_children("idle")]
        warehouse.query("SELECT 2")
        print(len(first), first == [child.pid for child in get_pool().list_children("idle")])
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["1", "True"], done.stderr
