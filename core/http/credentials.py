"""Where a request may carry its write key: Basic user name, Bearer, the body, the query; in this order."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from urllib.parse import parse_qs


def list_write_keys(authorization: bytes, query: bytes, body: object) -> Iterator[str]:
    """Yield what may be the request's write key, the most trusted place first.

    An OAuth token comes as Bearer too, with the write key in the body: so each is tried until one is known.
    """
    scheme, _, value = authorization.partition(b" ")
    if scheme.lower() == b"basic":
        yield from _read_basic(value.strip())
    elif scheme.lower() == b"bearer":
        yield value.strip().decode("latin-1")
    if isinstance(body, dict):
        yield from _read_body(body)
    if query:
        yield from parse_qs(query.decode("latin-1")).get("writeKey", ())


def _read_basic(value: bytes) -> Iterator[str]:
    try:
        yield base64.b64decode(value + b"=" * (-len(value) % 4)).partition(b":")[0].decode()
    except (binascii.Error, UnicodeDecodeError):
        return


def _read_body(body: dict[str, object]) -> Iterator[str]:
    batch = body.get("batch")
    first = batch[0] if isinstance(batch, list) and batch else None
    for holder in (body, first):
        key = holder.get("writeKey") if isinstance(holder, dict) else None
        if isinstance(key, str) and key:
            yield key
