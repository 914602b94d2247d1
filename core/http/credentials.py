"""Where a request may carry its write key: Basic user name, Bearer, the body, the query; in this order."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import parse_qs


def list_write_keys(authorization: bytes, query: bytes, body: object) -> Iterator[str]:
    """Yield what may be the request's write key, the most trusted place first.

    An OAuth token comes as Bearer too, with the write key in the body: so each is tried until one is known.
    """
    if authorization:
        yield read_user_name(authorization)
    if isinstance(body, dict):
        yield from _read_body(body)
    if query:
        yield from parse_qs(query.decode("latin-1")).get("writeKey", ())


@lru_cache(maxsize=256)
def read_user_name(header: bytes) -> str:
    """Return the user name of Basic, or the token of Bearer; empty for what is neither."""
    scheme, _, value = header.strip().partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip().decode("latin-1")
    if scheme.lower() != b"basic":
        return ""
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4)).partition(b":")[0].decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _read_body(body: dict[str, object]) -> Iterator[str]:
    batch = body.get("batch")
    first = batch[0] if isinstance(batch, list) and batch else None
    for holder in (body, first):
        key = holder.get("writeKey") if isinstance(holder, dict) else None
        if isinstance(key, str) and key:
            yield key
