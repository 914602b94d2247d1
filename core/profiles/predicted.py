"""The traits that predictions write: each its score, and with it perhaps an amount."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from core.storage.tables import predictions

AMOUNT_SUFFIX = "_amount"
_KEYS = select(predictions.c.key).where(predictions.c.space_id == bindparam("space_id"))


def list_predicted_keys(connection: Connection, space_id: str) -> frozenset[str]:
    """Return the keys of the traits that are, or may come to be, written by predictions of the space."""
    keys = connection.execute(_KEYS, {"space_id": space_id}).scalars().all()
    return frozenset((*keys, *(f"{key}{AMOUNT_SUFFIX}" for key in keys)))
