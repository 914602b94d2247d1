"""Identifiers of our own objects: `prefix_` + 26 characters, sortable by creation time, or derived from content."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from core.clock import to_millis

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def new_id(prefix: str, now: datetime) -> str:
    """Return a fresh id such as `run_01k5…`: 48 bits of time, 80 bits of chance (the ULID layout).

    Args:
        prefix: A short lower-case noun: `run`, `src`, `wh`.
        now: Creation time, aware.
    Source: https://github.com/ulid/spec; differs in: lower case and a prefix.
    """
    return f"{prefix}_{_base32((to_millis(now) << 80) | secrets.randbits(80))}"


def derived_id(prefix: str, *parts: str) -> str:
    """Return the same id for the same parts, for ever: 128 bits of BLAKE2b over the length-prefixed parts.

    Example:
        >>> derived_id("use", "src_a", "m-1") == derived_id("use", "src_a", "m-1")
        True
        >>> derived_id("use", "a", "bc") == derived_id("use", "ab", "c")
        False
    """
    return f"{prefix}_{_base32(_digest(16, parts))}"


def derived_id_at(prefix: str, at_ms: int, *parts: str) -> str:
    """Return the same id for the same time and parts, for ever; sortable by `at_ms`, as the ids of `new_id` are.

    Keys in the order in which they are written go to the end of an index; keys by chance dirty a page each.

    Args:
        prefix: A short lower-case noun.
        at_ms: Unit: ms since 1970.
        parts: What tells the ids of one time apart: 80 bits of BLAKE2b.

    Example:
        >>> derived_id_at("use", 1, "src_a", "m-1") == derived_id_at("use", 1, "src_a", "m-1")
        True
        >>> derived_id_at("use", 1, "src_a", "m-1") < derived_id_at("use", 2, "src_a", "m-2")
        True
    """
    return f"{prefix}_{_base32((at_ms << 80) | _digest(10, parts))}"


def new_write_key() -> str:
    """Return a write key: 32 letters and digits."""
    return secrets.token_urlsafe(48).replace("-", "").replace("_", "")[:32]


def slugify(name: str) -> str:
    """Return `name` in lower case with anything but letters and digits as single dashes.

    Example:
        >>> slugify("  Müller & Söhne (EU) ")
        'müller-söhne-eu'
    """
    return re.sub(r"[\W_]+", "-", name.lower()).strip("-")


def snake_case(name: str) -> str:
    """Return `name` as a snake_case key, as trait keys are made from trait names.

    Example:
        >>> snake_case("Total inbounds")
        'total_inbounds'
    """
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_")


def _digest(size: int, parts: Sequence[str]) -> int:
    digest = hashlib.blake2b(digest_size=size)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return int.from_bytes(digest.digest(), "big")


def _base32(number: int) -> str:
    # 26 characters are 130 bits, looked up two characters at a time in halves: long numbers are slow to shift
    high, low = divmod(number, 1 << 60)
    return "".join([_PAIRS[high >> shift & 1023] for shift in _HIGH] + [_PAIRS[low >> shift & 1023] for shift in _LOW])


_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_HIGH, _LOW = range(60, -1, -10), range(50, -1, -10)
