"""What if the identity rules were others: which profiles would become one or fall apart, on the real log.

The identity part of a build runs over the log again, by the proposed rules, into a scratch database of its own under
the home folder, which goes when it ends; the live profiles are only read. What it finds is what a rebuild by these
rules would give, compared with the profiles as they are: saving rules changes new data only.

Complexity: as a build without traits; memory for one batch, disk for the identifiers.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, select, text

from core.errors import QueryCancelled
from core.events.event_log import open_event_log
from core.identity.resolve import Caps
from core.identity.rule import Identifier, IdentifierRule
from core.profiles.apply import BatchApplier, ReadMessage, find_identifiers, read_messages
from core.profiles.lookup import count_profiles
from core.profiles.neighbourhood import Neighbourhood, ProfileRow
from core.profiles.progress import read_offset
from core.profiles.violations import count_violations
from core.storage.database import Database
from core.storage.tables import METADATA, identifiers, kept_apart, profiles
from core.warehouses.cancel import CancelToken
from core.workspaces.spaces import list_connected_sources
from core.workspaces.workspace import Workspace

BATCH_MESSAGES = 5_000
SAMPLES = 10
PARTS_SHOWN = 6
IDENTIFIERS_SHOWN = 6
_PREFIX, _LOCK = "what-if-", "running"


@dataclass(frozen=True, slots=True)
class WhatIfProgress:
    """How many messages of the log were resolved."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a profile: some of the identifiers that go the same way, and how many do."""

    profile_id: str
    identifiers: tuple[Identifier, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One change: `parts` become the one profile, or the one profile becomes these parts; `count` is how many."""

    profile_id: str
    parts: tuple[Part, ...]
    count: int


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a rebuild by the proposed rules would change.

    Attributes:
        messages: How many were resolved.
        profiles_before: Profiles as they are.
        profiles_after: Profiles that there would be.
        merging: Profiles of today that would be one with another.
        merged_into: Profiles that they would be.
        splitting: Profiles of today that would fall apart.
        split_into: Profiles that they would be.
        lost: Identifiers that no profile would have any more, by type.
        gained: Identifiers that a profile would have and none has today, by type.
        merges: The largest changes of the first sort.
        splits: The largest changes of the second sort.
        violations_before: Violations of today by rule.
        violations_after: Violations that there would be, by rule.
    """

    messages: int
    profiles_before: int
    profiles_after: int
    merging: int
    merged_into: int
    splitting: int
    split_into: int
    lost: Mapping[str, int]
    gained: Mapping[str, int]
    merges: tuple[Sample, ...]
    splits: tuple[Sample, ...]
    violations_before: Mapping[str, int]
    violations_after: Mapping[str, int]

    @property
    def changes_nothing(self) -> bool:
        """Whether every profile would have exactly the identifiers that it has today."""
        return not (self.merging or self.splitting or self.lost or self.gained)


def ask_what_if(
    workspace: Workspace,
    space_id: str,
    rules: Sequence[IdentifierRule],
    caps: Caps,
    *,
    progress: Callable[[WhatIfProgress], None] | None = None,
    cancel: CancelToken | None = None,
) -> WhatIf:
    """Resolve the log by `rules` and `caps`, up to where the live profiles have come, and compare; changes nothing.

    Raises:
        QueryCancelled: Somebody asked to stop.
        StorageFull: The disk is full; the scratch database is gone again.
    """
    violations_before = count_violations(workspace, space_id)
    with _open_scratch(workspace) as scratch:
        offset = _copy_live(workspace, space_id, scratch)
        counts = _Counts()
        resolver = _Resolver(workspace, space_id, scratch, rules, caps)
        for done in resolver.run(offset, counts):
            if progress is not None:
                progress(WhatIfProgress(done, offset))
            if cancel is not None and cancel.cancelled:
                raise QueryCancelled("The what-if was stopped.", hint="Nothing was changed; ask again when you like.")
        with scratch.transaction() as connection:
            found = _compare(connection, space_id)
        return WhatIf(
            messages=counts.messages,
            profiles_before=count_profiles(workspace, space_id),
            violations_before=dict(sorted(violations_before.items())),
            violations_after=dict(sorted(counts.violations.items())),
            **found,
        )


@dataclass(slots=True)
class _Counts:
    messages: int = 0
    violations: Counter[str] = field(default_factory=Counter)


class _IdentityApplier(BatchApplier):
    """Resolves messages and keeps who has which identifier; no traits, no events."""

    def _update(self, profile: ProfileRow, read: ReadMessage, identifiers: Sequence[Identifier]) -> None:
        offset, source_id = read.event.offset, read.event.source_id
        for identifier in identifiers:
            self._around.see(profile, identifier, read.at_ms, offset, source_id)
        if profile.created_offset == offset:  # what else changes a profile is a merge, which notes it itself
            self._around.touch(profile)


class _Resolver:
    """Builds identity from the log into a scratch database."""

    def __init__(
        self, workspace: Workspace, space_id: str, scratch: Database, rules: Sequence[IdentifierRule], caps: Caps
    ) -> None:
        self._log = open_event_log(workspace)
        self._sources = list_connected_sources(workspace, space_id)
        self._space_id = space_id
        self._scratch = scratch
        self._rules = rules
        self._caps = caps

    def run(self, offset: int, counts: _Counts) -> Iterator[int]:
        """Resolve the messages up to `offset`, and yield after each batch how far it has come."""
        at = 0
        while at < offset:
            events = [event for event in self._log.read(at, BATCH_MESSAGES) if event.offset <= offset]
            if not events:
                return
            at = events[-1].offset
            ours = [event for event in events if event.source_id in self._sources]
            self._resolve(read_messages(ours, self._rules), counts)
            yield at

    def _resolve(self, messages: list[ReadMessage], counts: _Counts) -> None:
        wanted, around = find_identifiers(messages, self._rules), Neighbourhood(self._space_id)
        with self._scratch.transaction() as connection:
            around.load(connection, wanted)
            applier = _IdentityApplier(around, self._rules, None, self._caps)
            counts.messages += sum(applier.apply(message) for message in messages)
            around.write_identity(connection)
        counts.violations.update(str(row[3]) for row in around.violations)


@contextmanager
def _open_scratch(workspace: Workspace) -> Iterator[Database]:
    _sweep(workspace.home.root)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=workspace.home.root))
    database = Database(f"sqlite:///{folder / 'identity.db'}")
    event.listen(database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))  # it may be lost
    try:
        with (folder / "starting").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / "starting").rename(folder / _LOCK)
            with database.transaction() as connection:
                METADATA.create_all(connection, tables=[profiles, identifiers, kept_apart])
                connection.execute(text(_BEFORE))
            yield database
    finally:
        database.close()
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what processes that were killed have left: nobody holds their locks any more."""
    for folder in root.glob(f"{_PREFIX}*"):
        with suppress(OSError), (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def _copy_live(workspace: Workspace, space_id: str, scratch: Database) -> int:
    """Copy who has which identifier today, and who is kept apart; return how far the live profiles have come."""
    owned = identifiers.c
    with workspace.database.reading() as connection:
        offset = read_offset(connection, space_id)
        rules = connection.execute(select(kept_apart).where(kept_apart.c.space_id == space_id)).mappings().all()
        query = select(owned.type, owned.value, owned.profile_id).where(owned.space_id == space_id)
        rows = connection.execution_options(stream_results=True).execute(query)
        with scratch.transaction() as into:
            if rules:
                into.execute(kept_apart.insert(), [dict(rule) for rule in rules])
            for piece in rows.partitions(BATCH_MESSAGES):
                into.exec_driver_sql("INSERT INTO before VALUES (?, ?, ?)", [tuple(row) for row in piece])
    return offset


_BEFORE = """CREATE TABLE before (
    type TEXT NOT NULL, value TEXT NOT NULL, profile_id TEXT NOT NULL, PRIMARY KEY (type, value)
) WITHOUT ROWID"""
_PAIRS = """CREATE TABLE pairs AS SELECT b.profile_id AS old, i.profile_id AS new FROM before b
    JOIN identifiers i ON i.space_id = :space AND i.type = b.type AND i.value = b.value GROUP BY 1, 2"""
_BECOMES = "SELECT {one} FROM pairs GROUP BY {one} HAVING count(*) > 1"
_LARGEST = "SELECT {one}, count(*) FROM pairs GROUP BY {one} HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT :limit"

_OF_PAIR = """FROM before b JOIN identifiers i ON i.space_id = :space AND i.type = b.type AND i.value = b.value
    WHERE b.profile_id = :old AND i.profile_id = :new"""


def _compare(connection: Connection, space_id: str) -> dict[str, Any]:
    connection.execute(text(_PAIRS), {"space": space_id})
    for column in ("old", "new"):
        connection.execute(text(f"CREATE INDEX by_{column} ON pairs ({column})"))
    merging, merged_into = _count(connection, one="new", many="old")
    split_into, splitting = _count(connection, one="old", many="new")
    connection.execute(text("CREATE INDEX before_profile ON before (profile_id)"))
    owner = "SELECT 1 FROM identifiers i WHERE i.space_id = :space AND i.type = b.type AND i.value = b.value"
    lost = f"SELECT type, count(*) FROM before b WHERE NOT EXISTS ({owner}) GROUP BY 1 ORDER BY 1"  # noqa: S608
    known = "SELECT 1 FROM before b WHERE b.type = i.type AND b.value = i.value"
    gained = f"SELECT type, count(*) FROM identifiers i WHERE NOT EXISTS ({known}) GROUP BY 1 ORDER BY 1"  # noqa: S608
    after = "SELECT count(*) FROM profiles WHERE space_id = :space AND merged_into IS NULL"
    return {
        "profiles_after": connection.execute(text(after), {"space": space_id}).scalar_one(),
        "merging": merging,
        "merged_into": merged_into,
        "splitting": splitting,
        "split_into": split_into,
        "lost": {row[0]: row[1] for row in connection.execute(text(lost), {"space": space_id})},
        "gained": {row[0]: row[1] for row in connection.execute(text(gained))},
        "merges": _sample(connection, space_id, one="new", many="old"),
        "splits": _sample(connection, space_id, one="old", many="new"),
    }


def _count(connection: Connection, *, one: str, many: str) -> tuple[int, int]:
    ones = _BECOMES.format(one=one)
    query = f"SELECT count(DISTINCT {many}), count(DISTINCT {one}) FROM pairs WHERE {one} IN ({ones})"  # noqa: S608
    row = connection.execute(text(query)).one()
    return row[0], row[1]


def _sample(connection: Connection, space_id: str, *, one: str, many: str) -> tuple[Sample, ...]:
    found = []
    for profile_id, count in connection.execute(text(_LARGEST.format(one=one)), {"limit": SAMPLES}).all():
        query = f"SELECT {many} FROM pairs WHERE {one} = :id ORDER BY 1 LIMIT {PARTS_SHOWN}"  # noqa: S608 - our own names
        parts = connection.execute(text(query), {"id": profile_id}).scalars().all()
        shown = tuple(_read_part(connection, space_id, part, {one: profile_id, many: part}) for part in parts)
        found.append(Sample(profile_id, shown, count))
    return tuple(found)


def _read_part(connection: Connection, space_id: str, profile_id: str, pair: Mapping[str, str]) -> Part:
    values = {"space": space_id, **pair}
    count = connection.execute(text(f"SELECT count(*) {_OF_PAIR}"), values).scalar_one()
    rows = connection.execute(
        text(f"SELECT b.type, b.value {_OF_PAIR} ORDER BY 1, 2 LIMIT {IDENTIFIERS_SHOWN}"), values
    )
    return Part(profile_id, tuple(Identifier(*row) for row in rows), count)
