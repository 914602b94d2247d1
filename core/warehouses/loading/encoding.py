"""Which characters a text file is written in, found by reading all of it once."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import InvalidField

CHUNK_BYTES = 1024**2
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_OTHER_FORMATS = (
    (b"PK\x03\x04", "an Excel workbook or another ZIP file", "Save the sheet as CSV (UTF-8), then import that."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet as CSV (UTF-8), then import that."),
    (b"\x1f\x8b", "packed with gzip", "Unpack it, then import the CSV file."),
    (b"PAR1", "a Parquet file", "Give it a name that ends in .parquet."),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec and what to tell a person about it; `errors` keeps bytes that the codec cannot read recognisable."""

    codec: str
    label: str
    note: str = ""


def detect_encoding(path: Path, name: str) -> Encoding:
    """Return the encoding of the text file at `path`; `name` is what a person calls the file.

    UTF-8 first, because almost no other text passes for it. A file that is UTF-8 but for a few places stays UTF-8, so
    that only those rows are refused. Anything else that has no zero bytes is taken as Windows-1252, of which Latin-1
    is the printable part.

    Raises:
        InvalidField: The file is not text.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    for magic, what, hint in _OTHER_FORMATS:
        if head.startswith(magic):
            raise InvalidField(f"{name} is {what}, not a CSV file.", hint=hint)
    for mark, codec in _MARKS:
        if head.startswith(mark):
            label = "UTF-8" if codec == "utf-8-sig" else "UTF-16"
            return Encoding(codec, label, f"The file is {label} with a byte order mark.")
    if b"\0" in head:
        return _detect_utf16(head, name)
    return _detect_bytes(path)


def _detect_utf16(head: bytes, name: str) -> Encoding:
    # Western text in UTF-16 has its zero bytes all on one side of each pair.
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) > 0.4 * len(head) / 2 and min(even, odd) == 0:
        codec = "utf-16-be" if even else "utf-16-le"
        return Encoding(codec, "UTF-16", "The file is UTF-16 without a byte order mark.")
    raise InvalidField(f"{name} is not a text file.", hint="Import a CSV or a Parquet file.")


def _detect_bytes(path: Path) -> Encoding:
    good = bad = 0
    for text in _decode(path):
        wrong = text.count("\ufffd")
        bad += wrong
        good += 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore")) - wrong
    if bad == 0:
        return Encoding("utf-8", "UTF-8")
    if bad < good:  # in a file of single bytes, hardly two in a row happen to be a character of UTF-8
        return Encoding("utf-8", "UTF-8", "Some rows are not valid UTF-8; they are in the side table.")
    if _fits(path, "cp1252"):
        return Encoding("cp1252", "Windows-1252", "The file is not UTF-8; it was read as Windows-1252 (Latin-1).")
    return Encoding("latin-1", "Latin-1", "The file is not UTF-8; it was read as Latin-1.")


def _decode(path: Path) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _fits(path: Path, codec: str) -> bool:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            try:
                chunk.decode(codec)
            except UnicodeDecodeError:
                return False
    return True
