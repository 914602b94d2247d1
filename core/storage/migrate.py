"""Brings the state store to this version's tables. Placeholder until the first migration is frozen."""

from __future__ import annotations

from core.storage.database import Database
from core.storage.home import Home
from core.storage.tables import METADATA


def migrate(database: Database, home: Home) -> None:
    """Create what is missing."""
    METADATA.create_all(database.engine)
