"""Names and texts as Postgres and Redshift write them."""

from __future__ import annotations


def quote(name: str) -> str:
    """Return `name` as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as SQL: a backslash is a sign of its own in Postgres, and escapes the next one in Redshift."""
    pieces = ["'" + piece.replace("'", "''") + "'" for piece in text.split("\\")]
    return pieces[0] if len(pieces) == 1 else f"({' || chr(92) || '.join(pieces)})"
