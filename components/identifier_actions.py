"""What pressing a button does to identifiers: in the guided setup, which two browsers may have open, or in a space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.other_browser import own, saving
from core.identity import rules
from core.identity.edits import RuleEdit
from core.setup import guided_setup
from core.workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class IdentifierActions:
    """The changes that a person can make to the identifiers of one space; each raises what its function does."""

    space_id: str
    add_default: Callable[[Sequence[str]], object]
    add_custom: Callable[[RuleEdit], object]
    edit: Callable[[RuleEdit], object]
    delete: Callable[[str], object]


def make_setup_actions(workspace: Workspace, space_id: str) -> IdentifierActions:
    """Return the actions of step 3: each tells of a change that another browser made first."""

    def add_default(types: Sequence[str]) -> None:
        with saving() as version:
            own(guided_setup.add_default_identifiers(workspace, types, expected_version=version))

    def add_custom(edit: RuleEdit) -> None:
        limit, period = edit.value_limit or rules.DEFAULT_VALUE_LIMIT, edit.period or rules.Period.EVER
        with saving() as version:
            saved = guided_setup.add_custom_identifier(
                workspace, edit.type, key=edit.key, value_limit=limit, period=period, expected_version=version
            )
        own(saved)

    def edit(edit: RuleEdit) -> None:
        with saving() as version:
            own(guided_setup.edit_identifier(workspace, edit, expected_version=version))

    def delete(type_: str) -> None:
        with saving() as version:
            own(guided_setup.delete_identifier(workspace, type_, expected_version=version))

    return IdentifierActions(space_id, add_default, add_custom, edit, delete)


def make_space_actions(workspace: Workspace, space_id: str) -> IdentifierActions:
    """Return the actions of any space."""

    def add_custom(edit: RuleEdit) -> None:
        limit, period = edit.value_limit or rules.DEFAULT_VALUE_LIMIT, edit.period or rules.Period.EVER
        rules.add_custom_identifier(workspace, space_id, edit.type, key=edit.key, value_limit=limit, period=period)

    return IdentifierActions(
        space_id,
        lambda types: rules.add_identifiers(workspace, space_id, types),
        add_custom,
        lambda edit: rules.edit_identifier(workspace, space_id, edit),
        lambda type_: rules.delete_identifier(workspace, space_id, type_),
    )
