"""What Redshift's driver and a Postgres say to each other, each in the words of the other.

A JSONB of Postgres is a SUPER of Redshift and a BYTEA is a VARBYTE, whose text is the hexadecimal alone.
"""

from __future__ import annotations

import re
import struct

_POSTGRES_KNOWS = {b"user", b"database", b"application_name", b"client_encoding", b"options"}
_JSONB, _BYTEA, _SUPER, _VARBYTE = 3802, 17, 4000, 6551
_WORDS = (
    (b"SET query_group ", b"SET redshift.query_group "),  # a setting that Postgres lacks may have a name with a dot
    (b"json_serialize(", b"serialize_json("),  # a word of Postgres's own grammar, which takes texts alone
)
_QUOTED = re.compile(rb'"[^"]*"')
_OIDS = {_JSONB: _SUPER, _BYTEA: _VARBYTE}


def keep_what_postgres_knows(body: bytes) -> bytes:
    """Return the parameters of a start-up packet without those that only Redshift takes."""
    words = body.rstrip(b"\0").split(b"\0")
    pairs = zip(words[::2], words[1::2], strict=False)
    return b"".join(name + b"\0" + value + b"\0" for name, value in pairs if name in _POSTGRES_KNOWS) + b"\0"


def write_question(body: bytes, *, folds_names: bool) -> bytes:
    """Return what the driver says, in Postgres's words.

    A cluster folds quoted names like others, unless `enable_case_sensitive_identifier` is on; so does `folds_names`.
    """
    for word, written in _WORDS:
        body = body.replace(word, written)
    return _QUOTED.sub(lambda found: found[0].lower(), body) if folds_names else body


class Answers:
    """What the server says on one connection, with Redshift's types."""

    def __init__(self) -> None:
        self._bytes: list[int] = []

    def rewrite(self, kind: bytes, body: bytes) -> bytes:
        """Return one message."""
        if kind == b"T":
            return self._rewrite_columns(body)
        return self._rewrite_row(body) if kind == b"D" and self._bytes else body

    def _rewrite_columns(self, body: bytes) -> bytes:
        written, at = bytearray(body), 2
        self._bytes = []
        for number in range(struct.unpack_from("!h", body)[0]):
            at = body.index(b"\0", at) + 7  # behind the name: the table and the column in it
            oid = struct.unpack_from("!i", body, at)[0]
            struct.pack_into("!i", written, at, _OIDS.get(oid, oid))
            if oid == _BYTEA:
                self._bytes.append(number)
            at += 12
        return bytes(written)

    def _rewrite_row(self, body: bytes) -> bytes:
        parts, at = [body[:2]], 2
        for number in range(struct.unpack_from("!h", body)[0]):
            size = struct.unpack_from("!i", body, at)[0]
            value = body[at + 4 : at + 4 + max(0, size)]
            if number in self._bytes:
                value = value.removeprefix(b"\\x")
            parts.append(struct.pack("!i", -1 if size < 0 else len(value)) + value)
            at += 4 + max(0, size)
        return b"".join(parts)
