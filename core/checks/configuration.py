"""The configuration as the checks see it: read once, so that every check judges the same moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.destinations.store import DestinationRecord, list_destinations
from core.identity.rules import IdentifierRule, list_rules
from core.profiles.connections import list_disconnected_sources
from core.records import canonical_json
from core.sources.registry import get_definition
from core.sources.store import Source, list_sources
from core.sql_models.sql_model import SqlModel, list_sql_models
from core.syncs.sync import Sync, list_syncs
from core.traits.computed_trait import ComputedTrait
from core.traits.store import list_traits
from core.warehouses.store import WarehouseRecord, list_warehouses
from core.workspaces.spaces import Space, list_connected_sources, list_spaces
from core.workspaces.workspace import Workspace

_WORDS = {
    "sources": "the sources",
    "connections": "the sources connected to the space",
    "warehouses": "the warehouses",
    "sql_models": "the SQL model",
    "syncs": "the mapping",
    "destinations": "the destinations",
    "identifiers": "the identifiers",
    "traits": "the computed traits",
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the checks look at. `sql_models` and `warehouses` are those in use: read by a sync or by a source.

    `disconnected` are sources that a person has disconnected from a space.
    """

    spaces: tuple[Space, ...]
    sources: tuple[Source, ...]
    connections: Mapping[str, frozenset[str]]
    disconnected: frozenset[str]
    warehouses: tuple[WarehouseRecord, ...]
    sql_models: tuple[SqlModel, ...]
    syncs: tuple[Sync, ...]
    destinations: tuple[DestinationRecord, ...]
    identifiers: Mapping[str, tuple[IdentifierRule, ...]]
    traits: Mapping[str, tuple[ComputedTrait, ...]]

    @property
    def reads_warehouse(self) -> bool:
        """Whether rows of a warehouse are part of this workspace, or nothing else that a person set up is."""
        if self.warehouses or self.sql_models or self.syncs:
            return True
        return all(source.protected or source.warehouse_id for source in self.sources)

    @property
    def viewed_sources(self) -> tuple[Source, ...]:
        """The websites and apps: sources whose first page or screen shows that they work."""
        return tuple(source for source in self.sources if get_definition(source.kind).shown_by)

    def get_sql_model(self, sql_model_id: str) -> SqlModel | None:
        """Return the SQL model with this id, if it is there."""
        return next((item for item in self.sql_models if item.id == sql_model_id), None)

    def get_destination(self, destination_id: str) -> DestinationRecord | None:
        """Return the destination with this id, if it is there."""
        return next((item for item in self.destinations if item.id == destination_id), None)


def read_configuration(workspace: Workspace) -> Configuration:
    """Return the configuration as it is saved now."""
    spaces = tuple(list_spaces(workspace))
    sources = tuple(list_sources(workspace))
    syncs = tuple(list_syncs(workspace))
    every_model = tuple(list_sql_models(workspace))
    synced = {sync.sql_model_id for sync in syncs}
    sql_models = tuple(model for model in every_model if model.id in synced) if synced else every_model
    used = {model.warehouse_id for model in sql_models} | {source.warehouse_id for source in sources}
    return Configuration(
        spaces=spaces,
        sources=sources,
        connections={space.id: frozenset(list_connected_sources(workspace, space.id)) for space in spaces},
        disconnected=frozenset(each for space in spaces for each in list_disconnected_sources(workspace, space.id)),
        warehouses=tuple(warehouse for warehouse in list_warehouses(workspace) if warehouse.id in used),
        sql_models=sql_models,
        syncs=syncs,
        destinations=tuple(list_destinations(workspace)),
        identifiers={space.id: tuple(list_rules(workspace, space.id)) for space in spaces},
        traits={space.id: tuple(list_traits(workspace, space.id)) for space in spaces},
    )


def fingerprint(configuration: Configuration) -> str:
    """Return a text that changes exactly when a setting that the checks judge changes.

    Times, versions and names that no check reads are left out, and so is whether a source is enabled, because the
    check run itself enables it. One digest a part, so that a person can be told which part changed.
    """
    return " ".join(f"{part}={_digest(values)}" for part, values in _list_parts(configuration).items())


def describe_changes(before: str, after: str) -> str:
    """Return which parts differ between two fingerprints, in words; empty if none does."""
    old, new = dict(_split(before)), dict(_split(after))
    changed = [words for part, words in _WORDS.items() if old.get(part) != new.get(part)]
    if len(changed) <= 1:
        return "".join(changed)
    return f"{', '.join(changed[:-1])} and {changed[-1]}"


def _list_parts(configuration: Configuration) -> dict[str, list[object]]:
    return {
        "sources": [[item.id, item.kind, item.slug, item.warehouse_id] for item in configuration.sources],
        "connections": [[space, sorted(ids)] for space, ids in sorted(configuration.connections.items())],
        "warehouses": [[item.id, item.kind, item.settings] for item in configuration.warehouses],
        "sql_models": [
            [item.id, item.warehouse_id, item.sql, item.key_column, [[c.name, c.type] for c in item.columns]]
            for item in configuration.sql_models
        ],
        "syncs": [_describe_sync(sync) for sync in configuration.syncs],
        "destinations": [[item.id, item.kind, item.enabled, item.settings] for item in configuration.destinations],
        "identifiers": [
            [space, rule.type, rule.value_limit, rule.period, sorted(rule.blocked_exact), sorted(rule.blocked_patterns)]
            + [place for place in (rule.key, rule.in_properties) if place]
            for space, rules in sorted(configuration.identifiers.items())
            for rule in rules  # by priority: their order is part of what is checked
            if not rule.external_only  # those come by themselves with the data
        ],
        "traits": [
            [trait.space_id, trait.key, str(trait.kind), trait.definition]
            for traits in configuration.traits.values()
            for trait in traits
        ],
    }


def _describe_sync(sync: Sync) -> dict[str, object]:
    names = ("id", "sql_model_id", "source_id", "destination_id", "action", "mode", "enabled")
    return {name: getattr(sync, name) for name in names} | {"mapping": sync.mapping.to_dict()}


def _digest(values: list[object]) -> str:
    return hashlib.blake2b(canonical_json(values), digest_size=8).hexdigest()


def _split(text: str) -> Iterable[tuple[str, str]]:
    for part in text.split():
        name, _, digest = part.partition("=")
        yield name, digest
