"""The name that a person gives a source."""

from __future__ import annotations

from core.errors import InvalidField, MissingField

MAX_NAME_CHARS = 128


def require_name(name: str) -> str:
    """Return the name without outer spaces; it must have 1 to 128 characters."""
    name = name.strip()
    if not name:
        raise MissingField("The source has no name.", hint="Give the source a name.")
    if len(name) > MAX_NAME_CHARS:
        raise InvalidField(
            f"The source's name has {len(name)} characters.", hint=f"Use at most {MAX_NAME_CHARS} characters."
        )
    return name
