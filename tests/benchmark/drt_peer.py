"""drt-core, the open-source peer, in an environment of its own under the cache folder, on the same source as ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from postgres_table import DATABASE, PASSWORD, PostgresTable

VERSION = "1.2.1"
TIMEOUT_S = 120.0
SYNC = """name: {name}
model: "{sql}"
destination: {{{destination}}}
sync: {{{options}, batch_size: {batch_rows}}}
"""
FILE = "type: file, path: {name}.jsonl, format: jsonl"
OPTIONS = {
    "full": "mode: full",
    "cursor": "mode: incremental, cursor_field: changed_at",
    "diff": "mode: upsert, incremental_strategy: diff",
}
# drt takes a diff to a destination with an `upsert_key` only, which its file writer has not: a plugin gives it one.
PLUGIN = """
from drt.config.base import GenericDestinationConfig
from drt.config.models import FileDestinationConfig
from drt.connectors.registry import register_destination
from drt.destinations.file import FileDestination


class KeyedFileConfig(GenericDestinationConfig):
    path: str
    upsert_key: list[str]


class KeyedFile(FileDestination):
    def load(self, records, config, options):
        return super().load(records, FileDestinationConfig(type="file", path=config.path, format="jsonl"), options)


def register():
    register_destination("keyed_file", KeyedFileConfig, KeyedFile)
"""


class DidNotFinish(Exception):
    """A command of drt was stopped at the time-out; the text says after how long."""


class DrtPeer:
    """A drt project with several syncs of one query.

    Every command ends: after the time-out it is killed, and `DidNotFinish` raised.
    """

    def __init__(self, folder: Path, profile: str, syncs: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> None:
        self._folder, self._timeout_s = folder, timeout_s
        self._program = _install()
        (folder / "syncs").mkdir(parents=True)
        (folder / ".drt").mkdir()
        (folder / ".drt" / "profiles.yml").write_text(f"bench: {{{profile}}}\n")
        (folder / "drt_project.yml").write_text("name: bench\nprofile: bench\n")
        for name, sync in syncs.items():
            (folder / "syncs" / f"{name}.yml").write_text(sync)
        about = folder / "keyed_file-1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: keyed-file\nVersion: 1\n")
        (about / "entry_points.txt").write_text("[drt.destinations]\nkeyed_file = keyed_file:register\n")
        (folder / "keyed_file.py").write_text(PLUGIN)

    @classmethod
    def on_duckdb(cls, folder: Path, database: Path, sql: str) -> Self:
        """Return a project with a sync for each way drt has to sync a table a second time, to a JSON-lines file."""
        syncs = {
            name: SYNC.format(name=name, sql=sql, destination=FILE.format(name=name), options=options, batch_rows=1000)
            for name, options in OPTIONS.items()
        }
        return cls(folder, f"type: duckdb, database: {database}", syncs)

    @classmethod
    def on_postgres(cls, folder: Path, table: PostgresTable, sql: str, target: str, timeout_s: float) -> Self:
        """Return a project with two syncs that compare inside: `file` to JSON lines, `table` to another table."""
        server = f"host: 127.0.0.1, port: {table.server.port}, dbname: {DATABASE}"
        login = f"{server}, user: postgres, password_env: DRT_PASSWORD"
        destinations = {
            "file": "type: keyed_file, path: file.jsonl, upsert_key: [id]",
            "table": f"type: postgres, {login}, table: {target}, upsert_key: [id]",
        }
        syncs = {
            name: SYNC.format(name=name, sql=sql, destination=destination, options=OPTIONS["diff"], batch_rows=10_000)
            for name, destination in destinations.items()
        }
        return cls(folder, f"type: postgres, {login}", syncs, timeout_s)

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
        own = {"HOME": str(self._folder), "PYTHONPATH": str(self._folder), "DRT_PASSWORD": PASSWORD}
        environment = {**os.environ, **own, "COLUMNS": "400", "DO_NOT_TRACK": "1"}
        command = [str(self._program), *arguments]
        try:
            return subprocess.run(
                command,
                cwd=self._folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=self._timeout_s,
            )
        except subprocess.TimeoutExpired as error:
            raise DidNotFinish(f"did not finish in {self._timeout_s:g} s") from error


def _install() -> Path:
    """Return the program; the environment is made on the first call and kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "onramp-bench" / f"drt-core-{VERSION}-duckdb-postgres"
    program = folder / "bin" / "drt"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, f"drt-core[duckdb,postgres]=={VERSION}"], check=True, stdout=sys.stderr)
    return program
