from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from core.errors import InvalidField, MissingField, NotFound
from core.warehouses.embedded import EmbeddedWarehouse
from core.warehouses.files import ImportedTable, ImportReport, create_from_files, import_files
from core.warehouses.registry import open_warehouse
from core.warehouses.store import list_warehouses
from core.workspaces.workspace import Workspace

REPOSITORY = Path(__file__).parents[3]
CDNOW = REPOSITORY.parent / "shared" / "data" / "cdnow.csv"
Import = Callable[..., ImportedTable]


@pytest.fixture
def load(workspace: Workspace, tmp_path: Path) -> Import:
    """Write one file, import it, return its table."""

    def run(content: bytes, name: str = "people.csv") -> ImportedTable:
        path = tmp_path / name
        path.write_bytes(content)
        report = import_files(workspace, "x", [path])
        (table,) = report.tables
        run.path = report.path  # type: ignore[attr-defined]
        return table

    return run


def rows(path: Path, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone='UTC'")
        return connection.sql(sql).to_arrow_table().to_pylist()


def test_a_file_becomes_a_table_with_types_and_leading_zeros_stay(load: Import) -> None:
    table = load(b"id,born,spent,visits,member\n00001,1969-12-31,11.77,3,true\n00002,2020-02-29,5,-1,false\n")
    assert {column.name: column.type for column in table.columns} == {
        "id": "VARCHAR",
        "born": "DATE",
        "spent": "DECIMAL(18,2)",
        "visits": "BIGINT",
        "member": "BOOLEAN",
    }
    assert (table.name, table.rows, table.rejected, table.encoding, table.notes) == ("people", 2, 0, "UTF-8", ())
    assert rows(load.path, "SELECT * FROM people")[0] == {
        "id": "00001",
        "born": date(1969, 12, 31),
        "spent": Decimal("11.77"),
        "visits": 3,
        "member": True,
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("1", "-20"), "BIGINT"),
        (("1", "x"), "VARCHAR"),
        (("007", "12"), "VARCHAR"),
        (("+4930123456", "+49301"), "VARCHAR"),
        (("1234567890123456789", "1"), "VARCHAR"),
        (("1.5", "2"), "DECIMAL(18,1)"),
        (("0.123456789", "123456789012345678"), "DECIMAL(27,9)"),
        (("1e5", "2.5"), "DOUBLE"),
        (("1,5", "2,25"), "VARCHAR"),
        (("TRUE", "false"), "BOOLEAN"),
        (("yes", "no"), "VARCHAR"),
        (("2020-01-31", "1899-12-31"), "DATE"),
        (("2020-02-30", "2020-01-01"), "VARCHAR"),
        (("01/02/2020", "03/04/2020"), "VARCHAR"),
        (("2020-01-01 10:00", "2020-01-01"), "TIMESTAMP"),
        (("2020-01-01T10:00:00Z", "2020-01-01 10:00:00.5+02:00"), "TIMESTAMP WITH TIME ZONE"),
        (("2020-01-01T10:00:00Z", "2020-01-01 10:00:00"), "VARCHAR"),
        (('"{""a"": 1}"', '"[1, 2]"'), "JSON"),
        (('"{broken"', '"[1, 2]"'), "VARCHAR"),
        (("nan", "1.0"), "VARCHAR"),
        (("", ""), "VARCHAR"),
    ],
)
def test_a_column_gets_a_type_only_when_every_value_fits(load: Import, values: tuple[str, str], expected: str) -> None:
    table = load(f"k|v\na|{values[0]}\nb|{values[1]}\nc|\n".encode())
    assert table.columns[1].type == expected


def test_one_late_value_that_does_not_fit_makes_the_column_text(load: Import) -> None:
    table = load(b"id,n\n" + b"".join(b"%d,%d\n" % (i, i) for i in range(5_000)) + b"5000,none\n")
    assert [column.type for column in table.columns] == ["BIGINT", "VARCHAR"]


def test_null_and_empty_text_stay_apart(load: Import) -> None:
    load(b'id,note,n\n1,"",""\n2,,3\n')
    assert rows(load.path, "SELECT * FROM people") == [
        {"id": 1, "note": "", "n": None},
        {"id": 2, "note": None, "n": 3},
    ]


def test_broken_rows_are_kept_with_line_text_and_reason(load: Import) -> None:
    table = load(b'id,name\n1,a\n2\n3,"x\ny"\n4,b,c\n5,"q"r\n6,"stray\n7,d\n')
    assert (table.rows, table.rejected) == (3, 4)
    assert "people__rejected" in table.notes[-1]
    assert rows(load.path, "SELECT id FROM people") == [{"id": 1}, {"id": 3}, {"id": 7}]
    assert rows(load.path, "SELECT * FROM people__rejected") == [
        {"line": 3, "text": "2", "reason": "The row has 1 value instead of 2."},
        {"line": 6, "text": "4,b,c", "reason": "The row has 3 values instead of 2."},
        {"line": 7, "text": '5,"q"r', "reason": "A quote is in the wrong place."},
        {"line": 8, "text": '6,"stray', "reason": "A quoted value has no closing quote."},
    ]


def test_a_stray_quote_costs_one_row_of_a_large_file_and_not_the_rest(load: Import) -> None:
    many = b"".join(b"%d,2,3\n" % number for number in range(200_000))
    table = load(b"a,b,c\n" + many + b'1,"2,3\n' + many)
    assert (table.rows, table.rejected) == (400_000, 1)
    assert rows(load.path, "SELECT line FROM people__rejected") == [{"line": 200_002}]


@pytest.mark.parametrize(
    ("content", "encoding", "words"),
    [
        ("id,name\n1,Jörg\n".encode("utf-8-sig"), "UTF-8", "byte order mark"),
        ("id,name\n1,Jörg\n".encode("cp1252"), "Windows-1252", "Latin-1"),
        (b"id,name\n1,J\xf6rg\n2,\x81\n", "Latin-1", "Latin-1"),
        ("id,name\n1,Jörg\n".encode("utf-16"), "UTF-16", "UTF-16"),
        ("id,name\n1,Jörg\n".encode("utf-16-be"), "UTF-16", "UTF-16"),
        ("id;name\r\n1;Jörg\r\n".encode(), "UTF-8", "semicolon"),
        ("id\tname\n1\tJörg\n".encode(), "UTF-8", "tab"),
        ("id|name\n1|Jörg\n".encode(), "UTF-8", "vertical bar"),
        ("sep=;\r\nid;name\r\n1;Jörg\r\n".encode(), "UTF-8", "semicolon"),
        ("\n\nid,name\n1,Jörg".encode(), "UTF-8", None),
        ("id,name\r1,Jörg\r".encode(), "UTF-8", None),
        ('id, "name"\n1, "Jörg"\n'.encode(), "UTF-8", None),
    ],
)
def test_encodings_delimiters_and_line_ends_are_found_and_said(
    load: Import, content: bytes, encoding: str, words: str | None
) -> None:
    table = load(content)
    assert table.encoding == encoding
    assert words is None or any(words in note for note in table.notes)
    assert rows(load.path, "SELECT id, trim(name, ' ') AS name FROM people")[0] == {"id": 1, "name": "Jörg"}


def test_a_byte_that_is_not_utf_8_costs_its_row_only(load: Import) -> None:
    table = load("id,name\n1,Jörg\n2,Zoë\n3,Đặng\n".encode() + b"4,\xff\n")
    assert (table.encoding, table.rows, table.rejected) == ("UTF-8", 3, 1)
    assert rows(load.path, "SELECT text, reason FROM people__rejected") == [
        {"text": "4,\\xff", "reason": "The row is not valid UTF-8."}
    ]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"1,anna@example.com,2020-01-01\n2,bob@example.com,2020-01-02\n", ["column_1", "column_2", "column_3"]),
        (b"id,name,2024\n1,Ann,5\n2,Bob,6\n", ["id", "name", "2024"]),
        (b"first,last\nAnn,Ames\nBob,Byrd\n", ["first", "last"]),
        (b"red,small\nblue,small\nred,large\n", ["column_1", "column_2"]),
        (b"id,ID,name,,name\n1,2,a,4,b\n", ["id", "ID_2", "name", "column_4", "name_2"]),
        (b'id,"two\nlines"\n1,x\n', ["column_1", "column_2"]),
        (b"a,b,c,\n1,2,3,\n4,5,6,\n", ["a", "b", "c", "column_4"]),
        (b"a,b,c\n1,2,3,\n4,5,6,\n", ["a", "b", "c"]),
        (b"a,b,c,d\n1,2,3\n4,5,6\n", ["a", "b", "c", "d"]),
        (b"a,b\n1,2,3\n4,5,6\n", ["a", "b", "column_3"]),
    ],
)
def test_the_header_is_found_or_said_to_be_missing(load: Import, content: bytes, names: list[str]) -> None:
    table = load(content)
    assert [column.name for column in table.columns] == names
    assert any("no header" in note for note in table.notes) == (names[0] == "column_1")


def test_a_header_alone_is_a_table_without_rows(load: Import) -> None:
    table = load(b"id,name\n")
    assert (table.rows, [column.name for column in table.columns]) == (0, ["id", "name"])
    assert any("no rows" in note for note in table.notes)


def test_a_value_of_200_kb_and_a_quoted_text_of_many_lines_come_through(load: Import) -> None:
    load(b"id,text\n1," + b"x" * 200_000 + b'\n2,"' + b"y\n" * 20_000 + b'"\n')
    assert rows(load.path, "SELECT length(text) AS n FROM people ORDER BY id") == [{"n": 200_000}, {"n": 40_000}]


def test_two_hundred_columns_come_through(load: Import) -> None:
    line = ",".join(str(number) for number in range(200))
    table = load((",".join(f"c{number}" for number in range(200)) + f"\n{line}\n{line}\n").encode())
    assert len(table.columns) == 200


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n\n  \n", "no rows"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not a text file"),
        ("a.csv", b"PK\x03\x04rest", "Excel"),
        ("a.csv", b"\x1f\x8brest", "gzip"),
        ("a.csv", b"PAR1rest", "Parquet"),
        ("a.parquet", b"id,name\n1,x\n", "not a Parquet file"),
        ("a.parquet", b"PAR1" + b"x" * 100 + b"PAR1", "cannot be read"),
    ],
)
def test_a_file_that_is_neither_csv_nor_parquet_is_refused_and_leaves_nothing(
    workspace: Workspace, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidField, match=words) as caught:
        import_files(workspace, "x", [path])
    assert name in caught.value.message and caught.value.hint
    assert str(tmp_path) not in str(caught.value.to_dict())
    assert list(workspace.home.warehouses.iterdir()) == []


def test_missing_files_folders_and_no_file_at_all_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"gone\.csv"):
        import_files(workspace, "x", [tmp_path / "gone.csv"])
    with pytest.raises(InvalidField, match="folder"):
        import_files(workspace, "x", [tmp_path])
    with pytest.raises(MissingField):
        import_files(workspace, "x", [])


def test_one_bad_file_among_good_ones_imports_nothing(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bad.parquet").write_text("no")
    with pytest.raises(InvalidField):
        import_files(workspace, "x", [tmp_path / "good.csv", tmp_path / "bad.parquet"])
    assert list(workspace.home.warehouses.iterdir()) == []


def test_parquet_keeps_its_types(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "we[i]rd '* name.parquet"
    quoted = str(path).replace("'", "''")
    duckdb.execute(f"""COPY (SELECT '007' AS id, TIMESTAMPTZ '2024-01-01 00:00+00' AS at, [1, 2] AS l, {{'a': 1}} AS s)
                       TO '{quoted}' (FORMAT parquet)""")
    report = import_files(workspace, "x", [path])
    (table,) = report.tables
    assert (table.name, table.rows, table.encoding) == ("we_i_rd_name", 1, "Parquet")
    assert rows(report.path, "SELECT * FROM we_i_rd_name") == [
        {"id": "007", "at": datetime(2024, 1, 1, tzinfo=UTC), "l": [1, 2], "s": {"a": 1}}
    ]


def test_tables_are_named_after_files_and_clashes_are_numbered(workspace: Workspace, tmp_path: Path) -> None:
    names = ["Kunden (Ümlaut).csv", "kunden-ümlaut.CSV", "order.csv", "2024.csv", "---.csv", "x__rejected.csv", "x.csv"]
    paths = []
    for number, _ in enumerate(names):
        path = tmp_path / f"upload{number}"
        path.write_text("a,b\n1,2\n3\n")
        paths.append(path)
    report = import_files(workspace, "x", paths, original_names=names)
    made = [table.name for table in report.tables]
    assert made == ["kunden_ümlaut", "kunden_ümlaut_2", "order_table", "table_2024", "data", "x_rejected", "x"]
    in_file = {table.name for table in EmbeddedWarehouse(report.path).list_tables()}
    assert in_file == {*made, *(f"{name}__rejected" for name in made)}
    assert "order.csv is the table order_table." in report.tables[2].notes


def test_a_second_import_of_the_same_name_never_replaces_the_first(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    paths = [import_files(workspace, "Same Name", [path]).path.name for _ in range(2)]
    assert paths == ["same_name.duckdb", "same_name_2.duckdb"]


def test_what_a_killed_import_left_is_removed_by_the_next(workspace: Workspace, tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = workspace.home.warehouses / f".import-{gone.pid}-00000000"
    left.mkdir()
    (left / "warehouse.duckdb").write_bytes(b"half")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    report = import_files(workspace, "x", [tmp_path / "a.csv"])
    assert list(workspace.home.warehouses.iterdir()) == [report.path]


@pytest.mark.parametrize("form", ["csv", "parquet"])  # full while the rows are split, and while DuckDB writes
def test_a_full_disk_is_said_and_nothing_half_made_stays(workspace: Workspace, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"big.{form}"
    duckdb.execute(f"COPY (SELECT i, md5(i::VARCHAR) AS t FROM range(100000) r(i)) TO '{path}' (FORMAT {form})")
    # A limit on the size of a file is the full disk that needs no rights to make.
    script = textwrap.dedent(f"""
        import resource
        from pathlib import Path
        from core.errors import StorageFull
        from core.warehouses.files import import_files
        from core.workspaces.workspace import open_workspace
        workspace = open_workspace({str(workspace.home.root)!r})
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        try:
            import_files(workspace, "x", [Path({str(path)!r})])
        except StorageFull as error:
            print("full:", error.hint)
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.stdout.startswith("full:"), (done.stdout, done.stderr)
    assert list(workspace.home.warehouses.iterdir()) == []


def test_files_become_a_saved_warehouse_in_one_step(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,Ann\n2,Bob\n")
    record, report = create_from_files(workspace, " My   data ", [tmp_path / "a.csv"])
    assert (record.name, record.settings) == ("My data", {"path": report.path.name, "time_zone": "UTC"})
    with open_warehouse(workspace, "my data") as warehouse:
        assert warehouse.query("SELECT count(*) AS n FROM a")["n"].to_pylist() == [2]
    with pytest.raises(InvalidField, match="already"):
        create_from_files(workspace, "MY DATA", [tmp_path / "a.csv"])
    assert len(list_warehouses(workspace)) == 1
    assert list(workspace.home.warehouses.iterdir()) == [report.path]


@pytest.mark.skipif(not CDNOW.exists(), reason="the research data set is not beside this checkout")
def test_the_cdnow_purchases_come_through_whole(workspace: Workspace) -> None:
    report: ImportReport = import_files(workspace, "CDNOW", [CDNOW])
    (table,) = report.tables
    assert (table.rows, table.rejected, table.notes) == (69_659, 0, ())
    assert [column.type for column in table.columns] == ["VARCHAR", "DATE", "BIGINT", "DECIMAL(18,2)"]
    sql = "SELECT count(DISTINCT customer_id) AS n, min(customer_id) AS first, sum(amount_usd) AS usd FROM cdnow"
    assert rows(report.path, sql) == [{"n": 23_570, "first": "00001", "usd": Decimal("2500315.63")}]
