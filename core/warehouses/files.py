"""Makes an embedded warehouse from a person's CSV and Parquet files."""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from core.errors import InvalidField, MissingField, NotFound, StorageFull
from core.ids import snake_case
from core.warehouses.definition import ColumnType
from core.warehouses.embedded import DEFINITION, kind_of
from core.warehouses.embedded_errors import is_disk_full
from core.warehouses.loading.column_types import quote
from core.warehouses.loading.load import escape, load_file
from core.warehouses.store import WarehouseRecord, check_new_name, save_warehouse
from core.workspaces.workspace import Workspace

IMPORT_MEMORY = "1GB"
MAX_NAME_CHARS = 100
_WORK_PREFIX = ".import-"


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """One table made from one file. `rejected` rows are in the table `<name>__rejected` (line, text, reason)."""

    name: str
    rows: int
    columns: tuple[ColumnType, ...]
    encoding: str
    notes: tuple[str, ...]
    rejected: int = 0
    file: str = ""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was imported. `path.name` is the setting `path` of the embedded warehouse."""

    path: Path
    tables: tuple[ImportedTable, ...]


def import_files(
    workspace: Workspace, name: str, paths: Sequence[Path], *, original_names: Sequence[str] | None = None
) -> ImportReport:
    """Load the files into a new DuckDB file in the workspace's warehouse folder, one table a file.

    Nothing stays behind when it fails: the file appears under its name only when it is complete and on the disk.

    Args:
        workspace: Where the warehouse goes.
        name: The file is named after it; a number is added where the name is taken.
        paths: CSV or Parquet files.
        original_names: What a person calls the files, where `paths` are temporary; same length.

    Raises:
        MissingField, NotFound, InvalidField: No file, a missing file, or one that is neither CSV nor Parquet.
        StorageFull: The disk is full.
    """
    names = [str(item) for item in original_names] if original_names is not None else [path.name for path in paths]
    sources = list(zip(paths, names, strict=True))
    if not sources:
        raise MissingField("No file was given.", hint="Choose at least one CSV or Parquet file.")
    for path, shown in sources:
        _require_file(path, shown)
    folder = workspace.home.warehouses
    with _work_folder(folder) as work, _errors_translated():
        made = work / "warehouse.duckdb"
        tables = _load_all(sources, work, made)
        path = _publish(made, folder, snake_case(name)[:MAX_NAME_CHARS] or "warehouse")
    return ImportReport(path, tables)


def create_from_files(
    workspace: Workspace, name: str, paths: Sequence[Path], *, original_names: Sequence[str] | None = None
) -> tuple[WarehouseRecord, ImportReport]:
    """Import the files and save the result as an embedded warehouse named `name`; all of it or nothing.

    Raises:
        CoreError: As `import_files` and `save_warehouse` do; a name that is taken is refused before the import.
    """
    check_new_name(workspace, name)
    report = import_files(workspace, name, paths, original_names=original_names)
    try:
        record = save_warehouse(workspace, kind=DEFINITION.name, name=name, settings={"path": report.path.name})
    except BaseException:
        report.path.unlink(missing_ok=True)
        raise
    return record, report


def _require_file(path: Path, shown: str) -> None:
    if path.is_dir():
        raise InvalidField(f"{shown} is a folder.", hint="Name the CSV or Parquet files in it.")
    if not path.is_file():
        raise NotFound(f"There is no file {shown}.", hint="Check the path.")
    if not os.access(path, os.R_OK):
        raise InvalidField(f"{shown} cannot be read.", hint="Check the permissions of the file.")
    if path.stat().st_size == 0:
        raise InvalidField(f"{shown} is empty.", hint="Choose a file with at least a header row.")


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """Give a folder that is gone afterwards; what a killed import left is removed first."""
    for old in folder.glob(f"{_WORK_PREFIX}*"):
        pid = old.name.removeprefix(_WORK_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(old, ignore_errors=True)
    work = folder / f"{_WORK_PREFIX}{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        work.mkdir(mode=0o700)
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise
        raise _disk_full() from error
    except duckdb.Error as error:
        if is_disk_full(error):
            raise _disk_full() from error
        raise InvalidField(
            "The files could not be loaded.",
            hint="Check that they open in another program; if they do, report it.",
            context={"engine_message": str(error).splitlines()[0]},
        ) from error


def _disk_full() -> StorageFull:
    return StorageFull(
        "The disk is full; the files were not imported.",
        hint="Free some space under ONRAMP_HOME, then import again. Nothing half-made was kept.",
    )


def _load_all(sources: Sequence[tuple[Path, str]], work: Path, made: Path) -> tuple[ImportedTable, ...]:
    connection = duckdb.connect(config={"memory_limit": IMPORT_MEMORY, "temp_directory": str(work / "spill")})
    try:
        connection.execute("SET TimeZone='UTC'")
        connection.execute(f"ATTACH '{escape(str(made))}' AS made")
        connection.execute(f"ATTACH '{escape(str(work / 'staging.duckdb'))}' AS staging")
        taken: set[str] = set()
        keywords = _read_keywords(connection)
        tables = tuple(
            _load_one(connection, path, shown, _name_table(shown, taken, keywords), work) for path, shown in sources
        )
        connection.execute("DETACH made")  # writes the log into the file, so that one file is all there is
        return tables
    finally:
        connection.close()


def _load_one(
    connection: duckdb.DuckDBPyConnection, path: Path, shown: str, naming: tuple[str, str], work: Path
) -> ImportedTable:
    table, note = naming
    # Under a plain name, DuckDB takes no character of the path for a pattern and no message shows the folder.
    source = work / "source"
    source.unlink(missing_ok=True)
    source.symlink_to(path.absolute())
    made = load_file(connection, source, shown, table)
    notes = (note, *made.notes) if note else made.notes
    columns = tuple(
        ColumnType(str(column), str(kind), kind_of(str(kind)))
        for column, kind, *_ in connection.execute(f"DESCRIBE made.{quote(table)}").fetchall()
    )
    return ImportedTable(table, made.rows, columns, made.encoding, notes, made.rejected, shown)


def _name_table(shown: str, taken: set[str], keywords: set[str]) -> tuple[str, str]:
    """Return a free table name made from a file name, and a note where the two differ in more than form."""
    base = snake_case(re.sub(r"(\.[A-Za-z0-9]{1,7})+$", "", Path(shown).name))[:MAX_NAME_CHARS] or "data"
    wanted = base
    if base[0].isdigit():
        wanted = f"table_{base}"
    elif base in keywords:
        wanted = f"{base}_table"
    name, number = wanted, 1
    while name in taken:  # no side table can clash: snake case has no two underscores in a row
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name, "" if name == base else f"{Path(shown).name} is the table {name}."


def _publish(made: Path, folder: Path, stem: str) -> Path:
    """Give the finished file its name; a link, unlike a rename, never replaces another warehouse."""
    _flush(made)
    number = 1
    while True:
        path = folder / (f"{stem}.duckdb" if number == 1 else f"{stem}_{number}.duckdb")
        try:
            os.link(made, path)
        except FileExistsError:
            number += 1
        else:
            _flush(folder)
            return path


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_keywords(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'")
    return {str(row[0]) for row in rows.fetchall()}
