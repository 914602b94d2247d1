"""What the tracking surface of one process stands on: write keys, limits, and the committer of the event log."""

from __future__ import annotations

import asyncio

from core.events.committer import Committer
from core.events.event_log import open_event_log
from core.events.limits import read_limits
from core.http.metrics import Metrics
from core.sources.keys import FRESH_S, Sender, Senders, WriteKeys
from core.workspaces.workspace import Workspace

PATIENCE_S = 1.0
"""How long a request waits for the store before it goes by the keys that were read last."""
PAUSE_S = 0.1
NO_SENDERS = Senders({}, frozenset())


class Ingest:
    """The ingest side of one process on one workspace."""

    def __init__(self, workspace: Workspace, metrics: Metrics) -> None:
        self.clock = workspace.clock
        self.metrics = metrics
        self.limits = read_limits()
        self.committer = Committer(open_event_log(workspace), on_commit=metrics.count_commit)
        self._keys = WriteKeys(workspace)
        self._reading: asyncio.Future[Senders] | None = None
        self._reading_since = 0.0
        self._upcoming: asyncio.Task[Senders] | None = None
        self._next_reading_at = 0.0

    @property
    def fresh_senders(self) -> Senders | None:
        """The senders, if they were read less than a second ago."""
        return self._keys.get()

    async def read_senders(self, max_age_s: float = FRESH_S) -> Senders:
        """Return the senders as they were at most `max_age_s` ago; a store that does not answer stops nobody.

        Raises:
            CoreError: They have never been read, and cannot be.
        """
        senders = self._keys.get(max_age_s)
        if senders is not None:
            return senders
        loop = asyncio.get_running_loop()
        if self._reading is None or self._reading.done():
            self._reading = loop.run_in_executor(None, self._keys.read, max_age_s)
            self._reading_since = loop.time()
        reading, latest = self._reading, self._keys.latest
        if latest is not None:
            left_s = max(0.0, self._reading_since + PATIENCE_S - loop.time())
            done, _late = await asyncio.wait({reading}, timeout=left_s)
            if not done:
                return latest._replace(is_current=False)
        return await asyncio.shield(reading)

    async def read_newest_senders(self) -> Senders:
        """Return the senders as they were when this was called, or later; all that ask wait for one reading.

        Only for a key that is not known: it may have been made a moment ago. Guessed keys cost ten readings a second.
        """
        if self._upcoming is None or self._upcoming.done():
            self._upcoming = asyncio.create_task(self._read_in_a_moment())
        try:
            return await asyncio.wait_for(asyncio.shield(self._upcoming), PATIENCE_S)
        except TimeoutError:
            return (self._keys.latest or NO_SENDERS)._replace(is_current=False)

    async def find_sender(self, write_key: str) -> Sender | None:
        """Return whose key this is, looking anew for one that may have been made a moment ago.

        Raises:
            CoreError: The senders have never been read, and cannot be.
        """
        sender = (await self.read_senders()).find(write_key, self.clock)
        return sender or (await self.read_newest_senders()).find(write_key, self.clock)

    async def _read_in_a_moment(self) -> Senders:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._next_reading_at - loop.time())
        self._next_reading_at = loop.time() + PAUSE_S
        self._upcoming = None  # who asks from now on must not be told of an earlier moment
        return await loop.run_in_executor(None, self._keys.read, 0.0)

    def stop(self) -> None:
        """Write what is waiting."""
        self.committer.stop()
