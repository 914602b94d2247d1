"""C4: there is a place to keep what the destination acknowledged."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from core.checks.check import CheckDefinition, Finding, failed, passed, warning
from core.checks.context import CheckContext
from core.warehouses.state_session import STATE_SCHEMA
from core.warehouses.store import WarehouseRecord

MIN_FREE_BYTES = 200 * 1024 * 1024

DEFINITION = CheckDefinition(
    code="C4",
    title="Acknowledged state can be written",
    summary="The folder that keeps what the destination acknowledged is written to and read back.",
    needs=("C2",),
    applies=lambda configuration: configuration.reads_warehouse,
)


def run(context: CheckContext) -> Finding:
    """Write a small file where acknowledged state is kept, and read it back; ask each warehouse what it lets us write.

    Passes when: the folder `state` of the Onramp home can be written and has room. A warehouse that lets us write its
    schema `__onramp` compares rows itself; from a read-only one every row is read, which is fine too. An embedded
    warehouse is never written: SQL runs in a read-only session, and a state table inside the file would need a writer.
    Fix: make the folder writable, or free space on its disk.
    """
    folder = context.workspace.home.sync_state
    free_bytes = shutil.disk_usage(folder).free
    try:
        _write_and_read_back(folder)
    except OSError as error:
        return failed(
            f"The folder {folder.name}/ of the Onramp home cannot be written ({error.strerror or error}).",
            f"Acknowledged state of every sync is kept there. {_format_free(free_bytes)}",
            f"chmod u+rwx {folder}",
        )
    evidence = f"Kept in {folder.name}/ of the Onramp home, which can be written. {_format_free(free_bytes)}"
    evidence += "".join(f" {_describe(context, warehouse)}" for warehouse in context.configuration.warehouses)
    if free_bytes < MIN_FREE_BYTES:
        return warning("The disk that keeps acknowledged state is nearly full.", evidence, "Free space on that disk.")
    return passed("Acknowledged state can be written.", evidence)


def _describe(context: CheckContext, warehouse: WarehouseRecord) -> str:
    report = context.test_connection(warehouse.id)
    if report.error is not None:
        return ""  # C2 says so
    if report.write_error is None:
        return f"{warehouse.name}: its schema {STATE_SCHEMA} can be written, so only rows that differ leave it."
    return f"{warehouse.name} stays read-only, so nothing of yours changes; its rows are compared here."


def _write_and_read_back(folder: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".check-") as file:
        file.write(b"onramp")
        file.flush()
        os.fsync(file.fileno())
        if Path(file.name).read_bytes() != b"onramp":
            raise OSError("what was written could not be read back")


def _format_free(free_bytes: int) -> str:
    return f"{free_bytes / 1e9:,.1f} GB are free."
