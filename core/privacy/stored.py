"""What the state store holds of people: rows of their profiles, and texts in which their values stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, or_, select, update

from core.events.erase import MIN_NEEDLE_CHARS, empty_wal
from core.privacy.subject import Subject
from core.profiles.changes import note_changes
from core.storage.database import Database
from core.storage.tables import (
    METADATA,
    audit_entries,
    check_runs,
    computed_traits,
    predictions,
    profiles,
    profiles_sync_runs,
    regulations,
    sync_runs,
    violations,
)

DELETED = "(deleted)"
_PERSON_COLUMNS = ("profile_id", "survivor_id", "merged_id")
_PIECE = 5_000
_TEXTS: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (audit_entries, ("before", "after")),
    (check_runs, ("results",)),
    (computed_traits, ("failure",)),
    (predictions, ("report", "error")),
    (profiles_sync_runs, ("error",)),
    (regulations, ("error",)),
    (sync_runs, ("error", "sheet")),
)
"""What is kept for people to read and may quote a value: the value is replaced, the rest stays."""


def delete_profiles(connection: Connection, subject: Subject, log_offsets: Sequence[int]) -> dict[str, int]:
    """Delete, in the caller's transaction, every row of the people's profiles and of their messages, by table.

    Every table of the store that names a profile is asked, so that a new one is not forgotten.
    """
    gone: dict[str, int] = {}
    for space_id, ids in subject.list_profiles():
        for table in METADATA.sorted_tables:
            owners = [table.c[name] for name in _PERSON_COLUMNS if name in table.c]
            if table is profiles:
                owners = [profiles.c.id]
            if not owners or "space_id" not in table.c:
                continue
            for piece in _cut(sorted(ids)):
                is_theirs = or_(*(column.in_(piece) for column in owners))
                count = connection.execute(delete(table).where(table.c.space_id == space_id, is_theirs)).rowcount
                gone[str(table.name)] = gone.get(str(table.name), 0) + count
        note_changes(connection, space_id, ids)
    theirs = sorted(subject.user_ids | subject.values)
    for piece in _cut(theirs):
        query = delete(violations).where(violations.c.identifier_value.in_(piece))
        gone["violations"] = gone.get("violations", 0) + connection.execute(query).rowcount
    for name in ("profile_messages", "violations"):
        table = METADATA.tables[name]
        for piece in _cut(log_offsets):
            count = connection.execute(delete(table).where(table.c.log_offset.in_(piece))).rowcount
            gone[name] = gone.get(name, 0) + count
    return {name: count for name, count in gone.items() if count}


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
            if any(name in table.c for name in _PERSON_COLUMNS) or table is profiles:
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
