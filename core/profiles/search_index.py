"""The index of the profile search: for each space one SQLite file with the texts of its profiles and their trigrams.

An FTS5 table says which profiles hold three signs in a row (`detail=none`: which, not where); the text decides. The
builder does not keep it: a worker follows the notes of `changes.py`, under a lease. A file that is lost, damaged or of
another version is made again from the profiles, in the order of their ids, and can be searched meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import orjson
from sqlalchemy import Connection, func, select

from core.errors import StorageFull
from core.events.erase import empty_wal
from core.profiles.changes import forget_changes, read_changes
from core.profiles.passed_on import pass_on
from core.profiles.search_text import list_values, make_text, sign_of
from core.storage.bulk import select_in
from core.storage.lease import hold_lease
from core.storage.tables import identifiers, profile_changes, profiles
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace

VERSION = 2
LOAD_PROFILES = 2_000
FOLLOW_PROFILES = 8_000
_BUSY_TIMEOUT_S = 15.0
_TABLES = (
    "CREATE TABLE texts (id INTEGER PRIMARY KEY, profile_id TEXT NOT NULL UNIQUE, heard_at INTEGER NOT NULL, "
    "text TEXT NOT NULL)",
    "CREATE INDEX texts_by_time ON texts (heard_at)",
    "CREATE TABLE keys (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # one row: the last profile that was loaded, whether all were, and how many texts there are
    "CREATE TABLE state (profile_id TEXT NOT NULL, is_whole INTEGER NOT NULL, people INTEGER NOT NULL)",
    "INSERT INTO state VALUES ('', 0, 0)",
    "CREATE VIRTUAL TABLE grams USING fts5(text, content='texts', content_rowid='id', detail=none, columnsize=0, "
    "tokenize='trigram case_sensitive 1')",
    f"PRAGMA user_version={VERSION}",
)
_PROFILE = (profiles.c.id, profiles.c.updated_at, profiles.c.merged_into, profiles.c.traits)
_IDENTIFIER = (identifiers.c.profile_id, identifiers.c.type, identifiers.c.value)
_SAY_LEAST = frozenset({"anonymous_id"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One profile as it is searched: `values` are identifiers and scalars of traits, each with its lower-case key.

    Ids of browsers come last: of a person with very many, the text holds all that people look for.
    """

    profile_id: str
    heard_at: int
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class IndexState:
    """The last profile that was loaded, whether all were, how many people it holds. What is new later is followed."""

    last_id: str = ""
    is_whole: bool = False
    people: int = 0


def keep_search(workspace: Workspace, pause: Callable[[], bool] = lambda: False) -> int:
    """Bring the index of every space up to date and return how many profiles were looked at.

    Args:
        workspace: Whose profiles.
        pause: Called between two steps, so that others get their turn; True ends the work.

    Raises:
        RunInProgress: Another process is at it.
        StorageFull: There is no room; nothing is lost, and the work is tried again.
    """
    return sum(_keep_space(workspace, space.id, pause) for space in list_spaces(workspace))


def purge_index(workspace: Workspace, space_id: str, profile_ids: Sequence[str]) -> None:
    """Take profiles out of the index, and out of the gaps of its file; O(index).

    Raises:
        RunInProgress: The worker is at it; try again.
    """
    path = index_path(workspace, space_id)
    with hold_lease(workspace.database, f"search:{space_id}", wait_s=_BUSY_TIMEOUT_S):
        try:
            with open_index(path, is_writing=True) as index:
                if index is None:
                    raise sqlite3.DatabaseError("another version")
                with _committing(index):
                    _Writer(index).put(profile_ids, [])
                    index.execute("INSERT INTO grams (grams) VALUES ('optimize')")
                index.execute("VACUUM")
                empty_wal(index)
        except sqlite3.DatabaseError:  # damaged: a new one is made without them
            remove_index(path)


def index_path(workspace: Workspace, space_id: str) -> Path:
    """Return where the space's index lies."""
    return workspace.home.search / f"{space_id}.db"


def remove_index(path: Path) -> None:
    """Delete the index with the files that SQLite keeps beside it."""
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        each.unlink(missing_ok=True)


@contextmanager
def open_index(path: Path, *, is_writing: bool = False) -> Iterator[sqlite3.Connection | None]:
    """Yield a connection to the index; for reading None where there is no whole file of this version yet."""
    if not is_writing and not path.exists():
        yield None
        return
    with closing(
        sqlite3.connect(
            f"file:{quote(str(path))}?mode={'rwc' if is_writing else 'ro'}",
            uri=True,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
    ) as connection:
        connection.execute("PRAGMA cache_size=-32000")
        if is_writing:
            _prepare(connection)
        yield connection if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION else None


def read_state(connection: sqlite3.Connection) -> IndexState:
    """Return how far the index has come."""
    profile_id, is_whole, people = connection.execute("SELECT profile_id, is_whole, people FROM state").fetchone()
    return IndexState(profile_id, bool(is_whole), people)


def read_entries(connection: Connection, space_id: str, profile_ids: Sequence[str]) -> list[Entry]:
    """Return those of the profiles that are alive, in the given order."""
    rows = {row.id: row for row in select_in(connection, _PROFILE, {"space_id": space_id}, "id", profile_ids)}
    known: dict[str, list[tuple[str, str]]] = {}
    for profile_id, type_, value in select_in(
        connection, _IDENTIFIER, {"space_id": space_id}, "profile_id", profile_ids
    ):
        known.setdefault(profile_id, []).append((type_.lower(), value))
    found = []
    for profile_id in profile_ids:
        row = rows.get(profile_id)
        if row is not None and row.merged_into is None:
            traits = [pair for key, entry in orjson.loads(row.traits).items() for pair in list_values(key, entry[0])]
            sent = known.get(profile_id, ())
            told = [pair for pair in sent if pair[0] not in _SAY_LEAST]
            told += ((key.lower(), value) for key, value in traits)
            told += (pair for pair in sent if pair[0] in _SAY_LEAST)
            found.append(Entry(profile_id, row.updated_at, tuple(dict.fromkeys(told))))
    return found


def find_sign(connection: sqlite3.Connection, key: str) -> str | None:
    """Return the sign of a key; None where no profile of the index has it."""
    row = connection.execute("SELECT number FROM keys WHERE name = ?", (key,)).fetchone()
    return sign_of(row[0]) or None if row else None


class _Writer:
    """Puts entries into the index; a commit of the caller makes them count."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._signs = {name: sign_of(number) for number, name in connection.execute("SELECT number, name FROM keys")}

    def put(self, profile_ids: Sequence[str], entries: Sequence[Entry]) -> None:
        """Put the entries; those of `profile_ids` that have none are taken out."""
        marks = orjson.dumps(list(profile_ids)).decode()
        query = (
            "SELECT t.profile_id, t.id, t.heard_at, t.text FROM json_each(?) j JOIN texts t ON t.profile_id = j.value"
        )
        old = {row[0]: row[1:] for row in self._connection.execute(query, (marks,))}
        new = {entry.profile_id: (entry.heard_at, self._make_text(entry)) for entry in entries}
        is_other = {each for each in old if each not in new or new[each][1] != old[each][2]}
        self._run(
            "INSERT INTO grams (grams, rowid, text) VALUES ('delete', ?, ?)", [(old[i][0], old[i][2]) for i in is_other]
        )
        self._run("DELETE FROM texts WHERE id = ?", [(old[each][0],) for each in is_other])
        self._run(
            "UPDATE texts SET heard_at = ? WHERE id = ?",
            [(new[i][0], old[i][0]) for i in old if i not in is_other and new[i][0] != old[i][1]],
        )
        last = self._connection.execute("SELECT coalesce(max(id), 0) FROM texts").fetchone()[0]
        fresh = [each for each in new if each not in old or each in is_other]
        rows = [(last + number, each, *new[each]) for number, each in enumerate(fresh, 1)]
        self._run("INSERT INTO texts VALUES (?, ?, ?, ?)", rows)
        self._run("UPDATE state SET people = people + ?", [(len(fresh) - len(is_other),)])
        self._run("INSERT INTO grams (rowid, text) VALUES (?, ?)", [(row[0], row[3]) for row in rows])

    def _make_text(self, entry: Entry) -> str:
        return make_text((self._sign(key), value) for key, value in entry.values)

    def _sign(self, key: str) -> str:
        if key not in self._signs:
            number = len(self._signs)
            self._connection.execute("INSERT INTO keys VALUES (?, ?)", (number, key))
            self._signs[key] = sign_of(number)
        return self._signs[key]

    def _run(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        self._connection.executemany(sql, rows)


def _keep_space(workspace: Workspace, space_id: str, pause: Callable[[], bool]) -> int:
    path = index_path(workspace, space_id)
    if not _has_work(workspace, space_id, path):  # so that a worker that asks every second does not write every second
        return 0
    done = 0
    with hold_lease(workspace.database, f"search:{space_id}"):
        try:
            done = _follow(workspace, space_id, path, pause)
        except sqlite3.OperationalError as error:
            if "full" not in str(error) and "disk i/o" not in str(error).lower():
                raise
            raise StorageFull(
                "The disk under ONRAMP_HOME is full or failing; the index of the profile search was not written.",
                hint="Free some space. Until then, profiles that changed are found by their identifiers only.",
            ) from error
        except sqlite3.DatabaseError:  # damaged: nothing is in it that is not in the profiles
            remove_index(path)
            done = _follow(workspace, space_id, path, pause)
    return done


def _has_work(workspace: Workspace, space_id: str, path: Path) -> bool:
    with workspace.database.reading() as connection:
        query = select(profile_changes.c.seq).where(profile_changes.c.space_id == space_id).limit(1)
        if connection.execute(query).first() is not None:
            return True
        if path.exists():
            try:
                with open_index(path) as index:
                    return index is None or not read_state(index).is_whole
            except sqlite3.DatabaseError:
                return True
        return (
            connection.execute(select(profiles.c.id).where(profiles.c.space_id == space_id).limit(1)).first()
            is not None
        )


def _follow(workspace: Workspace, space_id: str, path: Path, pause: Callable[[], bool]) -> int:
    done = 0
    with open_index(path, is_writing=True) as index:
        if index is None:
            raise sqlite3.DatabaseError("another version")
        is_going = True
        while is_going and not pause():
            followed = _follow_changes(workspace, space_id, index)
            loaded = _load_more(workspace, space_id, index)
            done += followed + loaded
            is_going = bool(followed or loaded)
    return done


def _follow_changes(workspace: Workspace, space_id: str, index: sqlite3.Connection) -> int:
    with workspace.database.reading() as connection:
        changes = read_changes(connection, space_id, max_profiles=FOLLOW_PROFILES)
        entries = read_entries(connection, space_id, changes.profile_ids)
    if not changes.rows:
        return 0
    with _committing(index):
        _Writer(index).put(changes.profile_ids, entries)
    with workspace.database.transaction() as connection:
        pass_on(connection, space_id, changes)
        forget_changes(connection, changes.rows)
    return max(len(changes.profile_ids), 1)


def _load_more(workspace: Workspace, space_id: str, index: sqlite3.Connection) -> int:
    state = read_state(index)
    if state.is_whole:
        return 0
    with workspace.database.reading() as connection:
        query = select(profiles.c.id).where(profiles.c.space_id == space_id, profiles.c.id > state.last_id)
        ids = connection.execute(query.order_by(profiles.c.id).limit(LOAD_PROFILES)).scalars().all()
        entries = read_entries(connection, space_id, ids)
    with _committing(index):
        _Writer(index).put(ids, entries)
        last_id = ids[-1] if ids else state.last_id
        index.execute("UPDATE state SET profile_id = ?, is_whole = ?", (last_id, not ids))
    return len(ids)


@contextmanager
def _committing(index: sqlite3.Connection) -> Iterator[None]:
    index.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        index.execute("ROLLBACK")
        raise
    index.execute("COMMIT")


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        with _committing(connection):
            for statement in _TABLES:
                connection.execute(statement)


def count_waiting(connection: Connection, space_id: str, last: str) -> int:
    """Return how many profiles come after the last that was loaded."""
    query = select(func.count()).select_from(profiles).where(profiles.c.space_id == space_id, profiles.c.id > last)
    return connection.execute(query).scalar_one()
