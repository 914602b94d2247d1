"""Every benchmark still runs: tiny, for its shape, never for its time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
TINY = {
    "bench_cdnow": ["--rows", "400", "--repeat", "1"],
    "bench_deletion": ["--rows", "400", "--today", "100"],
    "bench_event_search": ["--rows", "400", "--days", "2", "--today", "100", "--repeat", "1"],
    "bench_mapping": ["--rows", "200", "--repeat", "1", "--without-kit"],
    "bench_page_rerun": ["--rows", "50", "--runs", "2", "--without-browser"],
    "bench_postgres_preview": ["--rows", "500", "--runs", "2"],
    "bench_postgres_stream": ["--rows", "500", "--repeat", "1"],
    "bench_postgres_sync": ["--rows", "500", "--repeat", "1", "--without-drt"],
    "bench_predictions": ["--rows", "500", "--repeat", "1"],
    "bench_preview": ["--rows", "500", "--runs", "2"],
    "bench_profile_search": ["--rows", "400", "--repeat", "1"],
    "bench_profiles": ["--rows", "300", "--repeat", "2"],
    "bench_shared_identifier": ["--rows", "60", "--repeat", "1"],
    "bench_sync_memory": ["--sizes", "300", "400"],
    "bench_tracking": ["--seconds", "0.2", "--without-wrk", "--without-pages", "--connections", "4", "--workers", "1"],
    "bench_sync_unchanged": ["--rows", "300", "--repeat", "1", "--without-drt"],
}


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("bench_*.py")))
def test_a_benchmark_runs_on_a_tiny_size_and_prints_one_json_document(name: str) -> None:
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--json", *TINY[name]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    found = json.loads(done.stdout)
    assert found["measurements"]
    assert all(each["seconds"] > 0 for each in found["measurements"])
