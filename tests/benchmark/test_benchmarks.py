"""Every benchmark still runs: tiny, for its shape, never for its time."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
TINY = {
    "bench_cdnow": ["--rows", "400", "--repeat", "1"],
    "bench_deletion": ["--rows", "400", "--today", "100"],
    "bench_event_search": ["--rows", "400", "--days", "2", "--today", "100", "--repeat", "1"],
    "bench_identity": ["--rows", "600", "--identifiers", "300", "--repeat", "1"],
    "bench_mapping": ["--rows", "200", "--repeat", "1", "--without-kit"],
    "bench_page_rerun": ["--rows", "50", "--runs", "2", "--without-browser"],
    "bench_postgres_preview": ["--rows", "500", "--runs", "2"],
    "bench_postgres_stream": ["--rows", "500", "--repeat", "1"],
    "bench_postgres_sync": ["--rows", "500", "--repeat", "1", "--without-drt"],
    "bench_predictions": ["--rows", "600", "--repeat", "1"],
    "bench_preview": ["--rows", "500", "--runs", "2"],
    "bench_profile_api": ["--rows", "300", "--seconds", "0.3", "--rate", "50", "--connections", "2", "--workers", "1"],
    "bench_profile_search": ["--rows", "400", "--repeat", "1"],
    "bench_profiles_sync": ["--rows", "200", "--repeat", "1"],
    "bench_profiles": ["--rows", "300", "--repeat", "2"],
    "bench_shared_identifier": ["--rows", "60", "--repeat", "1"],
    "bench_sync_memory": ["--sizes", "300"],
    "bench_traits": ["--rows", "600", "--people", "20", "--repeat", "1", "--traits", "1"],
    "bench_tracking": [
        "--seconds",
        "0.2",
        "--without-wrk",
        "--without-pages",
        "--connections",
        "4",
        "--workers",
        "1",
        "--turns",
        "1",
        "--batches",
        "10",
    ],
    "bench_sync_unchanged": ["--rows", "300", "--repeat", "1", "--without-drt"],
}


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("bench_*.py")))
def test_a_benchmark_runs_on_a_tiny_size_and_prints_one_json_document(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))  # where a script finds the modules beside it
    assert importlib.import_module(name).main(["--json", *TINY[name]]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["measurements"]
    assert all(each["seconds"] > 0 for each in found["measurements"])
