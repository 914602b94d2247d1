"""The engines that compare inside the warehouse."""

from __future__ import annotations

from core.errors import UnknownConnector
from core.syncs.diff.dialect import DiffDialect
from core.syncs.diff.postgres import PostgresDiff

DIFF_DIALECTS: dict[str, DiffDialect] = {"postgres": PostgresDiff()}


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
