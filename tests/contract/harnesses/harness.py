"""What an engine tells the contract of warehouses about itself: its data, and the texts in which engines differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.warehouses.warehouse import Warehouse


@dataclass(frozen=True)
class Gap:
    """A test that cannot pass on an engine, why, and how it fails: a strict expected failure."""

    raises: type[BaseException] | tuple[type[BaseException], ...]
    reason: str
    only: tuple[str, ...] = ()  # parts of the names of the cases that fail; all of the test's where there are none

    def to_mark(self) -> pytest.MarkDecorator:
        """Return the mark; a test that passes after all then fails the suite."""
        return pytest.mark.xfail(raises=self.raises, reason=self.reason, strict=True)


def not_yet(
    reason: str, *, raises: type[BaseException] | tuple[type[BaseException], ...], only: tuple[str, ...] = ()
) -> Gap:
    """Declare what the engine can do and what runs here in its place (an emulator, a proxy) cannot."""
    return Gap(raises, f"not yet: {reason}", only)


def never(reason: str, *, raises: type[BaseException] | tuple[type[BaseException], ...]) -> Gap:
    """Declare what the engine itself cannot do."""
    return Gap(raises, f"never: {reason}")


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, kw_only=True)
class Harness:
    """One engine. `make` gets a folder and the value of the fixture that `server` names, and makes this data, anew
    in a place of its own each time it is called:

    - `crm.people`: id integer 1 and 2, name, note, born date, seen timestamp, updated timestamptz, balance decimal,
      score float, active boolean, extra json, photo bytes; row 2 holds NULL in all but id. With a comment each on the
      table ("Who we know") and on name ("As they write it").
    - a view `crm.names`, and a table with odd names: `odd "names"; --` with the columns of `odd_columns`.
    """

    make: Callable[[Path, Any], Warehouse]
    server: str | None = None
    numbers: str  # FROM item of n rows 0..n-1 in column i, with {n}
    many: int = 10**9  # rows of a result that nobody reads to its end; fewer where they are made beforehand
    endless: str  # a query of one column l that would run for minutes
    hungry: str | None = None  # a query for more memory than a query may have; None where the server decides
    writes: tuple[str, ...]
    files: tuple[str, ...]
    schema: str = "crm"
    odd_columns: tuple[str, ...] = ("select", "Ünïcode €", "a.b", "two\nlines")
    integer: str = "INTEGER"
    quote: Callable[[str], str] = _quote
    fold: Callable[[str], str] = str  # how a name that is not quoted comes back
    gaps: Mapping[str, Gap] = field(default_factory=dict)  # by the name of the test function
