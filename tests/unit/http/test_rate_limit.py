"""Requests a second are counted together by several processes (spec/profiles.md 5: 100 a second for a space)."""

from __future__ import annotations

import multiprocessing
import struct
import time
from pathlib import Path

from core.http.rate_limit import RateLimits


def ask(path: str, times: int) -> int:
    limits = RateLimits(Path(path))
    allowed = sum(not limits.take("spa_a", 100) for _ in range(times))
    limits.close()
    return allowed


def test_processes_share_what_a_space_may_ask(tmp_path: Path) -> None:
    path, started = str(tmp_path / "rates"), time.monotonic()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        allowed = sum(pool.starmap(ask, [(path, 2_000)] * 4))
    taken_s = time.monotonic() - started
    assert 100 <= allowed <= 101 + 100 * taken_s  # not once for each process


def test_one_space_takes_nothing_from_another_and_a_wait_is_told(tmp_path: Path) -> None:
    limits = RateLimits(tmp_path / "rates")
    waits = [limits.take("spa_a", 5) for _ in range(8)]
    assert waits[:5] == [0.0] * 5 and 0 < waits[-1] <= 0.2
    assert limits.take("spa_b", 5) == 0.0
    limits.close()


def test_a_file_from_before_the_machine_was_started_anew_refuses_nobody(tmp_path: Path) -> None:
    (tmp_path / "rates").write_bytes(struct.pack("d", 1e12) * 512)
    limits = RateLimits(tmp_path / "rates")
    assert limits.take("spa_a", 5) == 0.0
    limits.close()
