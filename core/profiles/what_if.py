"""What if the identity rules were others: which profiles would become one or fall apart, on the real log.

The identifiers of the log are read again and resolved all at once by the proposed rules (`core.identity.resolve_all`);
the live profiles are only read. What it finds is what a rebuild by these rules would give, compared with the profiles
as they are: saving rules changes new data only.

Complexity: that of reading the log; memory of some 100 bytes a message, the identifiers' texts are on the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from core.errors import QueryCancelled
from core.events.event_log import open_event_log
from core.events.history.relation import open_events
from core.identity.resolve import Caps
from core.identity.resolve_all import People, resolve_all
from core.identity.rule import Identifier, IdentifierRule
from core.profiles.deleted_identifiers import read_deletions
from core.profiles.lookup import count_profiles
from core.profiles.progress import read_offset
from core.profiles.reading import read_reading
from core.profiles.splits import read_pairs
from core.profiles.violations import count_violations
from core.profiles.whole_history import COLUMNS, PAST, WholeHistory
from core.storage.bulk import select_in, stream_equal
from core.storage.tables import identifiers, profiles
from core.warehouses.cancel import CancelToken
from core.workspaces.workspace import Workspace

COPIED_ROWS = 20_000
SAMPLES = 10
PARTS_SHOWN = 6
IDENTIFIERS_SHOWN = 6


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
        StorageFull: The disk is full.
    """
    violations_before = count_violations(workspace, space_id)
    log = open_event_log(workspace)
    with open_events(log, COLUMNS) as database:
        with workspace.database.reading() as connection:
            offset = read_offset(connection, space_id)
            deleted = read_deletions(connection, space_id, -1).list_until(offset)
            history = WholeHistory(log, database, read_reading(connection, space_id), rules, deleted)
            _copy_live(connection, space_id, database)
            pairs = _read_pairs(connection, space_id)
        for done in history.read(offset):
            if progress is not None:
                progress(WhatIfProgress(done, offset))
            if cancel is not None and cancel.cancelled:
                raise QueryCancelled("The what-if was stopped.", hint="Nothing was changed; ask again when you like.")
        people = _resolve(history, rules, caps, pairs)
        _write_owners(database, people)
        found = _Comparison(database, history.make_ids)
        return WhatIf(
            messages=len(history),
            profiles_before=count_profiles(workspace, space_id),
            profiles_after=len(np.unique(people.owners)),
            **found.count(),
            merges=found.sample(one="new", many="old"),
            splits=found.sample(one="old", many="new"),
            violations_before=dict(sorted(violations_before.items())),
            violations_after=dict(sorted((history.violations + people.violations).items())),
        )


def _copy_live(connection: Connection, space_id: str, database: duckdb.DuckDBPyConnection) -> None:
    columns = tuple(identifiers.c[name] for name in ("type", "value", "profile_id"))
    database.execute("CREATE TABLE before (type VARCHAR, value VARCHAR, old VARCHAR)")
    for piece in stream_equal(connection, columns, {"space_id": space_id}, COPIED_ROWS):
        arrays = [pa.array(column, pa.string()) for column in zip(*piece, strict=True)]
        more = pa.table(arrays, names=["type", "value", "old"])  # noqa: F841 - DuckDB finds it by its name
        database.execute("INSERT INTO before SELECT * FROM more")


def _read_pairs(connection: Connection, space_id: str) -> list[tuple[int, int]]:
    """Return the profiles that are kept apart, each as the offset of the message that made it."""
    pairs = read_pairs(connection, space_id)
    columns = (profiles.c.id, profiles.c.created_offset)
    made = select_in(connection, columns, {"space_id": space_id}, "id", {each for pair in pairs for each in pair})
    offsets = {row[0]: row[1] for row in made}
    return [(offsets[one], offsets[other]) for one, other in pairs if one in offsets and other in offsets]


def _resolve(
    history: WholeHistory, rules: Sequence[IdentifierRule], caps: Caps, pairs: Sequence[tuple[int, int]]
) -> People:
    if not len(history):
        history.number()
        return People(np.empty(0, np.int64), np.empty(0, np.int64), Counter(), 0)
    offsets = history.offsets
    places = {offset: int(np.searchsorted(offsets, offset)) for pair in pairs for offset in pair}
    apart = [
        (places[one], places[other])
        for one, other in pairs
        if all(places[each] < len(offsets) and offsets[places[each]] == each for each in (one, other))
    ]
    by_type, numbered = {rule.type: rule for rule in rules}, history.number()
    return resolve_all(numbered, by_type, history.make_ids, caps=caps, apart=apart, forgotten=history.list_forgotten())


def _write_owners(database: duckdb.DuckDBPyConnection, people: People) -> None:
    """Make the table `after` and, of the identifiers that both have, `in_both` with the profile before and after."""
    owners = people.identifier_owners
    owned = pa.table({"number": np.arange(len(owners)), "new": owners})  # noqa: F841 - DuckDB finds it by its name
    database.execute(
        "CREATE TABLE after AS SELECT type, value, new FROM numbered JOIN owned USING (number)"
        " WHERE new >= 0 AND NOT contains(value, ?)",
        [PAST],  # nobody has what was deleted
    )
    database.execute("CREATE TABLE in_both AS SELECT type, value, old, new FROM before JOIN after USING (type, value)")


class _Comparison:
    """Compares the profiles before and after by the identifiers that both have."""

    def __init__(self, database: duckdb.DuckDBPyConnection, make_ids: Callable[[Sequence[int]], Sequence[str]]) -> None:
        self._database = database
        self._make_ids = make_ids
        database.execute("CREATE TABLE pairs AS SELECT old, new, count(*) AS shared FROM in_both GROUP BY old, new")

    def count(self) -> dict[str, Any]:
        """Return the counts of a `WhatIf` by their names."""
        merging, merged_into = self._count_groups(one="new", many="old")
        split_into, splitting = self._count_groups(one="old", many="new")
        return {
            "merging": merging,
            "merged_into": merged_into,
            "splitting": splitting,
            "split_into": split_into,
            "lost": self._count_missing("before", "after"),
            "gained": self._count_missing("after", "before"),
        }

    def sample(self, *, one: str, many: str) -> tuple[Sample, ...]:
        """Return the largest groups: each profile `one` with the profiles `many`."""
        largest = f"SELECT {one}, count(*) FROM pairs GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT ?"  # noqa: S608
        return tuple(
            Sample(self._name(one, profile), self._list_parts(one, many, profile), count)
            for profile, count in self._database.execute(largest, [SAMPLES]).fetchall()
        )

    def _count_groups(self, *, one: str, many: str) -> tuple[int, int]:
        groups = f"SELECT {one} FROM pairs GROUP BY 1 HAVING count(*) > 1"  # noqa: S608 - our own names
        query = f"SELECT count(DISTINCT {many}), count(DISTINCT {one}) FROM pairs WHERE {one} IN ({groups})"  # noqa: S608
        return self._database.execute(query).fetchall()[0]

    def _count_missing(self, there: str, here: str) -> dict[str, int]:
        query = f"SELECT type, count(*) FROM {there} ANTI JOIN {here} USING (type, value) GROUP BY 1 ORDER BY 1"  # noqa: S608
        return dict(self._database.execute(query).fetchall())

    def _list_parts(self, one: str, many: str, profile: object) -> tuple[Part, ...]:
        query = f"SELECT {many}, shared FROM pairs WHERE {one} = ? ORDER BY 1 LIMIT {PARTS_SHOWN}"  # noqa: S608
        shown = (
            f"SELECT type, value FROM in_both WHERE {one} = ? AND {many} = ? ORDER BY 1, 2 LIMIT {IDENTIFIERS_SHOWN}"  # noqa: S608
        )
        return tuple(
            Part(
                self._name(many, part),
                tuple(Identifier(*row) for row in self._database.execute(shown, [profile, part]).fetchall()),
                shared,
            )
            for part, shared in self._database.execute(query, [profile]).fetchall()
        )

    def _name(self, column: str, profile: Any) -> str:
        return str(profile) if column == "old" else self._make_ids([profile])[0]
