"""A request's body: read within a size and a time, decompressed within the size, parsed by what it is.

The Content-Type is not looked at: real clients send gzipped JSON as a form and plain JSON as text.
"""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from contextlib import suppress

import orjson
from starlette.types import Message, Receive

from core.errors import InvalidEvent, Overloaded, PayloadTooLarge

BODY_TIMEOUT_S = 60.0
MAX_UNFINISHED_BYTES = 256 * 1024 * 1024
OVERLOAD_RETRY_S = 5.0
_GZIP_START, _ZLIB_START = b"\x1f\x8b", b"\x78"
_ENCODINGS = (b"", b"identity", b"gzip", b"x-gzip", b"deflate")
_ANY_ZLIB = zlib.MAX_WBITS | 32  # finds out by itself whether the header is gzip's or zlib's
_BOM = b"\xef\xbb\xbf"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
MIN_INT, MAX_INT, MAX_INT_DIGITS = -(2**63), 2**64 - 1, 20


class SenderGone(Exception):
    """The sender closed the connection: nobody waits for an answer."""


class SenderTooSlow(Exception):
    """The body did not come within the time."""


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """Return the body as it came; of one that is larger than `max_bytes` only that much and one byte more.

    The rest of a large body is read and thrown away, because a client that is still sending reads no answer.

    Raises:
        SenderGone, SenderTooSlow: There is nobody to answer, or it takes too long.
        Overloaded: The bodies that are on their way take too much memory.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):  # nearly always: it is all there
        whole: bytes = message.get("body", b"")
        return whole if len(whole) <= max_bytes else whole[: max_bytes + 1]
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read_chunks(message, receive, max_bytes)
    except TimeoutError as error:
        raise SenderTooSlow from error


async def _read_chunks(message: Message, receive: Receive, max_bytes: int) -> bytes:
    body = bytearray()
    try:
        while message["type"] == "http.request":
            chunk = message.get("body", b"")[: max_bytes + 1 - len(body)]
            _unfinished.add(len(chunk))
            body += chunk
            if not message.get("more_body"):
                return bytes(body)
            message = await receive()
    finally:
        _unfinished.remove(len(body))
    raise SenderGone


class _Unfinished:
    """The bytes of bodies that came in part: a thousand senders that stop in the middle must not fill the memory."""

    def __init__(self) -> None:
        self.bytes = 0

    def add(self, size: int) -> None:
        if self.bytes + size > MAX_UNFINISHED_BYTES:
            raise Overloaded(
                "Too many large bodies are on their way.",
                retry_after_s=OVERLOAD_RETRY_S,
                hint="Send them again after the time that the answer names.",
            )
        self.bytes += size

    def remove(self, size: int) -> None:
        self.bytes -= size


_unfinished = _Unfinished()


def decompress(body: bytes, encoding: bytes, max_bytes: int) -> bytes:
    """Return `body` without its compression.

    Raises:
        InvalidEvent: It is damaged, or compressed in a way that is not taken.
        PayloadTooLarge: It becomes larger than `max_bytes`.
    """
    names = [name.strip().lower() for name in encoding.split(b",")] if encoding else []
    if any(name not in _ENCODINGS for name in names):
        raise InvalidEvent("The body's Content-Encoding is not taken.", hint="Use gzip, or none.", code="bad_request")
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    # told by the bytes, because proxies unpack a body and leave the header, or take the header away
    if body.startswith(_GZIP_START) or (b"deflate" in names and body.startswith(_ZLIB_START)):
        return _inflate(body, max_bytes)
    return body


def peek(body: bytes, max_bytes: int) -> bytes:
    """Return the beginning of `body`, unpacked as far as that goes, for somebody to look at."""
    if body.startswith(_GZIP_START):
        with suppress(zlib.error):
            return zlib.decompressobj(_ANY_ZLIB).decompress(body, max_bytes)
    return body[:max_bytes]


def _inflate(packed: bytes, max_bytes: int) -> bytes:
    plain = bytearray()
    try:
        while packed:  # a gzip file may have several members
            unpacker = zlib.decompressobj(_ANY_ZLIB)
            plain += unpacker.decompress(packed, max_bytes + 1 - len(plain))
            if len(plain) > max_bytes:
                raise too_large(max_bytes)
            if not unpacker.eof:
                raise zlib.error("cut short")
            packed = unpacker.unused_data
    except zlib.error as error:
        raise InvalidEvent(
            "The body's gzip is damaged or cut short.", hint="Send it again whole.", code="bad_request"
        ) from error
    return bytes(plain)


def parse_body(body: bytes) -> object:
    """Return the JSON value in `body`.

    What client libraries send although it is no JSON is read all the same: NaN and infinite numbers as null, half a
    surrogate pair (a text cut in the middle of an emoji) as U+FFFD, whole numbers beyond 64 bits as floating point.

    Raises:
        InvalidEvent: The body is no JSON, no UTF-8, or nested too deeply.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        try:
            return _parse_leniently(body)
        except (ValueError, RecursionError):
            pass
        raise InvalidEvent(
            f"The body is not JSON: {error}.", hint="Send one JSON object in UTF-8.", code="bad_request"
        ) from error


def _parse_leniently(body: bytes) -> object:
    text = body.removeprefix(_BOM).decode()
    found = json.loads(text, parse_constant=lambda _name: None, parse_int=_parse_int, parse_float=_parse_float)
    if "\\u" in text:
        found = json.loads(_LONE_SURROGATE.sub("\ufffd", json.dumps(found, ensure_ascii=False)))
    return found


def _parse_int(text: str) -> int | float | None:
    number = int(text) if len(text) <= MAX_INT_DIGITS else None
    return number if number is not None and MIN_INT <= number <= MAX_INT else _parse_float(text)


def _parse_float(text: str) -> float | None:
    number = float(text)
    return None if number in (float("inf"), float("-inf")) else number


def too_large(max_bytes: int) -> PayloadTooLarge:
    """Return the error of a body above `max_bytes`."""
    return PayloadTooLarge(
        f"The body is larger than {max_bytes // 1024:,} KB after decompression.", hint="Send smaller batches."
    )
