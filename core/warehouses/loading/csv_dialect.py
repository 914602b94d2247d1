"""How a CSV file is laid out: delimiter, line ends, header and number of columns, guessed from its beginning."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.warehouses.loading.encoding import Encoding

DELIMITERS = (",", ";", "\t", "|")
HEAD_CHARS = 1024 * 1024
HEAD_ROWS = 500
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_SEP_LINE = re.compile(r"sep=(.)\r?\Z", re.IGNORECASE)
_LOOKS_LIKE_VALUE = re.compile(
    r"[-+]?[\d.,]+%?|\+?[\d ()./-]{5,}|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*|.*@.*|true|false", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """The layout. `width` is the number of values a row has; `names` may be more (the rest is empty in every row)."""

    delimiter: str
    line_end: str
    skip_lines: int
    has_header: bool
    names: tuple[str, ...]
    width: int
    notes: tuple[str, ...]


def detect_dialect(path: Path, encoding: Encoding) -> CsvDialect | None:
    """Return the layout of the file, or None where it holds no row at all."""
    head, is_whole = _read_head(path, encoding)
    line_end = "\n" if "\n" in head else "\r"
    lines = head.split(line_end)
    if not is_whole and len(lines) > 1:
        lines.pop()  # cut in the middle
    skip, named = _skip_leading(lines)
    rows_by = {delimiter: _split(lines[skip:], delimiter) for delimiter in ([named] if named else DELIMITERS)}
    delimiter = max(rows_by, key=lambda candidate: _score(rows_by[candidate]))
    rows = rows_by[delimiter]
    if not rows:
        return None
    return _build(delimiter, line_end, skip, rows)


def _build(delimiter: str, line_end: str, skip: int, rows: list[list[str]]) -> CsvDialect:
    notes = [] if delimiter == "," else [f"The values are separated by a {_DELIMITER_NAMES.get(delimiter, delimiter)}."]
    has_header = _is_header(rows[0], rows[1:])
    data = rows[1:] if has_header else rows
    width = _modal_width(data) if data else len(rows[0])
    if has_header:
        width = _settle_width(width, rows[0], data)
        names, rename_notes = _clean_names(rows[0], max(width, len(rows[0])))
        notes += rename_notes
    else:
        names = tuple(f"column_{number}" for number in range(1, width + 1))
        notes.append("The file has no header; the columns are named column_1, column_2, and so on.")
    if len(names) > width:
        notes.append(f"The header names {len(names)} columns but the rows have {width}; the others are empty.")
    return CsvDialect(delimiter, line_end, skip, has_header, names, width, tuple(notes))


def _read_head(path: Path, encoding: Encoding) -> tuple[str, bool]:
    with path.open(encoding=encoding.codec, errors="replace", newline="") as file:
        head = file.read(HEAD_CHARS)
        return head, not file.read(1)


def _skip_leading(lines: Sequence[str]) -> tuple[int, str | None]:
    """Return how many lines come before the first row, and the delimiter that an Excel `sep=` line names."""
    skip = 0
    for line in lines:
        named = _SEP_LINE.match(line)
        if named:
            return skip + 1, named.group(1)
        if line.strip():
            break
        skip += 1
    return skip, None


def _split(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    # The module refuses values above a limit that it keeps for the whole process; the head bounds ours anyway.
    csv.field_size_limit(max(csv.field_size_limit(), HEAD_CHARS))
    rows = []
    for row in csv.reader(
        [line.replace("\r", " ") + "\n" for line in lines], delimiter=delimiter, skipinitialspace=True
    ):
        if any(row):
            rows.append([cell.strip() for cell in row])
        if len(rows) >= HEAD_ROWS:
            break
    return rows


def _score(rows: list[list[str]]) -> tuple[float, int]:
    if not rows:
        return 0.0, 0
    width = _modal_width(rows)
    if width == 1:
        return 0.0, 1
    share = sum(len(row) == width for row in rows) / len(rows)
    return round(share + 0.1 * (len(rows[0]) == width), 2), width


def _modal_width(rows: list[list[str]]) -> int:
    counts = Counter(len(row) for row in rows)
    best = max(counts.values())
    # On a tie the first row decides: one stray quote can make a single row of all that follow.
    return len(rows[0]) if counts[len(rows[0])] == best else max(counts, key=lambda width: (counts[width], width))


def _settle_width(width: int, header: list[str], data: list[list[str]]) -> int:
    """Return the header's width where rows of that width exist, or where only a delimiter at each end is too many."""
    named = len(header)
    if named > width and any(len(row) == named for row in data):
        return named
    is_trailing = named == width - 1 and all(not row[-1] for row in data if len(row) == width)
    return named if is_trailing else width


def _is_header(first: list[str], rest: list[list[str]]) -> bool:
    """Return whether the first row names the columns.

    A text above a column of numbers or dates speaks for it, a number or a date in the first row against it. Where all
    is text, a first row is a header unless one of its cells comes again in its column.
    """
    named = [cell for cell in first if cell]
    if len(named) * 2 < len(first) or any(len(cell) > 200 or "\n" in cell for cell in named):
        return False
    speak_for = against = 0
    for number, cell in enumerate(first):
        below = [row[number] for row in rest if number < len(row) and row[number]]
        if _LOOKS_LIKE_VALUE.fullmatch(cell):
            against += 1
        elif cell and below and sum(bool(_LOOKS_LIKE_VALUE.fullmatch(value)) for value in below) > 0.9 * len(below):
            speak_for += 1
        elif cell in below and cell:
            against += 1
    return speak_for >= against if speak_for else against == 0


def _clean_names(header: list[str], count: int) -> tuple[tuple[str, ...], list[str]]:
    """Return `count` names, each once whatever the letter case, and notes of what was changed."""
    notes: list[str] = []
    taken: set[str] = set()
    names = []
    for number in range(1, count + 1):
        wanted = header[number - 1].strip("\ufeff ") if number <= len(header) else ""
        base = " ".join(wanted.split()) or f"column_{number}"
        name, copy = base, 1
        while name.lower() in taken:
            copy += 1
            name = f"{base}_{copy}"
        if wanted and name != base:
            notes.append(f'The column name "{base}" occurs more than once; one of them is now "{name}".')
        elif not wanted:
            notes.append(f"Column {number} has no name; it is now {name}.")
        taken.add(name.lower())
        names.append(name)
    return tuple(names), notes
