"""The values of one computed trait on many profiles, written without reading more of them than their traits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import Connection

from core.profiles.changes import note_changes
from core.storage.bulk import select_in, update_in
from core.storage.tables import profiles


class ComputedValue(NamedTuple):
    """A value as JSON, None where there is none any more, and the newest message that counts in it."""

    profile_id: str
    value: str | None
    at_ms: int
    log_offset: int


_TRAITS = (profiles.c.id, profiles.c.traits)


def put_values(connection: Connection, space_id: str, key: str, trait_id: str, values: Sequence[ComputedValue]) -> None:
    """Write the values in the caller's transaction; a value that was never there is not taken away."""
    traits = _read_traits(connection, space_id, [each.profile_id for each in values])
    found = [each for each in values if each.profile_id in traits]
    changed = {each.profile_id: _put(traits[each.profile_id], key, trait_id, each) for each in found}
    _write(connection, space_id, {id_: text for id_, text in changed.items() if text != traits[id_]})


def take_values(connection: Connection, space_id: str, key: str, trait_id: str, profile_ids: Collection[str]) -> None:
    """Take the values from these profiles in the caller's transaction, as of the messages that they come from."""
    traits = _read_traits(connection, space_id, profile_ids)
    gone = list[ComputedValue]()
    for profile_id, text in traits.items():
        _, at_ms, log_offset, *_ = orjson.loads(text).get(key) or (None, 0, 0)
        gone.append(ComputedValue(profile_id, None, at_ms, log_offset))
    put_values(connection, space_id, key, trait_id, gone)


def _read_traits(connection: Connection, space_id: str, profile_ids: Collection[str]) -> dict[str, str]:
    rows = select_in(connection, _TRAITS, {"space_id": space_id}, "id", profile_ids)
    return dict(map(tuple, rows))


def _put(text: str, key: str, trait_id: str, value: ComputedValue) -> str:
    name = orjson.dumps(key).decode()
    entry = f'[{value.value or "null"},{value.at_ms},{value.log_offset},"{trait_id}"]'
    if f"{name}:" not in text:  # reading and writing the whole text takes several times as long
        if value.value is None:
            return text
        return f"{text[:-1]}{',' if len(text) > 2 else ''}{name}:{entry}}}"
    traits = orjson.loads(text)
    current = traits.get(key)
    if value.value is None and (current is None or current[0] is None or current[3] != trait_id):
        return text
    traits[key] = orjson.loads(entry)
    return orjson.dumps(traits).decode()


def _write(connection: Connection, space_id: str, changed: dict[str, str]) -> None:
    update_in(connection, profiles.c.traits, {"space_id": space_id}, "id", sorted(changed.items()))
    note_changes(connection, space_id, changed)
