"""What a check may use: the configuration, and warehouses that are opened once for the whole run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType

from core.checks.configuration import Configuration
from core.destinations.registry import get_action
from core.errors import NotFound
from core.fields import Field
from core.syncs.sync import Sync
from core.warehouses.definition import ConnectionReport
from core.warehouses.registry import open_warehouse
from core.warehouses.warehouse import Warehouse
from core.workspaces.workspace import Workspace


class CheckContext:
    """Given to every check of one run; a context manager that closes what the checks opened."""

    def __init__(self, workspace: Workspace, configuration: Configuration, *, enabled_now: Sequence[str] = ()) -> None:
        self.workspace = workspace
        self.configuration = configuration
        self.enabled_now = tuple(enabled_now)
        self._open: dict[str, Warehouse] = {}
        self._reports: dict[str, ConnectionReport] = {}
        self._stack = ExitStack()

    def __enter__(self) -> CheckContext:
        """Return the context itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every warehouse."""
        self._stack.close()

    def open_warehouse(self, warehouse_id: str) -> Warehouse:
        """Return the warehouse, opened on first use."""
        if warehouse_id not in self._open:
            self._open[warehouse_id] = self._stack.enter_context(open_warehouse(self.workspace, warehouse_id))
        return self._open[warehouse_id]

    def test_connection(self, warehouse_id: str) -> ConnectionReport:
        """Return how the warehouse answered; it is asked once for the whole run."""
        if warehouse_id not in self._reports:
            self._reports[warehouse_id] = self.open_warehouse(warehouse_id).test_connection()
        return self._reports[warehouse_id]

    def get_dialect(self, warehouse_id: str) -> str:
        """Return the SQL dialect of the warehouse."""
        return self.open_warehouse(warehouse_id).dialect

    def get_fields(self, sync: Sync) -> Sequence[Field]:
        """Return the fields of the action that the sync performs."""
        destination = self.configuration.get_destination(sync.destination_id)
        if destination is None:
            raise NotFound(f"The destination of the mapping {sync.name!r} is gone.", hint="Create the mapping again.")
        return get_action(destination.kind, sync.action).fields
