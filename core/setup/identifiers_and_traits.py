"""Step 3, Add identifiers and traits (W61-W67)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from core.errors import InvalidField, LimitExceeded
from core.identity import rules
from core.identity.edits import RuleEdit
from core.setup.entitled import add_entitled_recipes
from core.setup.entitlements import Entitled, get_usage
from core.setup.record import acting, update_record
from core.setup.status import Setup, describe, get_setup, require_open
from core.setup.steps import Step
from core.traits.recipes import RECIPES
from core.traits.store import delete_trait, list_traits
from core.workspaces.workspace import Workspace

MAX_TRAITS = 2
"""Computed traits that step 3 takes (W66); the workspace's own limit (W120) is checked as well."""


def add_default_identifiers(
    workspace: Workspace, types: Sequence[str], *, expected_version: int | None = None
) -> Setup:
    """Add some of the 11 default identifiers (W63).

    Raises:
        InvalidField: None is given, one is unknown, or one is there already; none is added.
        IllegalTransition: Step 3 is locked.
        VersionConflict: Somebody else saved a change first.
    """
    if not types:
        raise InvalidField("No identifier is selected.", hint="Select one or more, then press Add identifiers.")
    with _changing(workspace, expected_version, {"types": list(types)}) as space_id:
        rules.add_identifiers(workspace, space_id, list(types))
    return _save(workspace)


def add_custom_identifier(
    workspace: Workspace,
    name: str,
    *,
    key: str | None = None,
    value_limit: int = rules.DEFAULT_VALUE_LIMIT,
    period: str = rules.Period.EVER,
    expected_version: int | None = None,
) -> Setup:
    """Create an identifier, such as `phone`, from the trait or property `key`, by default its name (W71).

    Raises:
        InvalidField: The name, the key, the limit or the period cannot be used, or the identifier is there already.
        IllegalTransition: Step 3 is locked.
        VersionConflict: Somebody else saved a change first.
    """
    typed = {"name": name, "key": key, "value_limit": value_limit, "period": str(period)}
    with _changing(workspace, expected_version, typed) as space_id:
        rules.add_custom_identifier(workspace, space_id, name, key=key, value_limit=value_limit, period=period)
    return _save(workspace)


def edit_identifier(workspace: Workspace, edit: RuleEdit, *, expected_version: int | None = None) -> Setup:
    """Change the settings of an identifier (W64); they apply to new data.

    Raises:
        InvalidField: A setting cannot be used.
        NotFound: The identifier is gone.
        VersionConflict: Somebody else saved a change first; the context holds what was typed.
    """
    with _changing(workspace, expected_version, asdict(edit)) as space_id:
        rules.edit_identifier(workspace, space_id, edit)
    return _save(workspace)


def delete_identifier(workspace: Workspace, type_: str, *, expected_version: int | None = None) -> Setup:
    """Delete an identifier (W64). The last one stays: without one no message can be matched to a profile.

    Raises:
        NotFound: The identifier is gone.
        IllegalTransition: It is the last one, or step 3 is locked.
        VersionConflict: Somebody else saved a change first.
    """
    with _changing(workspace, expected_version, {"type": type_}) as space_id:
        rules.delete_identifier(workspace, space_id, type_)
    return _save(workspace)


def save_traits(workspace: Workspace, keys: Sequence[str], *, expected_version: int | None = None) -> Setup:
    """Make the computed traits exactly those of these recipes: up to two, or none (W66).

    Raises:
        LimitExceeded: More than two are selected (W66), or the workspace has no room (W120); nothing is changed.
        InvalidField: A key is not an offered recipe.
        IllegalTransition: Step 3 is locked.
        VersionConflict: Somebody else saved a change first.
    """
    wanted = tuple(dict.fromkeys(keys))
    _require_offered(wanted)
    with _changing(workspace, expected_version, {"trait_keys": list(wanted)}) as space_id:
        offered = {recipe.key for recipe in RECIPES}
        existing = {trait.key: trait for trait in list_traits(workspace, space_id)}
        unwanted = [trait for key, trait in existing.items() if key in offered and key not in wanted]
        missing = [key for key in wanted if key not in existing]
        _require_room_after(workspace, adding=len(missing), deleting=len(unwanted))
        for trait in unwanted:
            delete_trait(workspace, trait.id)
        if missing:
            add_entitled_recipes(workspace, space_id, missing)
    return _save(workspace, traits_saved_at=workspace.now().isoformat())


def _require_offered(keys: Sequence[str]) -> None:
    if len(keys) > MAX_TRAITS:
        raise LimitExceeded(
            f"{len(keys)} computed traits are selected; the limit is {MAX_TRAITS}.",
            hint=f"Select up to {MAX_TRAITS}, then press Save.",
        )
    names = {recipe.key: recipe.name for recipe in RECIPES}
    unknown = [key for key in keys if key not in names]
    if unknown:
        raise InvalidField(
            f"There is no computed trait {unknown[0]!r} to choose.", hint=f"Choose from: {', '.join(names.values())}."
        )


def _require_room_after(workspace: Workspace, *, adding: int, deleting: int) -> None:
    usage = get_usage(workspace, Entitled.COMPUTED_TRAITS)
    if adding and usage.used - deleting + adding > usage.limit:
        raise LimitExceeded(
            f"This workspace may have {usage.limit} {usage.label}, and {usage.used} are in use.",
            hint="Delete one that you no longer need, or select fewer.",
        )


@contextmanager
def _changing(workspace: Workspace, expected_version: int | None, typed: Mapping[str, object]) -> Iterator[str]:
    """Yield the space's id while step 3 may be changed."""
    with acting(workspace, expected_version, typed) as record:
        setup = describe(workspace, record)
        require_open(setup, Step.IDENTIFIERS)
        yield str(setup.space_id)


def _save(workspace: Workspace, **state: object) -> Setup:
    # The moment of the last change makes a new version, so that another browser notices.
    changed_at = workspace.now().isoformat()
    count = len(rules.list_rules(workspace, str(get_setup(workspace).space_id)))
    record = update_record(
        workspace,
        lambda now: now.with_state(identifiers_saved_at=changed_at if count else None, **state).with_draft(
            trait_keys=None if state else now.draft.get("trait_keys")
        ),
    )
    return describe(workspace, record)
