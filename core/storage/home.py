"""The one folder that holds everything: `ONRAMP_HOME`. Backing up is copying it."""

from __future__ import annotations

import os
from contextlib import suppress
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
    def search(self) -> Path:
        """The index of the profile search, one SQLite file a space; it is made again when it is lost."""
        return self.root / "search"

    @property
    def secret_key(self) -> Path:
        """The key that encrypts credentials, mode 0600."""
        return self.root / "secret.key"

    @property
    def rate_limits(self) -> Path:
        """How much of each limit is used, where the system has no files in memory; losing it loses nothing."""
        return self.root / "rates"

    @property
    def logs(self) -> Path:
        """Structured logs."""
        return self.root / "logs"


@dataclass(frozen=True, slots=True)
class HomePart:
    """One part of the home folder and how much room it takes."""

    label: str
    path: Path
    size_bytes: int


def measure_home(home: Home) -> tuple[HomePart, ...]:
    """Return what the home folder holds, and how large each part is. O(files), not O(bytes)."""
    parts = (
        ("Configuration and profiles", home.workspace_db),
        ("Event log", home.events_db),
        ("Closed days of the event log, with their index", home.history),
        ("Embedded warehouses", home.warehouses),
        ("Acknowledged state of the syncs", home.sync_state),
        ("Records of the runs", home.runs),
        ("Index of the profile search", home.search),
        ("Logs", home.logs),
    )
    return tuple(HomePart(label, path, _measure(path)) for label, path in parts)


def _measure(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")  # SQLite keeps its log beside it
    total = 0
    for file in files:
        with suppress(OSError):  # gone meanwhile
            total += file.stat().st_size if file.is_file() else 0
    return total


def open_home(root: str | os.PathLike[str] | None = None) -> Home:
    """Return the home at `root`, else at `ONRAMP_HOME`, else at `./.onramp`; its folders are made, private to the user.

    Raises:
        StoreUnreadable: The folder cannot be made or written.
    """
    path = Path(root or os.environ.get("ONRAMP_HOME") or DEFAULT_HOME).expanduser().resolve()
    home = Home(path)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (home.history, home.warehouses, home.sync_state, home.runs, home.search, home.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "not writable", str(path))
    except OSError as error:
        raise StoreUnreadable(
            f"The folder {path} cannot be used ({error.strerror or error}).",
            hint="Set ONRAMP_HOME to a folder that you can write, or free space on its disk.",
        ) from error
    return home
