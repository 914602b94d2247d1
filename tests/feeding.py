"""Feeds messages to a space and builds its profiles, for the tests of events, identity, profiles and traits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import delete, select

from core.clock import to_iso
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.identity.rules import add_custom_identifier, add_identifiers
from core.profiles.build import BuildReport, ProfileBuilder, rebuild
from core.storage.tables import (
    identifiers,
    merges,
    profile_accounts,
    profile_messages,
    profiles,
    trait_states,
    violations,
)
from core.traits.engine import ComputedTraitEngine
from core.workspaces.spaces import connect_source, ensure_space
from core.workspaces.workspace import Workspace

SOURCE = "src_test"
START = datetime(2026, 11, 1, tzinfo=UTC)
_DUMPED = (profiles, identifiers, profile_messages, profile_accounts, merges, violations, trait_states)


class Feed:
    """One space with identifiers and a connected source; messages are one minute apart unless they say when."""

    def __init__(self, workspace: Workspace, types: Sequence[str] = ("user_id", "email"), custom: Sequence[str] = ()):
        self.workspace = workspace
        self.space_id = ensure_space(workspace).id
        self._numbers = itertools.count(1)
        connect_source(workspace, self.space_id, SOURCE)
        if types:
            add_identifiers(workspace, self.space_id, types)
        for key in custom:
            add_custom_identifier(workspace, self.space_id, key)

    def send(self, type_: str = "identify", *, source: str = SOURCE, minute: float | None = None, **fields: Any) -> int:
        number = next(self._numbers)
        at = START + timedelta(minutes=number if minute is None else minute)
        message = {"type": type_, "messageId": f"m-{number}", "timestamp": to_iso(at), **fields}
        return open_event_log(self.workspace).append([to_log_entry(source, message, START + timedelta(days=30))])[0]

    def identify(self, user: str | None = None, **fields: Any) -> int:
        return self.send("identify", **({"userId": user} if user else {}), **fields)

    def track(self, user: str, event: str, properties: dict[str, Any] | None = None, **fields: Any) -> int:
        return self.send("track", userId=user, event=event, properties=properties or {}, **fields)

    def build(self, *, batch_messages: int = 5_000, max_messages: int | None = None, **options: Any) -> BuildReport:
        """Build; many messages at once, in parts of three, so that what is around one part is there for the next."""
        engine = options.pop("engine", ComputedTraitEngine())
        options = {"part_messages": 3} | options
        builder = ProfileBuilder(self.workspace, self.space_id, engine, batch_messages=batch_messages, **options)
        return builder.build(max_messages)

    def rebuild(self) -> None:
        """Lose all profiles and ask for them to be built again: the next build makes every row anew."""
        with self.workspace.database.transaction() as connection:
            for table in _DUMPED:
                connection.execute(delete(table))
        rebuild(self.workspace, self.space_id)

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        """Return every row that the builder wrote, in a stable order: two equal dumps are equal profiles."""
        found = {}
        with self.workspace.database.reading() as connection:
            for table in _DUMPED:
                rows = connection.execute(select(table).order_by(*table.primary_key)).all()
                found[table.name] = [tuple(row) for row in rows]
        # the keys stand in the order in which they came, which depends on batches
        found["profiles"] = [(*row[:-1], _sort_keys(str(row[-1]))) for row in found["profiles"]]
        return found

    def owners(self) -> dict[tuple[str, str], str]:
        """Return the profile of each identifier."""
        with self.workspace.database.reading() as connection:
            return {(row.type, row.value): row.profile_id for row in connection.execute(select(identifiers))}


def _sort_keys(document: str) -> str:
    return orjson.dumps(orjson.loads(document), option=orjson.OPT_SORT_KEYS).decode()
