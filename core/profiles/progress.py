"""How far the builder of a space has read, and how far its profiles are built again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, update

from core.clock import to_millis
from core.storage.bulk import select_equal, upsert_rows
from core.storage.tables import computed_traits, reader_offsets, trait_states

_OFFSET = (reader_offsets.c.log_offset,)


def read_offset(connection: Connection, space_id: str) -> int:
    """Return the offset of the last message that the space's profiles include; 0 before the first."""
    return _read(connection, name_reader(space_id))


def write_offset(connection: Connection, space_id: str, offset: int, now: datetime) -> None:
    """Save the offset in the caller's transaction."""
    _save(connection, name_reader(space_id), offset, now)


def find_new_sources(space_id: str, replays: Mapping[str, int], markers: Mapping[str, int]) -> dict[str, int]:
    """Return those sources that the space's profiles do not include as they are to be read from the start of the log.

    Args:
        space_id: Whose profiles.
        replays: The sources, and how often each was connected again with what had come meanwhile.
        markers: The markers of the sources, as `write_source_markers` wrote them.
    """
    return {
        source_id: number
        for source_id, number in replays.items()
        if markers.get(name_marker(space_id, source_id)) != number
    }


def write_source_markers(connection: Connection, space_id: str, replays: Mapping[str, int], now: datetime) -> None:
    """Note, in the caller's transaction, that the profiles include these sources from the start of the log."""
    for source_id, number in sorted(replays.items()):
        _save(connection, name_marker(space_id, source_id), number, now)


def request_rebuild(connection: Connection, space_id: str, now: datetime) -> None:
    """Ask for all profiles of the space to be built again, in the caller's transaction."""
    note_rebuilt(connection, space_id, 0, now)
    is_marker = reader_offsets.c.reader.startswith(name_marker(space_id, ""), autoescape=True)
    connection.execute(delete(reader_offsets).where(is_marker))  # so that even a builder of single events looks up


def read_rebuilt(connection: Connection, space_id: str) -> int | None:
    """Return how far the profiles of the space are built again; None where nobody has asked for it."""
    found = [offset for (offset,) in select_equal(connection, _OFFSET, {"reader": name_rebuild(space_id)})]
    return found[0] if found else None


def note_rebuilt(connection: Connection, space_id: str, offset: int, now: datetime) -> None:
    """Save how far they are, in the caller's transaction."""
    _save(connection, name_rebuild(space_id), offset, now)


def end_rebuild(connection: Connection, space_id: str, replays: Mapping[str, int], now: datetime) -> None:
    """Note that they are built again, from these sources, in the caller's transaction."""
    connection.execute(delete(reader_offsets).where(reader_offsets.c.reader == name_rebuild(space_id)))
    write_source_markers(connection, space_id, replays, now)
    write_group_offset(connection, space_id, 0, now)  # which calls concern which account is looked up once more


def reset_traits(connection: Connection, space_id: str) -> None:
    """Have all computed traits of the space computed again, in the caller's transaction."""
    connection.execute(delete(trait_states).where(trait_states.c.space_id == space_id))
    connection.execute(update(computed_traits).where(computed_traits.c.space_id == space_id).values(computed_to=None))


def read_group_offset(connection: Connection, space_id: str) -> int:
    """Return the offset of the last message that was looked at for the accounts it names; 0 before the first."""
    return _read(connection, _group_reader(space_id))


def write_group_offset(connection: Connection, space_id: str, offset: int, now: datetime) -> None:
    """Save that offset in the caller's transaction."""
    _save(connection, _group_reader(space_id), offset, now)


def _group_reader(space_id: str) -> str:
    return f"group_calls:{space_id}"


def name_reader(space_id: str) -> str:
    """Return the name under which the offset of the space's builder is saved."""
    return f"profiles:{space_id}"


def name_rebuild(space_id: str) -> str:
    """Return the name under which it is saved how far the space's profiles are built again."""
    return f"rebuild:{space_id}"


def name_marker(space_id: str, source_id: str) -> str:
    """Return the name of the marker that the space's profiles include a source."""
    return f"{name_reader(space_id)}/{source_id}"


def _read(connection: Connection, reader: str) -> int:
    return sum(offset for (offset,) in select_equal(connection, _OFFSET, {"reader": reader}))


def _save(connection: Connection, reader: str, offset: int, now: datetime) -> None:
    upsert_rows(connection, reader_offsets, [(reader, offset, to_millis(now), None)])
