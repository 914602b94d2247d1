"""What a batch of messages goes by, read in one statement: the settings of its space, and how far its profiles are.

It is read with every live event and changes seldom, so what was read before is known by its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import orjson
from sqlalchemy import BindParameter, Connection, Executable, Text, bindparam, func, select

from core.identity.caps import CAPS_COLUMNS, to_caps
from core.identity.resolve import Caps
from core.identity.rule import IdentifierRule
from core.identity.rules import RULE_COLUMNS, to_rules
from core.profiles.deleted_identifiers import Deletions, select_deletions, to_deletions
from core.profiles.progress import find_new_sources, name_marker, name_reader
from core.profiles.reading import FILTER_COLUMNS, SOURCE_COLUMNS, SpaceReading, to_reading
from core.storage.prepared import Prepared, as_json
from core.storage.tables import event_filters, identifier_rules, reader_offsets, space_sources, spaces

MAX_EXTERNAL_TYPES = 50


@dataclass(frozen=True, slots=True)
class SpaceSettings:
    """What a batch goes by: what the space reads, its identifier rules, its caps on one profile."""

    reading: SpaceReading
    rules: tuple[IdentifierRule, ...]
    caps: Caps

    @property
    def room_for_types(self) -> int:
        """How many identifier types may still add themselves."""
        return max(MAX_EXTERNAL_TYPES - sum(rule.external_only for rule in self.rules), 0)


@dataclass(frozen=True, slots=True)
class SpaceState:
    """The settings of a space with its builder's offset.

    `new_sources` are those that the profiles do not include as they are to be read from the start of the log.
    `deletions` are the identifiers that were deleted at the offset or behind it.
    """

    settings: SpaceSettings
    offset: int
    new_sources: Mapping[str, int]
    deletions: Deletions


def read_state(connection: Connection, space_id: str) -> SpaceState:
    """Return the state of the space as `connection` sees it."""
    names = {"space_id": space_id, "reader": name_reader(space_id), "marker": name_marker(space_id, "")}
    *texts, deleted, offset = _STATE.execute(connection, **names).fetchone()
    settings, new = _read_settings(space_id, *texts)
    return SpaceState(settings, offset, new, to_deletions(offset, orjson.loads(deleted)))


def _select_state(dialect: str) -> Executable:
    space: BindParameter[str] = bindparam("space_id")
    reader: BindParameter[str] = bindparam("reader")
    table, sources = reader_offsets.c, space_sources.c
    marker = bindparam("marker", type_=Text).concat(sources.source_id)
    markers = select(table.reader, table.log_offset).join(space_sources, table.reader == marker)
    offset = func.coalesce(select(table.log_offset).where(table.reader == reader).scalar_subquery(), 0)
    rows = (
        select(*CAPS_COLUMNS).where(spaces.c.id == space),
        select(*SOURCE_COLUMNS).where(sources.space_id == space),
        select(*FILTER_COLUMNS).where(event_filters.c.space_id == space),
        select(*RULE_COLUMNS).where(identifier_rules.c.space_id == space),
        markers.where(sources.space_id == space),
        select_deletions(space, offset),
    )
    return select(*(as_json(dialect, each) for each in rows), offset)


@lru_cache(maxsize=64)
def _read_settings(
    space_id: str, caps: str, sources: str, filters: str, rules: str, markers: str
) -> tuple[SpaceSettings, Mapping[str, int]]:
    """Return the settings and the new sources."""
    caps_, sources_, filters_, rules_ = map(orjson.loads, (caps, sources, filters, rules))
    settings = SpaceSettings(to_reading(sources_, filters_), tuple(to_rules(rules_)), to_caps(caps_))
    return settings, find_new_sources(space_id, settings.reading.replays, dict(orjson.loads(markers)))


_STATE = Prepared(_select_state)
