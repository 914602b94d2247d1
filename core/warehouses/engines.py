"""Every engine that works. An explicit list, in alphabetical order: adding an engine is adding a file and a line.

The drivers of all engines together take more than a second and 100 MB to import, and a workspace uses one or two. So
the list holds the definitions, which forms and docs need, and an engine's own module is imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.errors import UnknownConnector
from core.warehouses.bigquery.definition import DEFINITION as BIGQUERY
from core.warehouses.definition import WarehouseDefinition
from core.warehouses.embedded import DEFINITION as EMBEDDED
from core.warehouses.postgres.definition import DEFINITION as POSTGRES
from core.warehouses.redshift.definition import DEFINITION as REDSHIFT
from core.warehouses.snowflake.definition import DEFINITION as SNOWFLAKE
from core.warehouses.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine: what it is, and how to get its class."""

    definition: WarehouseDefinition
    load: Callable[[], type[Warehouse]]


def _load_bigquery() -> type[Warehouse]:
    from core.warehouses.bigquery.warehouse import BigQueryWarehouse

    return BigQueryWarehouse


def _load_embedded() -> type[Warehouse]:
    from core.warehouses.embedded import EmbeddedWarehouse

    return EmbeddedWarehouse


def _load_postgres() -> type[Warehouse]:
    from core.warehouses.postgres.warehouse import PostgresWarehouse

    return PostgresWarehouse


def _load_redshift() -> type[Warehouse]:
    from core.warehouses.redshift.warehouse import RedshiftWarehouse

    return RedshiftWarehouse


def _load_snowflake() -> type[Warehouse]:
    from core.warehouses.snowflake.warehouse import SnowflakeWarehouse

    return SnowflakeWarehouse


ENGINES: tuple[Engine, ...] = (
    Engine(BIGQUERY, _load_bigquery),
    Engine(EMBEDDED, _load_embedded),
    Engine(POSTGRES, _load_postgres),
    Engine(REDSHIFT, _load_redshift),
    Engine(SNOWFLAKE, _load_snowflake),
)


def find_engine(kind: str) -> Engine:
    """Return the engine of this kind.

    Raises:
        UnknownConnector: There is no such kind; the hint lists those there are.
    """
    for engine in ENGINES:
        if engine.definition.name == kind:
            return engine
    known = ", ".join(engine.definition.name for engine in ENGINES)
    raise UnknownConnector(f"There is no warehouse of the kind {kind!r}.", hint=f"Use one of: {known}.")


def get_engine(kind: str) -> type[Warehouse]:
    """Return the class for `kind`.

    Raises:
        UnknownConnector: There is no such kind; the hint lists those there are.
    """
    return find_engine(kind).load()
