"""Write keys on the way in: which source a key names, answered from memory.

Everything a request needs of the store is read at once, at most once a second, so that neither traffic nor guessed keys
reach it. Where the store cannot be read, what was read last stays in force.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from core.clock import Clock
from core.errors import CoreError
from core.storage.tables import sources, suppressed_users
from core.workspaces.workspace import Workspace

FRESH_S = 1.0
_LOG = logging.getLogger("onramp.sources")


class Sender(NamedTuple):
    """The source that a write key names; `until` is set for the key before the last rotation."""

    source_id: str
    kind: str
    is_enabled: bool
    until: datetime | None = None


class Senders(NamedTuple):
    """Every write key and every suppressed user, as of one moment; not current where the store cannot be read now."""

    by_key: Mapping[str, Sender]
    suppressed: frozenset[str]
    is_current: bool = True

    def find(self, write_key: str, clock: Clock) -> Sender | None:
        """Return whose key this is; None for one that is unknown, or whose grace time is over."""
        sender = self.by_key.get(write_key)
        if sender is not None and sender.until is not None and sender.until <= clock.now():
            return None
        return sender


class WriteKeys:
    """The senders of one workspace, read again when they are older than a second. Share it between threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._senders: Senders | None = None
        self._read_at = -math.inf
        self._suppressed_mark: object = None

    @property
    def latest(self) -> Senders | None:
        """The senders as read last, however long ago."""
        return self._senders

    def get(self, max_age_s: float = FRESH_S) -> Senders | None:
        """Return the senders, if they were read less than `max_age_s` ago; this never waits."""
        return self._senders if time.monotonic() < self._read_at + max_age_s else None

    def read(self, max_age_s: float = FRESH_S) -> Senders:
        """Return the senders, reading them from the store if they are older than `max_age_s`.

        Raises:
            StoreUnreadable, Unreachable: The store cannot be read, and never could.
        """
        with self._lock:
            senders = self.get(max_age_s)
            if senders is None:
                senders = self._senders = self._read_or_keep()
                self._read_at = time.monotonic()
        return senders

    def _read_or_keep(self) -> Senders:
        try:
            return Senders(self._read_keys(), self._read_suppressed())
        except CoreError as error:
            if self._senders is None:
                raise
            _LOG.warning("the write keys cannot be read; those read before stay in force: %s", error)
            return self._senders._replace(is_current=False)

    def _read_keys(self) -> dict[str, Sender]:
        columns = ("id", "kind", "enabled", "write_key", "old_write_key", "old_key_until")
        found: dict[str, Sender] = {}
        with self._workspace.database.reading() as connection:
            for row in connection.execute(select(*(sources.c[name] for name in columns))):
                if row.old_write_key:
                    found.setdefault(row.old_write_key, Sender(row.id, row.kind, row.enabled, row.old_key_until))
                if row.write_key:
                    found[row.write_key] = Sender(row.id, row.kind, row.enabled)
        return found

    def _read_suppressed(self) -> frozenset[str]:
        mark = select(func.count(), func.max(suppressed_users.c.created_at))
        with self._workspace.database.reading() as connection:
            newest = tuple(connection.execute(mark).one())
            if self._senders is not None and newest == self._suppressed_mark:
                return self._senders.suppressed  # a long list is not read again each second
            found = frozenset(connection.execute(select(suppressed_users.c.user_id)).scalars())
        self._suppressed_mark = newest
        return found
