"""What the state store holds of people: rows of their profiles, and texts in which their values stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select, update

from core.events.erase import MIN_NEEDLE_CHARS, empty_wal
from core.privacy.subject import Subject
from core.profiles.changes import note_changes
from core.storage.bulk import delete_in
from core.storage.database import Database
from core.storage.tables import (
    METADATA,
    account_traits,
    audit_entries,
    check_runs,
    computed_traits,
    group_calls,
    predictions,
    profile_messages,
    profiles,
    profiles_sync_runs,
    regulations,
    spaces,
    sync_runs,
    violations,
)

DELETED = "(deleted)"
_PERSON_COLUMNS = ("profile_id", "survivor_id", "merged_id")
_BEFORE = {("trait_states", "profile_id"): "trait_id", ("violations", "identifier_value"): "identifier_type"}
"""What an index has between the space and the column by which rows are found."""
_PIECE = 5_000
_TEXTS: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (audit_entries, ("before", "after")),
    (check_runs, ("results",)),
    (computed_traits, ("failure",)),
    (predictions, ("report", "error")),
    (profiles_sync_runs, ("error", "notes")),
    (regulations, ("error",)),
    (sync_runs, ("error", "sheet")),
)
"""What is kept for people to read and may quote a value: the value is replaced, the rest stays."""


def delete_profiles(connection: Connection, subject: Subject, log_offsets: Sequence[int]) -> dict[str, int]:
    """Delete, in the caller's transaction, every row of the people's profiles and of their messages, by table.

    Every table of the store that names a profile is asked, so that a new one is not forgotten.
    """
    gone: Counter[str] = Counter()
    values = sorted(subject.user_ids | subject.values)
    for space_id in connection.execute(select(spaces.c.id)).scalars().all():
        ids = sorted(subject.profile_ids.get(space_id, ()))
        for table in METADATA.sorted_tables if ids else ():
            for column in _list_person_columns(table):
                for fixed in _list_keys(connection, table, column, space_id):
                    gone[str(table.name)] += delete_in(connection, table, fixed, column, ids)
        note_changes(connection, space_id, ids)
        for fixed in _list_keys(connection, violations, "identifier_value", space_id):
            gone["violations"] += delete_in(connection, violations, fixed, "identifier_value", values)
        for table in (profile_messages, violations):
            for piece in _cut(log_offsets):
                gone[str(table.name)] += delete_in(connection, table, {"space_id": space_id}, "log_offset", piece)
    return {name: count for name, count in gone.items() if count}


def _list_person_columns(table: Table) -> list[str]:
    if "space_id" not in table.c:
        return []
    return ["id"] if table is profiles else [name for name in _PERSON_COLUMNS if name in table.c]


def _list_keys(connection: Connection, table: Table, column: str, space_id: str) -> Iterator[dict[str, object]]:
    """Yield the values of the columns before `column` in the index that leads to it: none is read through."""
    before = _BEFORE.get((table.name, column))
    if before is None:
        yield {"space_id": space_id}
        return
    each, last = table.c[before], ""
    query = select(func.min(each)).where(table.c.space_id == space_id, each > bindparam("last"))
    while (found := connection.execute(query, {"last": last}).scalar()) is not None:
        yield {"space_id": space_id, before: found}
        last = found


def replace_texts(connection: Connection, values: Iterable[str]) -> int:
    """Replace the values in what is kept for people to read; return how many rows changed.

    A value of less than `MIN_NEEDLE_CHARS` characters stays: it is a word of many other meanings.
    """
    changed = 0
    pattern = make_pattern(values)
    for table, names in _TEXTS:
        columns = [table.c[name] for name in names]
        key = next(iter(table.primary_key))
        for row in connection.execute(select(key, *columns)).all():
            new = {name: value for name in names if (value := replace_in(row._mapping[name], pattern)) is not None}
            if new:
                connection.execute(update(table).where(key == row[0]).values(new))
                changed += 1
    return changed


def make_pattern(values: Iterable[str]) -> re.Pattern[str]:
    """Return what finds the values in any letter case, a longer one before what it begins with.

    A value of less than `MIN_NEEDLE_CHARS` characters is left out.
    """
    needles = sorted((each for each in values if len(each) >= MIN_NEEDLE_CHARS), key=lambda each: (-len(each), each))
    return re.compile("|".join(map(re.escape, needles)) or r"(?!)", re.IGNORECASE)


def replace_in(document: Any, pattern: re.Pattern[str]) -> Any:
    """Return a document with `(deleted)` in place of the values; None where it holds none of them."""
    if document is None:
        return None
    changed = _map_texts(document, lambda each: pattern.sub(DELETED, each))
    return changed if changed != document else None


def compact_store(database: Database) -> None:
    """Write the store's file anew without what was deleted.

    On Postgres the tables are vacuumed: the space is given back for new rows, and its own logs and backups are its own.
    """
    if database.is_sqlite:
        raw = database.engine.raw_connection()
        try:
            driver: Any = raw.driver_connection
            driver.execute("VACUUM")
            empty_wal(driver)
        finally:
            raw.close()
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in METADATA.sorted_tables:
            if any(name in table.c for name in _PERSON_COLUMNS) or table in (profiles, account_traits, group_calls):
                connection.exec_driver_sql(f"VACUUM {table.name}")


def _map_texts(document: Any, change: Callable[[str], str]) -> Any:
    if isinstance(document, str):
        return change(document)
    if isinstance(document, dict):
        return {change(key): _map_texts(value, change) for key, value in document.items()}
    if isinstance(document, list):
        return [_map_texts(value, change) for value in document]
    return document


def _cut(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[start : start + _PIECE] for start in range(0, len(values), _PIECE)]
