"""The engines that compare inside the warehouse."""

from __future__ import annotations

from core.errors import UnknownConnector
from core.syncs.diff.bigquery import BigQueryDiff
from core.syncs.diff.dialect import DiffDialect
from core.syncs.diff.postgres import PostgresDiff
from core.syncs.diff.redshift import RedshiftDiff
from core.syncs.diff.snowflake import SnowflakeDiff

DIFF_DIALECTS: dict[str, DiffDialect] = {
    "bigquery": BigQueryDiff(),
    "postgres": PostgresDiff(),
    "redshift": RedshiftDiff(),
    "snowflake": SnowflakeDiff(),
}


def get_diff_dialect(name: str) -> DiffDialect:
    """Return the dialect.

    Raises:
        UnknownConnector: This engine does not compare; its syncs keep their state beside the workspace.
    """
    if name not in DIFF_DIALECTS:
        raise UnknownConnector(
            f"{name} does not compare rows inside the warehouse.", hint=f"Use one of: {', '.join(DIFF_DIALECTS)}."
        )
    return DIFF_DIALECTS[name]
