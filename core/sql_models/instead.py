"""What does here what a function of another warehouse does; kept as data in `functions/instead.txt`.

Only functions that the dialect certainly does not have are in it: a text that calls one could not run.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "functions" / "instead.txt"


def find_replacement(function: str, dialect: str) -> str | None:
    """Return an expression of `dialect` that does what `function` does elsewhere; None where nothing is known.

    Example:
        >>> find_replacement("ifnull", "postgres"), find_replacement("ifnull", "snowflake")
        ('COALESCE(name, other)', None)
    """
    return list_replacements().get((function, dialect))


@cache
def list_replacements() -> dict[tuple[str, str], str]:
    """Return every replacement by function, in lower case, and dialect."""
    found: dict[tuple[str, str], str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(": ")
            for part in rest.split("; "):
                dialects, _, expression = part.partition(" = ")
                found |= {(name, dialect): expression for dialect in dialects.split()}
    return found
