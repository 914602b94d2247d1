"""Spans of the event log: parts for which something holds, each after one offset and up to another, or to the end."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

import orjson

Span: TypeAlias = tuple[int, int | None]
Spans: TypeAlias = tuple[Span, ...]

FROM_THE_START: Spans = ((0, None),)
LAST_OFFSET = 2**63 - 1  # of any log


@lru_cache(256)
def read_spans(text: str) -> Spans:
    """Return spans as the store has them."""
    return tuple((start, end) for start, end in orjson.loads(text))


def write_spans(spans: Spans) -> str:
    """Return spans for the store."""
    return orjson.dumps(spans).decode()


def open_span(spans: Spans, position: int) -> Spans:
    """Return `spans` with one more that begins at `position`; as if it had never ended where nothing came since."""
    if spans and spans[-1][1] == position:
        return (*spans[:-1], (spans[-1][0], None))
    return (*spans, (position, None))


def close_span(spans: Spans, position: int) -> Spans:
    """Return `spans`, the last of which ends at `position`."""
    return (*spans[:-1], (spans[-1][0], position))


def close_for_good(spans: Spans) -> Spans:
    """Return `spans` for what can bring nothing more: what held still holds for what is on its way."""
    return close_span(spans, LAST_OFFSET) if is_open(spans) else spans


def is_open(spans: Spans) -> bool:
    """Say whether what held still holds."""
    return spans[-1][1] is None


def is_in(spans: Iterable[Span], offset: int) -> bool:
    """Say whether one of the spans holds the offset."""
    return is_between(spans, offset, offset)


def is_between(spans: Iterable[Span], first: int, last: int) -> bool:
    """Say whether one of the spans holds an offset from `first` to `last`."""
    return any(start < last and (end is None or first <= end) for start, end in spans)
