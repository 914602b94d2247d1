"""drt-core, the open-source peer: in an environment of its own under the cache folder, on the same DuckDB file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

VERSION = "1.2.1"
TIMEOUT_S = 120
SYNC = """name: {name}
model: "{sql}"
destination: {{type: file, path: {name}.jsonl, format: jsonl}}
sync: {{{options}, batch_size: 1000}}
"""
OPTIONS = {
    "full": "mode: full",
    "cursor": "mode: incremental, cursor_field: changed_at",
    "diff": "mode: upsert, incremental_strategy: diff",
}


class DidNotFinish(Exception):
    """A command of drt was stopped at the time-out; the text says after how long."""


class DrtPeer:
    """A drt project with one sync for each way drt has to sync a table a second time.

    Every command ends: after `TIMEOUT_S` it is killed, and `DidNotFinish` raised.
    """

    def __init__(self, folder: Path, database: Path, sql: str) -> None:
        self._folder = folder
        self._program = _install()
        (folder / "syncs").mkdir(parents=True)
        (folder / ".drt").mkdir()
        (folder / ".drt" / "profiles.yml").write_text(f"bench:\n  type: duckdb\n  database: {database}\n")
        (folder / "drt_project.yml").write_text("name: bench\nprofile: bench\n")
        for name, options in OPTIONS.items():
            (folder / "syncs" / f"{name}.yml").write_text(SYNC.format(name=name, sql=sql, options=options))

    def start(self) -> None:
        """Do nothing but start: what a command costs before it works."""
        self._call("--version")

    def run(self, name: str) -> str:
        """Run one sync and return what drt printed; fails where drt fails."""
        done = self._call("run", "--select", name)
        if done.returncode:
            raise SystemExit(f"drt failed: {done.stdout}{done.stderr}")
        return done.stdout

    def ask_for_diff(self) -> str:
        """Return what drt says to a diff of a DuckDB source, in one line."""
        words = self._call("run", "--select", "diff").stdout.replace("│", " ").split()
        return " ".join(words[words.index("NotImplementedError:") : -1] if "NotImplementedError:" in words else words)

    def count_written(self, name: str) -> int:
        """Return how many rows the sync's file has."""
        with (self._folder / f"{name}.jsonl").open("rb") as lines:
            return sum(1 for _ in lines)

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HOME": str(self._folder), "COLUMNS": "400", "DO_NOT_TRACK": "1"}
        command = [str(self._program), *arguments]
        try:
            return subprocess.run(
                command,
                cwd=self._folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise DidNotFinish(f"did not finish in {TIMEOUT_S} s") from error


def _install() -> Path:
    """Return the program; the environment is made on the first call and kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "onramp-bench" / f"drt-core-{VERSION}"
    program = folder / "bin" / "drt"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", f"drt-core[duckdb]=={VERSION}"]
        subprocess.run(install, check=True, stdout=sys.stderr)
    return program
