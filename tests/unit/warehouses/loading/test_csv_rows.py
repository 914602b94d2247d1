from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.warehouses.loading.csv_dialect import CsvDialect
from core.warehouses.loading.csv_rows import RowCounts, split_rows
from core.warehouses.loading.encoding import Encoding
from tests.sizes import examples

UTF8 = Encoding("utf-8", "UTF-8")
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


def dialect(width: int, delimiter: str = ",", *, names: int | None = None, has_header: bool = False) -> CsvDialect:
    count = width if names is None else names
    return CsvDialect(delimiter, "\n", 0, has_header, tuple(f"c{number}" for number in range(count)), width, ())


def split(content: bytes, layout: CsvDialect) -> tuple[RowCounts, str, list[list[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        source, good, broken = (Path(folder) / name for name in ("source", "good", "broken"))
        source.write_bytes(content)
        counts = split_rows(source, UTF8, layout, good, broken)
        with broken.open(encoding="utf-8", newline="") as file:
            rejected = list(csv.reader(file))
        with good.open(encoding="utf-8", newline="") as file:
            return counts, file.read(), rejected


@settings(max_examples=examples(60), deadline=None)
@given(st.data(), st.integers(2, 5), st.sampled_from(",;\t|"), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_whatever_a_csv_writer_writes_is_read_back_the_same(
    data: st.DataObject, width: int, delimiter: str, quoting: int
) -> None:
    row = st.lists(CELLS, min_size=width, max_size=width).filter(lambda cells: any(cells))
    rows = data.draw(st.lists(row, max_size=8))
    sheet = io.StringIO()
    csv.writer(sheet, delimiter=delimiter, lineterminator="\n", quoting=quoting).writerows(rows)
    counts, good, rejected = split(sheet.getvalue().encode(), dialect(width, delimiter))
    assert rejected == []
    assert counts == RowCounts(good=len(rows), broken=0)
    assert list(csv.reader(io.StringIO(good, newline=""), delimiter=delimiter)) == rows


@settings(max_examples=examples(60), deadline=None)
@given(st.text('ab,"\n é', max_size=80))
def test_no_line_is_ever_lost(text: str) -> None:
    counts, good, rejected = split(text.encode(), dialect(2))
    kept = list(csv.reader(io.StringIO(good, newline="")))
    assert len(kept) == counts.good and len(rejected) == counts.broken
    assert all(len(row) == 2 for row in kept)
    lines = text.split("\n")
    for number, line, reason in rejected:
        assert lines[int(number) - 1] == line and reason
    spanned = sum(1 + sum(cell.count("\n") for cell in row) for row in kept)
    assert spanned + len(rejected) + sum(not line.strip(" ") for line in lines) >= len(lines)


def test_a_header_over_several_lines_is_skipped_and_lines_are_counted_from_one() -> None:
    counts, good, rejected = split(b'id,"two\nlines"\n1,2\n3\n', dialect(2, has_header=True))
    assert counts == RowCounts(good=1, broken=1)
    assert good == "1,2\n" and rejected[0][0] == "4"


def test_rows_shorter_than_the_header_are_filled_with_nothing() -> None:
    _, good, _ = split(b'1,2\n"3",4\n', dialect(2, names=4))
    assert good == '1,2,,\n"3",4,,\n'


def test_a_long_stray_quote_gives_its_lines_back() -> None:
    body = b"1,2\n" * 5_000
    counts, _, rejected = split(b'1,"x\n' + body + b'1,"y\n' + body, dialect(2))
    assert counts == RowCounts(good=10_000, broken=2)
    assert [row[0] for row in rejected] == ["1", "5002"]


def test_a_quoted_value_may_hold_delimiters_quotes_and_line_ends() -> None:
    counts, good, _ = split(b'"a,""b""\nc",2\n 1 , "x" \n', dialect(2))
    assert counts == RowCounts(good=2, broken=0)
    assert list(csv.reader(io.StringIO(good, newline=""))) == [['a,"b"\nc', "2"], [" 1 ", "x"]]
