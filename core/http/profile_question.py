"""What a request to the Profile API asks: of which person, which part, which page of it.

Decisions where the specification is silent:
- A plus that was not escaped is a plus, and where a library made a space of it or lost it, it is one again.
- Where a value holds unescaped slashes, all between `profiles/` and the last part is the value.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, unquote_to_bytes

import orjson

from core.clock import to_millis
from core.events.message import parse_time
from core.identity.identifiers import MAX_VALUE_CHARS
from core.profiles.api_page import PageRequest
from core.profiles.spelling import spell

USERS, ACCOUNTS = "users", "accounts"
PARTS: Mapping[str, Sequence[str]] = {
    USERS: ("traits", "external_ids", "events", "metadata", "links"),
    ACCOUNTS: ("traits", "links"),
}
CLASSES = ("audience", "computed_trait")
DEFAULT_LIMIT = 10
MAX_LIMITS = {"traits": 200, "links": 20}
MAX_LIMIT = 100

_PATH = re.compile(r"/v1/spaces/([^/]+)/collections/([^/]+)/profiles/(.+)/([^/]+?)/?")
_TYPE = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadQuestion(Exception):
    """A request that cannot be answered: `status`, `code` and message for the body, and headers of its own."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


class Question(NamedTuple):
    """Whom a request is about: a space, a collection, an identifier, and the part of the profile."""

    space_id: str
    collection: str
    type: str
    values: tuple[str, ...]
    part: str
    path: str


def read_path(raw_path: bytes) -> Question:
    """Return what the path asks for.

    Raises:
        BadQuestion: It is no path of the contract, or the identifier cannot be one.
    """
    path = raw_path.decode("latin-1")
    found = _PATH.fullmatch(path)
    if found is None or found[4] not in PARTS.get(found[2], ()):
        parts = ", ".join(f"{collection}: {', '.join(names)}" for collection, names in PARTS.items())
        raise BadQuestion(
            404,
            "not_found",
            "There is nothing at this path. It is /v1/spaces/<space_id>/collections/<collection>/profiles/"
            f"<type:value>/<part>; the parts are those of {parts}.",
        )
    type_, values = read_identifier(unescape(found[3]))
    if found[2] == ACCOUNTS and type_ != "group_id":
        raise _bad_identifier("An account is asked for by group_id:value.")
    return Question(unescape(found[1]), found[2], type_, values, found[4], path)


def read_identifier(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the type of `type:value` and the spellings under which the value may be known, the likeliest first.

    Raises:
        BadQuestion: The text is no identifier.
    """
    type_, colon, raw = text.partition(":")
    type_ = type_.strip().lower()
    value = raw.strip()
    if not colon or not value or not _TYPE.fullmatch(type_):
        raise _bad_identifier("An identifier is written type:value, for example user_id:1001 or email:ada@example.org.")
    if len(value) > MAX_VALUE_CHARS:
        raise _bad_identifier(f"The value has {len(value):,} characters; an identifier has at most {MAX_VALUE_CHARS}.")
    if _CONTROL.search(value):
        raise _bad_identifier("The value holds control characters; no identifier does.")
    return type_, spell(type_, value)


def read_query(query: bytes, part: str) -> PageRequest:
    """Return which page the query string asks for; parameters that are not known are passed over.

    Raises:
        BadQuestion: A parameter has a value that cannot be used.
    """
    asked = {name: values[-1] for name, values in parse_qs(query.decode("latin-1"), keep_blank_values=True).items()}
    classes = _read_list(asked.get("class"))
    if unknown := classes - set(CLASSES):
        raise _bad_parameter("class", f"{', '.join(sorted(unknown))} is none of {', '.join(CLASSES)}")
    start_ms, end_ms = _read_time(asked, "start"), _read_time(asked, "end")
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        raise _bad_parameter("start", "it is later than end")
    sort = asked.get("sort", "desc").lower()
    if sort not in ("asc", "desc"):
        raise _bad_parameter("sort", "it is neither asc nor desc")
    return PageRequest(
        limit=_read_limit(asked.get("limit"), MAX_LIMITS.get(part, MAX_LIMIT)),
        after=_read_cursor(asked.get("next"), part),
        include=_read_list(asked.get("include")),
        exclude=_read_list(asked.get("exclude")),
        classes=classes,
        is_verbose=_read_flag(asked, "verbose"),
        start_ms=start_ms,
        end_ms=end_ms,
        is_ascending=sort == "asc",
    )


def write_cursor(last: Sequence[object]) -> str:
    """Return the text by which the page after `last` is asked for."""
    return base64.urlsafe_b64encode(orjson.dumps(list(last))).decode().rstrip("=")


def unescape(text: str) -> str:
    """Return a part of a path as it is meant.

    Raises:
        BadQuestion: It is no UTF-8.
    """
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise _bad_identifier("The path is no UTF-8 where it is unescaped.") from None


def _read_list(text: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip()) if text else frozenset()


def _read_limit(text: str | None, most: int) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= most:
        raise _bad_parameter("limit", f"it is no whole number from 1 to {most}")
    return int(text)


def _read_flag(asked: Mapping[str, str], name: str) -> bool:
    text = asked.get(name, "false").lower()
    if text not in ("true", "false"):
        raise _bad_parameter(name, "it is neither true nor false")
    return text == "true"


def _read_time(asked: Mapping[str, str], name: str) -> int | None:
    text = asked.get(name)
    if text is None:
        return None
    at = parse_time(text) or parse_time(text.replace(" ", "+"))  # an offset whose plus was not escaped
    if at is None:
        raise _bad_parameter(name, "it is no time such as 2026-11-24T09:05:00Z")
    return to_millis(at)


def _read_cursor(text: str | None, part: str) -> Sequence[object] | None:
    if not text:
        return None
    try:
        cursor = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        cursor = None
    if not isinstance(cursor, list) or tuple(map(type, cursor)) != _CURSORS.get(part):
        raise _bad_parameter("next", "it is not what cursor.next of an answer said")
    return cursor


_CURSORS: Mapping[str, tuple[type, ...]] = {
    "traits": (str,),
    "external_ids": (str, str),
    "events": (int,),
    "links": (str,),
}


def _bad_identifier(message: str) -> BadQuestion:
    return BadQuestion(400, "invalid_request_error", message)


def _bad_parameter(name: str, why: str) -> BadQuestion:
    return BadQuestion(400, "validation_error", f"The parameter {name} cannot be used: {why}.")
