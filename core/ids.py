"""Identifiers of our own objects: `prefix_` + 26 characters, sortable by creation time, or derived from content."""

from __future__ import annotations

import hashlib
import re
import secrets
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
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return f"{prefix}_{_base32(int.from_bytes(digest.digest(), 'big'))}"


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


def _base32(number: int) -> str:
    # 26 characters are 130 bits, looked up two characters at a time in halves: long numbers are slow to shift
    high, low = divmod(number, 1 << 60)
    return "".join([_PAIRS[high >> shift & 1023] for shift in _HIGH] + [_PAIRS[low >> shift & 1023] for shift in _LOW])


_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_HIGH, _LOW = range(60, -1, -10), range(50, -1, -10)
