"""Leases: the right to do one piece of work, held by one process at a time, on either store.

A lease runs out by itself, so that work whose process was killed can be taken over. Its token grows with every
holder: whoever writes on behalf of a lease can tell that a later holder has come (a fencing token).
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from core.clock import Clock, SystemClock, to_millis
from core.errors import CoreError, RunInProgress
from core.storage.database import Database
from core.storage.prepared import Prepared
from core.storage.tables import leases

DEFAULT_TTL_S = 20.0
POLL_S = 0.05
WORKER_WAIT_S = 60.0
"""How long a command waits for the worker of an open workspace, which runs syncs and builds profiles, too."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """One lease that is held. `token` is larger than that of every earlier holder."""

    name: str
    holder: str
    token: int


def take_lease(
    database: Database, name: str, holder: str, *, ttl_s: float = DEFAULT_TTL_S, clock: Clock | None = None
) -> Lease | None:
    """Take the lease if nobody holds it or its holder's time has run out; None where it is held."""
    now = (clock or SystemClock()).now()
    expires_at = now + timedelta(seconds=ttl_s)
    try:
        with database.transaction() as connection:
            row = connection.execute(select(leases).where(leases.c.name == name).with_for_update()).first()
            if row is None:
                connection.execute(insert(leases).values(name=name, holder=holder, token=1, expires_at=expires_at))
                return Lease(name, holder, 1)
            if row.expires_at > now and not is_holder_gone(row.holder):
                return None
            connection.execute(
                update(leases)
                .where(leases.c.name == name)
                .values(holder=holder, token=row.token + 1, expires_at=expires_at)
            )
            return Lease(name, holder, row.token + 1)
    except IntegrityError:  # two processes made the first row at once; the other one was faster
        return None


def renew_lease(database: Database, lease: Lease, *, ttl_s: float = DEFAULT_TTL_S, clock: Clock | None = None) -> bool:
    """Give the lease more time; False where a later holder has taken it."""
    expires_at = (clock or SystemClock()).now() + timedelta(seconds=ttl_s)
    with database.transaction() as connection:
        result = connection.execute(
            update(leases)
            .where(leases.c.name == lease.name, leases.c.holder == lease.holder, leases.c.token == lease.token)
            .values(expires_at=expires_at)
        )
    return bool(result.rowcount)


def release_lease(database: Database, lease: Lease) -> None:
    """Give the lease back. The row stays with its token, expired, so that tokens keep growing."""
    with database.transaction() as connection:
        connection.execute(
            update(leases)
            .where(leases.c.name == lease.name, leases.c.holder == lease.holder, leases.c.token == lease.token)
            .values(expires_at=_LONG_AGO)
        )


@contextmanager
def hold_lease(database: Database, name: str, *, ttl_s: float = DEFAULT_TTL_S, wait_s: float = 0.0) -> Iterator[Lease]:
    """Hold the lease for the length of a block, renewing it in the background.

    The machine's clock is used on purpose: a lease is about processes that really run now. `wait_s` is how long to wait
    for a holder who only had a look.

    Raises:
        RunInProgress: Somebody else holds it.
    """
    holder, deadline = new_holder(), time.monotonic() + wait_s
    while (lease := take_lease(database, name, holder, ttl_s=ttl_s)) is None and time.monotonic() < deadline:
        time.sleep(POLL_S)
    if lease is None:
        raise RunInProgress(
            f"{describe_lease(name)} is being worked on by another process.",
            hint="Wait until it has finished, then try again.",
            context={"lease": name},
        )
    stop = threading.Event()
    heartbeat = threading.Thread(
        target=_keep_alive, args=(database, lease, ttl_s, stop), name=f"lease {name}", daemon=True
    )
    heartbeat.start()
    try:
        yield lease
    finally:
        stop.set()
        heartbeat.join()
        with suppress(CoreError):  # a failing store must not hide how the work ended; the lease runs out by itself
            release_lease(database, lease)


def pass_lease(connection: Connection, name: str, *, clock: Clock | None = None) -> bool:
    """Hold the lease for the length of the caller's transaction; False where somebody holds it, or nobody ever did.

    Nobody can take it before that transaction ends, and a holder whose time has run out finds a larger token.
    """
    now = (clock or SystemClock()).now()
    return bool(_PASS.execute(connection, lease=name, now=to_millis(now)).rowcount)


def block_lease(connection: Connection, name: str) -> None:
    """Keep everybody who writes under the lease from committing until the caller's transaction is over."""
    # nobody may have taken it yet, and only a row can be locked
    connection.execute(_MAKE, {"name": name, "holder": "", "token": 0, "expires_at": to_millis(_LONG_AGO)})
    connection.execute(_TOKEN, {"lease": name})


def require_lease(connection: Connection, lease: Lease) -> None:
    """Fence a write: in its own transaction, make sure that no later holder has come.

    Raises:
        RunInProgress: Another process has taken the lease over; roll back and stop.
    """
    row = connection.execute(_TOKEN, {"lease": lease.name}).first()
    if row is None or row.token != lease.token:
        raise RunInProgress(
            f"{describe_lease(lease.name)} was taken over by another process.",
            hint="Nothing is lost: the other process finishes the work.",
            context={"lease": lease.name},
        )


def is_lease_held(database: Database, name: str, *, clock: Clock | None = None) -> bool:
    """Say whether somebody holds the lease now."""
    with database.reading() as connection:
        row = connection.execute(select(leases).where(leases.c.name == name)).first()
    return row is not None and row.expires_at > (clock or SystemClock()).now() and not is_holder_gone(row.holder)


def new_holder() -> str:
    """Return a name for one holder: machine, process and chance."""
    return f"{_machine()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_holder_gone(holder: str) -> bool:
    """Say whether the holder was a process of this machine that no longer runs; only then need nobody wait for it."""
    machine, _, rest = holder.rpartition(":")[0].rpartition(":")
    if machine != _machine() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _machine() -> str:
    # Containers can share a host name and not see each other's processes: the process namespace tells them apart.
    try:
        return f"{socket.gethostname()}/{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116 - a link to no file
    except OSError:  # not Linux
        return socket.gethostname()


def describe_lease(name: str) -> str:
    """Return the lease's work for a sentence, such as `Sync syn_1`."""
    kind, _, object_id = name.partition(":")
    return f"{kind.capitalize()} {object_id}".strip()


def _keep_alive(database: Database, lease: Lease, ttl_s: float, stop: threading.Event) -> None:
    while not stop.wait(ttl_s / 4):
        try:
            if not renew_lease(database, lease, ttl_s=ttl_s):
                return
        except CoreError as error:  # a full disk or a server that restarts: try again while there is time
            _LOG.warning("The lease %s could not be renewed: %s", lease.name, error)


_LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
_TOKEN = select(leases.c.token).where(leases.c.name == bindparam("lease")).with_for_update()
_MAKE = text(
    "INSERT INTO leases (name, holder, token, expires_at) VALUES (:name, :holder, :token, :expires_at)"
    " ON CONFLICT (name) DO NOTHING"
)
_PASS = Prepared(
    lambda _dialect: (
        update(leases)
        .where(leases.c.name == bindparam("lease"), leases.c.expires_at <= bindparam("now"))
        .values(token=leases.c.token + 1, holder="")
    )
)
