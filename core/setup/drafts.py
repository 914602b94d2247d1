"""What is typed is saved as it is typed, so that a refresh, a restart or another browser goes on in place."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import InvalidField
from core.mappings.mapping import FieldMapping
from core.setup.record import SetupRecord, read_record, update_record
from core.setup.status import Setup, describe, get_setup, require_open
from core.setup.steps import Step
from core.sql_models.limits import MAX_SQL_CHARS
from core.workspaces.workspace import Workspace

MAX_DRAFT_CHARS = 1_000_000
"""Longer than any model may be, so that too long a text can still be shortened in the editor."""


def get_draft_sql(workspace: Workspace) -> str:
    """Return the SQL typed last, else that of the saved model, else an empty text."""
    return get_setup(workspace).draft.sql


def get_draft_mapping(workspace: Workspace) -> FieldMapping:
    """Return the mapping drawn last, else the saved one, else one with the profile space filled in (W32)."""
    return get_setup(workspace).draft.mapping


def save_draft_sql(
    workspace: Workspace,
    sql: str,
    *,
    key_column: str | None = None,
    sql_model_name: str | None = None,
    expected_version: int | None = None,
) -> Setup:
    """Keep the SQL as it stands in the editor; None leaves the other fields as they are.

    Raises:
        VersionConflict: Somebody else saved a change first; the context holds the SQL, so that no text is lost.
    """
    given: dict[str, object] = {"key_column": key_column, "sql_model_name": sql_model_name}
    changes: dict[str, object] = {
        "sql": _clean(sql),
        **{name: value for name, value in given.items() if value is not None},
    }
    return _save(workspace, changes, expected_version)


def save_draft_mapping(
    workspace: Workspace,
    mapping: FieldMapping,
    *,
    mode: str | None = None,
    interval_minutes: int | None = None,
    expected_version: int | None = None,
) -> Setup:
    """Keep the mapping as it stands in the editor, complete or not. An interval of 0 means manual.

    Raises:
        VersionConflict: Somebody else saved a change first; the context holds the mapping.
    """
    given: dict[str, object] = {"mode": mode, "interval_minutes": interval_minutes}
    changes: dict[str, object] = {
        "mapping": mapping.to_dict(),
        **{name: value for name, value in given.items() if value is not None},
    }
    return _save(workspace, changes, expected_version)


def save_draft_traits(workspace: Workspace, keys: Sequence[str], *, expected_version: int | None = None) -> Setup:
    """Keep the selected computed traits before Save.

    Raises:
        VersionConflict: Somebody else saved a change first; the context holds the keys.
    """
    return _save(workspace, {"trait_keys": list(keys)}, expected_version, Step.IDENTIFIERS)


def _clean(text: str) -> str:
    """Return the text as it can be stored; pasted text may hold NUL or half of a surrogate pair."""
    if len(text) > MAX_DRAFT_CHARS:
        raise InvalidField(
            f"The SQL has {len(text):,} characters; it is not saved as a draft.",
            hint=f"Shorten it: a model may have {MAX_SQL_CHARS:,} characters.",
        )
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _save(
    workspace: Workspace,
    changes: dict[str, object],
    expected_version: int | None,
    step: Step = Step.CONNECTIONS,
) -> Setup:
    require_open(describe(workspace, read_record(workspace)), step)

    def change(record: SetupRecord) -> SetupRecord:
        return record.with_draft(**changes)

    record = update_record(workspace, change, expected_version=expected_version, typed=changes, audited=False)
    return describe(workspace, record)
