"""Names and texts as Postgres and Redshift write them."""

from __future__ import annotations


def quote(name: str) -> str:
    """Return `name` as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as a string literal, whatever the server thinks of a backslash."""
    body = text.replace("'", "''")
    return f" E'{body.replace(chr(92), 2 * chr(92))}'" if "\\" in body else f"'{body}'"
