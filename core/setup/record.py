"""The stored row of the guided setup: pointers to real objects, drafts, and a version that grows with each change.

Nothing here says that a step is done; `core.setup.steps` derives that from the objects themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from core.errors import VersionConflict
from core.setup.entitlements import lock_workspace
from core.storage.tables import setups
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

SETUP_ID = "setup"


class Finished(StrEnum):
    """How the test of a website or an app ended (W48, W50, W56, W58)."""

    TESTED = "tested"
    SKIPPED = "skipped"


_ACTING = threading.RLock()


@dataclass(frozen=True, slots=True)
class SetupRecord:
    """What is stored: the branch, when it was confirmed, and `state`: ids of objects, times of Save, `draft`."""

    branch: str | None = None
    confirmed_at: datetime | None = None
    state: Mapping[str, object] = field(default_factory=dict)
    version: int = 0

    def get_id(self, name: str) -> str | None:
        """Return the pointer `name`, such as `warehouse_id`."""
        value = self.state.get(name)
        return value if isinstance(value, str) else None

    def with_state(self, **changes: object) -> SetupRecord:
        """Return a copy with these entries of the state changed; None removes one."""
        merged = {**self.state, **changes}
        return replace(self, state={name: value for name, value in merged.items() if value is not None})

    @property
    def draft(self) -> dict[str, object]:
        """What was typed and is not part of an object yet."""
        value = self.state.get("draft")
        return dict(value) if isinstance(value, dict) else {}

    def with_draft(self, **changes: object) -> SetupRecord:
        """Return a copy with these drafts changed; None removes one."""
        merged = {**self.draft, **changes}
        return self.with_state(draft={name: value for name, value in merged.items() if value is not None})


Change = Callable[[SetupRecord], SetupRecord]


def read_record(workspace: Workspace) -> SetupRecord:
    """Return the stored setup, or an empty one of version 0."""
    with workspace.database.reading() as connection:
        return _read(connection)


def update_record(
    workspace: Workspace,
    change: Change,
    *,
    expected_version: int | None = None,
    typed: Mapping[str, object] | None = None,
    audited: bool = True,
) -> SetupRecord:
    """Apply `change` to the stored setup in one transaction; a change that changes nothing makes no new version.

    Args:
        workspace: The opened workspace.
        change: Given the record as it is stored now; returns what it shall be.
        expected_version: The version the caller saw; None: whatever it is now.
        typed: What a person typed; given back in the error's context, so that a conflict loses none of it.
        audited: Whether the change belongs in the audit trail; drafts do not.

    Raises:
        VersionConflict: Somebody else saved since `expected_version`; nothing is written.
    """
    with workspace.database.transaction() as connection:
        lock_workspace(connection)
        before = _read(connection)
        _require_version(before, expected_version, typed)
        after = replace(change(before), version=before.version + 1)
        if replace(after, version=before.version) == before:
            return before
        _write(connection, workspace, before, after)
        if audited:
            record_change(connection, workspace, "updated", "setup", SETUP_ID, before=_show(before), after=_show(after))
    return after


@contextmanager
def acting(
    workspace: Workspace, expected_version: int | None, typed: Mapping[str, object] | None = None
) -> Iterator[SetupRecord]:
    """Yield the record for an action that makes objects; actions of one process go one after the other.

    Raises:
        VersionConflict: Somebody else saved since `expected_version`; nothing has been made.
    """
    with _ACTING:
        record = read_record(workspace)
        _require_version(record, expected_version, typed)
        yield record


def _require_version(record: SetupRecord, expected: int | None, typed: Mapping[str, object] | None) -> None:
    if expected is None or expected == record.version:
        return
    raise VersionConflict(
        "The setup was changed in another browser or tab since this page was loaded; this change was not saved.",
        hint="Reload the page to see the newer setup, then repeat the step. What you typed is not lost.",
        context={"expected_version": expected, "version": record.version, "typed": dict(typed or {})},
    )


def _read(connection: Connection) -> SetupRecord:
    row = connection.execute(select(setups).where(setups.c.id == SETUP_ID)).first()
    return SetupRecord() if row is None else SetupRecord(row.branch, row.confirmed_at, row.state, row.version)


def _write(connection: Connection, workspace: Workspace, before: SetupRecord, after: SetupRecord) -> None:
    values = {
        "branch": after.branch,
        "confirmed_at": after.confirmed_at,
        "state": dict(after.state),
        "version": after.version,
        "updated_at": workspace.now(),
    }
    if before.version == 0:
        connection.execute(insert(setups).values(id=SETUP_ID, **values))
        return
    connection.execute(update(setups).where(setups.c.id == SETUP_ID).values(**values))


def _show(record: SetupRecord) -> dict[str, object]:
    pointers = {name: value for name, value in record.state.items() if name != "draft"}
    return {"branch": record.branch, "confirmed": record.confirmed_at is not None, **pointers}
