"""Reading a file that a command names."""

from __future__ import annotations

from pathlib import Path

from core.errors import InvalidField


def read_text_file(path: str, *, hint: str) -> str:
    """Return the text of a file.

    Raises:
        InvalidField: It cannot be read, or is no text.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidField(f"The file {path!r} cannot be read.", hint=hint) from error
