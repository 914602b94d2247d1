"""The one folder that holds everything: `ONRAMP_HOME`. Backing up is copying it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from core.errors import StoreUnreadable

DEFAULT_HOME = ".onramp"


@dataclass(frozen=True, slots=True)
class Home:
    """The paths inside `ONRAMP_HOME`."""

    root: Path

    @property
    def workspace_db(self) -> Path:
        """The state store, where no `ONRAMP_DATABASE_URL` is set."""
        return self.root / "workspace.db"

    @property
    def events_db(self) -> Path:
        """The event log."""
        return self.root / "events.db"

    @property
    def history(self) -> Path:
        """Closed days of the event log."""
        return self.root / "history"

    @property
    def warehouses(self) -> Path:
        """Embedded warehouses, one DuckDB file each."""
        return self.root / "warehouse"

    @property
    def sync_state(self) -> Path:
        """Acknowledged state, one DuckDB file a sync."""
        return self.root / "state"

    @property
    def runs(self) -> Path:
        """Records of finished sync runs, one Parquet file a run."""
        return self.root / "runs"

    @property
    def secret_key(self) -> Path:
        """The key that encrypts credentials, mode 0600."""
        return self.root / "secret.key"

    @property
    def logs(self) -> Path:
        """Structured logs."""
        return self.root / "logs"


def open_home(root: str | os.PathLike[str] | None = None) -> Home:
    """Return the home at `root`, else at `ONRAMP_HOME`, else at `./.onramp`; its folders are made, private to the user.

    Raises:
        StoreUnreadable: The folder cannot be made or written.
    """
    path = Path(root or os.environ.get("ONRAMP_HOME") or DEFAULT_HOME).expanduser().resolve()
    home = Home(path)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (home.history, home.warehouses, home.sync_state, home.runs, home.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "not writable", str(path))
    except OSError as error:
        raise StoreUnreadable(
            f"The folder {path} cannot be used ({error.strerror or error}).",
            hint="Set ONRAMP_HOME to a folder that you can write, or free space on its disk.",
        ) from error
    return home
