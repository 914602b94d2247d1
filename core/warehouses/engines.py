"""Every engine that works. An explicit list, in alphabetical order: adding an engine is adding a file and a line."""

from __future__ import annotations

from core.errors import UnknownConnector
from core.warehouses.bigquery.warehouse import BigQueryWarehouse
from core.warehouses.embedded import EmbeddedWarehouse
from core.warehouses.postgres.warehouse import PostgresWarehouse
from core.warehouses.snowflake.warehouse import SnowflakeWarehouse
from core.warehouses.warehouse import Warehouse

ENGINES: tuple[type[Warehouse], ...] = (
    BigQueryWarehouse,
    EmbeddedWarehouse,
    PostgresWarehouse,
    SnowflakeWarehouse,
)


def get_engine(kind: str) -> type[Warehouse]:
    """Return the class for `kind`.

    Raises:
        UnknownConnector: There is no such kind; the hint lists those there are.
    """
    for engine in ENGINES:
        if engine.definition.name == kind:
            return engine
    known = ", ".join(engine.definition.name for engine in ENGINES)
    raise UnknownConnector(f"There is no warehouse of the kind {kind!r}.", hint=f"Use one of: {known}.")
