"""Every kind of warehouse that works. An explicit list, in alphabetical order; adding an engine is adding a line."""

from __future__ import annotations

from core.errors import UnknownConnector
from core.warehouses.definition import WarehouseDefinition
from core.warehouses.embedded import EmbeddedWarehouse
from core.warehouses.warehouse import Warehouse

ENGINES: tuple[type[Warehouse], ...] = (EmbeddedWarehouse,)
DEFINITIONS: tuple[WarehouseDefinition, ...] = tuple(engine.definition for engine in ENGINES)


def get_engine(kind: str) -> type[Warehouse]:
    """Return the class for `kind`.

    Raises:
        UnknownConnector: There is no such kind; the hint lists those there are.
    """
    for engine in ENGINES:
        if engine.definition.name == kind:
            return engine
    known = ", ".join(definition.name for definition in DEFINITIONS)
    raise UnknownConnector(f"There is no warehouse of the kind {kind!r}.", hint=f"Use one of: {known}.")


def get_definition(kind: str) -> WarehouseDefinition:
    """Return the definition of `kind`; raises `UnknownConnector` as `get_engine` does."""
    return get_engine(kind).definition
