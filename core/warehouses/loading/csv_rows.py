"""Splits a CSV file into good rows and broken ones, before DuckDB sees it.

DuckDB's own rejects are not complete: after one stray quote it drops thousands of good rows with a single reject, or
with none (measured on 2.0.0). Here a physical line stands or falls alone: a quoted value may run over several lines,
but when such a row does not come out with the right number of values, only its first line is broken and reading goes
on with the next. So no row is lost without a trace.
"""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from core.warehouses.loading.csv_dialect import CsvDialect
from core.warehouses.loading.encoding import Encoding

MAX_ROW_CHARS = 16 * 1024**2
MAX_KEPT_CHARS = 64 * 1024


@dataclass(slots=True)
class RowCounts:
    """How many rows were good and how many broken."""

    good: int = 0
    broken: int = 0


def split_rows(source: Path, encoding: Encoding, dialect: CsvDialect, good: Path, broken: Path) -> RowCounts:
    """Write the good rows to `good` as plain UTF-8 CSV without a header, the others to `broken`; return the counts.

    `broken` gets the columns line, text, reason. Quoted empty values stay quoted: they are '' and not NULL.
    """
    splitter = _Splitter(dialect)
    counts = RowCounts()
    with (
        _open_source(source, encoding, dialect) as file,
        good.open("w", encoding="utf-8", newline="") as good_file,
        broken.open("w", encoding="utf-8", newline="") as broken_file,
    ):
        for number, text, row, reason in splitter.read(_Lines(file, dialect)):
            if row is not None:
                good_file.write(row + "\n")
                counts.good += 1
            else:
                broken_file.write(f"{number},{_quote(_printable(text))},{_quote(reason)}\n")
                counts.broken += 1
    return counts


def _open_source(source: Path, encoding: Encoding, dialect: CsvDialect) -> io.TextIOWrapper:
    # surrogateescape keeps the bytes that are not valid, so that the row can be refused and shown.
    errors = "surrogateescape" if encoding.codec.startswith("utf-8") else "replace"
    return source.open(encoding=encoding.codec, errors=errors, newline=dialect.line_end)


class _Lines:
    """The physical lines with their numbers from 1; lines can be put back."""

    def __init__(self, file: TextIO, dialect: CsvDialect) -> None:
        self._file = file
        self._end = dialect.line_end
        self._number = 0
        self._returned: deque[tuple[int, str]] = deque()
        for _ in range(dialect.skip_lines):
            self.take()

    def take(self) -> tuple[int, str] | None:
        """Return the next line without its end, or None at the end of the file."""
        if self._returned:
            return self._returned.popleft()
        line = self._file.readline(MAX_ROW_CHARS)
        if not line:
            return None
        self._number += 1
        return self._number, line.removesuffix(self._end).removesuffix("\r")

    def put_back(self, lines: list[tuple[int, str]]) -> None:
        """Return lines to be taken again, in the same order."""
        self._returned.extendleft(reversed(lines))


class _Splitter:
    def __init__(self, dialect: CsvDialect) -> None:
        self._dialect = dialect
        self._width = dialect.width
        self._padding = dialect.delimiter * (len(dialect.names) - dialect.width)
        mark = re.escape(dialect.delimiter)
        quoted = r'"[^"]*+(?:""[^"]*+)*+"'
        # Possessive throughout: a row of megabytes is matched or refused in one pass.
        value = rf'(?:{quoted}|[^"{mark}\r\n]*+)'
        self._clean = re.compile(rf"(?:{value}{mark}){{{dialect.width - 1}}}+{value}")
        self._value = re.compile(rf' *+({quoted}) *+(?={mark}|\Z)|((?! *+")[^{mark}]*+)')
        self._open_quote = re.compile(r' *+"[^"]*+(?:""[^"]*+)*+\Z')

    def read(self, lines: _Lines) -> Iterator[tuple[int, str, str | None, str]]:
        """Yield line number, text, the row to load (None: broken) and the reason."""
        is_first = self._dialect.has_header
        while (taken := lines.take()) is not None:
            number, text = taken
            if not text.strip(" "):
                continue
            row, reason = self._read_row(text, lines, is_first)
            if is_first:
                is_first = False
                continue
            yield number, text, row, reason

    def _read_row(self, text: str, lines: _Lines, is_header: bool) -> tuple[str | None, str]:
        if not text.isascii() and not _is_unicode(text):
            return None, "The row is not valid UTF-8."
        if '"' not in text:
            return self._read_plain(text)
        if self._clean.fullmatch(text):
            return text + self._padding, ""
        values, is_open = self._split(text)
        if is_open:
            return self._read_on(text, lines, is_header)
        return self._emit(values)

    def _read_plain(self, text: str) -> tuple[str | None, str]:
        mark = self._dialect.delimiter
        found = text.count(mark) + 1
        if found == self._width + 1 and text.endswith(mark):
            text, found = text[:-1], self._width
        if found != self._width:
            return None, self._wrong_count(found)
        if "\r" in text or "\n" in text:
            return mark.join(_quote(value) if value else "" for value in text.split(mark)) + self._padding, ""
        return text + self._padding, ""

    def _read_on(self, text: str, lines: _Lines, is_header: bool) -> tuple[str | None, str]:
        """Read a row whose quoted value goes on in the next lines."""
        parts, more, size = [text], [], len(text)
        while size < MAX_ROW_CHARS and (taken := lines.take()) is not None:
            more.append(taken)
            parts.append(taken[1])
            size += len(taken[1]) + 1
            if '"' not in taken[1]:
                continue
            whole = "\n".join(parts)
            values, is_open = self._split(whole)
            if is_open:
                continue
            row, reason = self._emit(values)
            if (row is None and not is_header) or not _is_unicode(whole):
                break
            return row, reason
        lines.put_back(more)
        return None, "A quoted value has no closing quote."

    def _split(self, text: str) -> tuple[list[tuple[str, bool]] | None, bool]:
        """Return the values with whether each was quoted (None: a quote is misplaced), and whether one is left open."""
        values: list[tuple[str, bool]] = []
        at = 0
        while True:
            match = self._value.match(text, at)
            if match is None:
                return None, self._open_quote.match(text, at) is not None
            quoted, plain = match.groups()
            values.append((quoted[1:-1].replace('""', '"'), True) if quoted is not None else (plain, False))
            at = match.end()
            if at == len(text):
                return values, False
            at += 1  # the delimiter

    def _emit(self, values: list[tuple[str, bool]] | None) -> tuple[str | None, str]:
        if values is None:
            return None, "A quote is in the wrong place."
        if len(values) == self._width + 1 and values[-1] == ("", False):
            values.pop()
        if len(values) != self._width:
            return None, self._wrong_count(len(values))
        cells = (_quote(value) if was_quoted or value else "" for value, was_quoted in values)
        return self._dialect.delimiter.join(cells) + self._padding, ""

    def _wrong_count(self, found: int) -> str:
        return f"The row has {found} value{'' if found == 1 else 's'} instead of {self._width}."


def _quote(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(text: str) -> str:
    return text[:MAX_KEPT_CHARS].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
