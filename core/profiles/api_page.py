"""One page of an answer of the Profile API, and the request for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeVar

Json: TypeAlias = dict[str, Any]
Cursor: TypeAlias = Sequence[Any]
"""Where a page ends, as plain JSON values; the next page starts after it."""

_Key = TypeVar("_Key", bound=tuple[str, ...])


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a profile is asked for. Times in ms since 1970; an empty `include` means all."""

    limit: int
    after: Cursor | None = None
    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    is_verbose: bool = False
    start_ms: int | None = None
    end_ms: int | None = None
    is_ascending: bool = False


class Page(NamedTuple):
    """The body without its cursor, and where the page ends if there is more."""

    body: Json
    next: Cursor | None = None


def cut(keys: Sequence[_Key], request: PageRequest) -> tuple[Sequence[_Key], Cursor | None]:
    """Return the keys of the page that was asked for, of `keys` in their order, and where it ends if there is more."""
    if request.after is not None:
        after = tuple(request.after)
        keys = [key for key in keys if key > after]
    page = keys[: request.limit]
    return page, page[-1] if len(keys) > len(page) else None
