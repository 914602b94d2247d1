"""Who may read profiles: tokens, and how often, as one serving process knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from core.http.rate_limit import RateLimits, find_shared_file
from core.profiles.quick_reads import open_quick_reads
from core.workspaces.profile_access import Grant, read_grants
from core.workspaces.profile_tokens import hash_token
from core.workspaces.workspace import Workspace

FRESH_S = 1.0
"""For how long a token that was revoked may still be taken."""
REFRESH_S = 0.5
"""After which they are read again beside the requests, so that none waits for it."""
PAUSE_S = 0.1
"""Guessed tokens cost ten readings a second, however many they are."""
READERS = 4


class ProfileGate:
    """What the reading side of one process stands on: grants, limits, and threads for the store."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.limits = RateLimits(find_shared_file(workspace.home))
        self.readers = ThreadPoolExecutor(READERS, "onramp profiles")
        self.quick = open_quick_reads(workspace.database)
        self._grants: Mapping[str, Grant] = {}
        self._read_at = float("-inf")
        self._next_at = float("-inf")
        self._reading: asyncio.Task[Mapping[str, Grant]] | None = None
        self._upcoming: asyncio.Task[Mapping[str, Grant]] | None = None

    async def find_grant(self, token: str) -> Grant | None:
        """Return what the token opens; one that was made a moment ago is known.

        Raises:
            CoreError: The store cannot be read.
        """
        key = hash_token(token)
        return (await self._read_fresh()).get(key) or (await self._read_newest()).get(key)

    async def is_live(self, token_id: str) -> bool:
        """Say whether the token with this id is not revoked; one that was made a moment ago is known.

        Raises:
            CoreError: The store cannot be read.
        """
        return _is_among(token_id, await self._read_fresh()) or _is_among(token_id, await self._read_newest())

    async def _read_fresh(self) -> Mapping[str, Grant]:
        """Return the grants as they were at most a second ago; they are read again before, while requests go on."""
        age_s = asyncio.get_running_loop().time() - self._read_at
        if age_s < REFRESH_S and age_s < FRESH_S:
            return self._grants
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(_take_failure)
        return self._grants if age_s < FRESH_S else await asyncio.shield(self._reading)

    async def _read_newest(self) -> Mapping[str, Grant]:
        """Return the grants as they were when this was called, or later; all that ask wait for one reading."""
        if self._upcoming is None or self._upcoming.done():
            self._upcoming = asyncio.create_task(self._read_in_a_moment())
            self._upcoming.add_done_callback(_take_failure)
        return await asyncio.shield(self._upcoming)

    async def _read_in_a_moment(self) -> Mapping[str, Grant]:
        await asyncio.sleep(self._next_at - asyncio.get_running_loop().time())
        self._upcoming = None  # who asks from now on must not be told of an earlier moment
        return await self._read()

    async def _read(self) -> Mapping[str, Grant]:
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        self._next_at = began_at + PAUSE_S
        self._grants = await loop.run_in_executor(self.readers, read_grants, self.workspace)
        self._read_at = began_at
        return self._grants

    def stop(self) -> None:
        """Let go of the threads and of the shared file."""
        self.readers.shutdown()
        self.limits.close()
        self.quick.close()


def _is_among(token_id: str, grants: Mapping[str, Grant]) -> bool:
    return any(grant.token_id == token_id for grant in grants.values())


def _take_failure(reading: asyncio.Task[Mapping[str, Grant]]) -> None:
    """Note that a failure was seen: whoever waits is told of it, and where nobody waits the next reading tells."""
    if not reading.cancelled():
        reading.exception()
