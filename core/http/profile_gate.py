"""Who may read profiles: tokens, and how often, as one serving process knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from core.http.rate_limit import RateLimits
from core.profiles.quick_reads import QuickReads
from core.workspaces.profile_access import Grant, read_grants
from core.workspaces.profile_tokens import hash_token
from core.workspaces.workspace import Workspace

FRESH_S = 1.0
"""For how long a token that was revoked may still be taken."""
PAUSE_S = 0.1
"""Guessed tokens cost ten readings a second, however many they are."""
READERS = 4


class ProfileGate:
    """What the reading side of one process stands on: grants, limits, and threads for the store."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.limits = RateLimits(workspace.home.rate_limits)
        self.readers = ThreadPoolExecutor(READERS, "onramp profiles")
        self.quick = QuickReads(workspace.database) if workspace.database.is_sqlite else None
        self._grants: Mapping[str, Grant] = {}
        self._read_at = float("-inf")
        self._upcoming: asyncio.Task[Mapping[str, Grant]] | None = None

    async def find_grant(self, token: str) -> Grant | None:
        """Return what the token opens; one that was made a moment ago is known.

        Raises:
            CoreError: The store cannot be read.
        """
        key = hash_token(token)
        is_fresh = asyncio.get_running_loop().time() < self._read_at + FRESH_S
        found = self._grants.get(key) if is_fresh else None
        return found or (await self._read()).get(key)

    async def is_live(self, token_id: str) -> bool:
        """Say whether the token with this id is not revoked.

        Raises:
            CoreError: The store cannot be read.
        """
        is_fresh = asyncio.get_running_loop().time() < self._read_at + FRESH_S
        grants = self._grants if is_fresh else await self._read()
        return any(grant.token_id == token_id for grant in grants.values())

    async def _read(self) -> Mapping[str, Grant]:
        if self._upcoming is None or self._upcoming.done():
            self._upcoming = asyncio.create_task(self._read_in_a_moment())
        return await asyncio.shield(self._upcoming)

    async def _read_in_a_moment(self) -> Mapping[str, Grant]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._read_at + PAUSE_S - loop.time())
        self._upcoming = None  # who asks from now on must not be told of an earlier moment
        read_at = loop.time()
        self._grants = await loop.run_in_executor(self.readers, read_grants, self.workspace)
        self._read_at = read_at
        return self._grants

    def stop(self) -> None:
        """Let go of the threads and of the shared file."""
        self.readers.shutdown()
        self.limits.close()
        if self.quick is not None:
            self.quick.close()
