"""Alembic's entry: the connection is handed over by `core.storage.migrate`, whose transaction this runs in."""

from typing import Any, Literal

from alembic import context

from core.storage.tables import METADATA, UtcTime


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own types as what they are stored as, so that a migration does not change with the code."""
    return "sa.BigInteger()" if kind == "type" and isinstance(item, UtcTime) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
    render_item=render_item,
)
context.run_migrations()
