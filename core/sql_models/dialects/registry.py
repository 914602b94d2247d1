"""The dialects that exist."""

from __future__ import annotations

from core.errors import UnknownConnector
from core.sql_models.dialects.bigquery import BigQueryDialect
from core.sql_models.dialects.dialect import SqlModelDialect
from core.sql_models.dialects.duckdb import DuckDbDialect
from core.sql_models.dialects.postgres import PostgresDialect
from core.sql_models.dialects.redshift import RedshiftDialect
from core.sql_models.dialects.snowflake import SnowflakeDialect

DIALECTS: dict[str, SqlModelDialect] = {
    "bigquery": BigQueryDialect(),
    "duckdb": DuckDbDialect(),
    "postgres": PostgresDialect(),
    "redshift": RedshiftDialect(),
    "snowflake": SnowflakeDialect(),
}


def get_dialect(name: str) -> SqlModelDialect:
    """Return the dialect.

    Raises:
        UnknownConnector: SQL models cannot be looked at in this dialect yet.
    """
    if name not in DIALECTS:
        raise UnknownConnector(f"There is no dialect {name!r}.", hint=f"Use one of: {', '.join(DIALECTS)}.")
    return DIALECTS[name]
