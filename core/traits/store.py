"""The computed traits of a space: made, changed, listed, deleted, each change in the audit trail.

How many there may be is decided above (`core.setup.entitlements`). A deleted trait's value stays on the profiles as a
custom trait until the profiles are rebuilt from the log, where it never was; on accounts it stays beside what SQL
traits keep of them, which no rebuild touches. An edited trait keeps its key, and its values until the history is
computed anew; so does one that is enabled again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.clock import to_millis
from core.errors import InvalidField, NotFound
from core.ids import new_id, snake_case
from core.profiles.account_traits import leave_values
from core.profiles.predicted import list_predicted_keys
from core.storage.tables import computed_traits, trait_states
from core.traits.computed_trait import ComputedTrait, Scope
from core.traits.definition import ACCOUNT_PREFIX, compile_definition, compile_trait
from core.traits.recipes import RECIPES, Recipe
from core.traits.states import delete_account_states, forget_left, read_values
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

MAX_NAME_CHARS = 80

Admit = Callable[[Connection], None]


def create_trait(
    workspace: Workspace,
    space_id: str,
    *,
    name: str,
    kind: str,
    definition: Mapping[str, object],
    admit: Admit | None = None,
) -> ComputedTrait:
    """Make a computed trait; its history is computed by the next build. Its key is the name in snake_case.

    `admit` is asked inside the transaction and may refuse.

    Raises:
        InvalidField: The name, the kind or the definition cannot be used, or the key is taken; nothing is saved.
    """
    recipe = Recipe(_check_name(name), "", kind, dict(definition))
    return _insert(workspace, space_id, [recipe], admit)[0]


def add_recipes(workspace: Workspace, space_id: str, keys: Sequence[str]) -> list[ComputedTrait]:
    """Add the recipes with these keys, all or none, and return them in that order.

    Raises:
        InvalidField: A key is no recipe that is offered, is named twice, or is taken.
    """
    offered = {recipe.key: recipe for recipe in RECIPES}
    for key in keys:
        if key not in offered:
            raise InvalidField(f"There is no recipe {key!r}.", hint=f"Choose from {', '.join(offered)}.")
    if len(set(keys)) < len(keys):
        raise InvalidField("The same trait is chosen twice.", hint="Choose each trait once.")
    return _insert(workspace, space_id, [offered[key] for key in keys])


def edit_trait(
    workspace: Workspace,
    trait_id: str,
    *,
    name: str | None = None,
    kind: str | None = None,
    definition: Mapping[str, object] | None = None,
) -> ComputedTrait:
    """Change a trait. Its key stays; if more than the name changes, its history is computed anew.

    Raises:
        NotFound: There is no such trait.
        InvalidField: The name, the kind or the definition cannot be used; nothing is saved.
    """
    before = get_trait(workspace, trait_id)
    changed: dict[str, Any] = {
        "name": before.name if name is None else _check_name(name),
        "kind": kind or before.kind,
        "definition": before.definition if definition is None else dict(definition),
    }
    compile_definition(str(changed["kind"]), dict(changed["definition"]), str(changed["name"]))
    is_other = (changed["kind"], changed["definition"]) != (before.kind, before.definition)
    if is_other:
        changed |= {"computed_to": None, "progress": None, "failure": None, "updated_at": workspace.now()}
    return _update(workspace, trait_id, "updated", changed, is_other=is_other)


def enable_trait(workspace: Workspace, trait_id: str) -> ComputedTrait:
    """Compute the trait again, from the whole history; also what to do after a failure.

    Raises:
        NotFound: There is no such trait.
    """
    return _update(workspace, trait_id, "enabled", {"enabled": True, "failure": None, "computed_to": None})


def disable_trait(workspace: Workspace, trait_id: str) -> ComputedTrait:
    """Stop computing the trait; its values stay as they are.

    Raises:
        NotFound: There is no such trait.
    """
    stopped = {"enabled": False, "progress": None, "updated_at": workspace.now()}
    return _update(workspace, trait_id, "disabled", stopped)


def get_trait(workspace: Workspace, trait_id: str) -> ComputedTrait:
    """Return the computed trait with this id.

    Raises:
        NotFound: There is none.
    """
    with workspace.database.reading() as connection:
        return _read_trait(connection, trait_id)


def list_traits(workspace: Workspace, space_id: str) -> list[ComputedTrait]:
    """Return the space's computed traits, oldest first."""
    with workspace.database.reading() as connection:
        return read_traits(connection, space_id)


def read_traits(connection: Connection, space_id: str) -> list[ComputedTrait]:
    """Return the space's computed traits as `connection` sees them, oldest first."""
    table = computed_traits.c
    query = select(computed_traits).where(table.space_id == space_id).order_by(table.created_at, table.id)
    return [ComputedTrait(**row._mapping) for row in connection.execute(query)]


def count_owners(workspace: Workspace, trait: ComputedTrait) -> int:
    """Return how many people, or accounts, have a value of the trait. O(people)."""
    states = trait_states.c
    query = (
        select(func.count())
        .select_from(trait_states)
        .where(states.space_id == trait.space_id, states.trait_id == trait.id, states.has_value == 1)
    )
    with workspace.database.reading() as connection:
        return connection.execute(query).scalar_one()


def delete_trait(workspace: Workspace, trait_id: str) -> None:
    """Stop computing a trait and forget its state; the value stays on profiles, or accounts, as a custom trait.

    Raises:
        NotFound: There is no such trait.
    """
    with workspace.database.transaction() as connection:
        trait = _read_trait(connection, trait_id)
        states = trait_states.c
        if trait.scope is Scope.ACCOUNT:
            _leave_on_accounts(connection, trait, workspace.now())
        connection.execute(delete(computed_traits).where(computed_traits.c.id == trait.id))
        connection.execute(delete(trait_states).where(states.space_id == trait.space_id, states.trait_id == trait.id))
        record_change(connection, workspace, "deleted", "computed_trait", trait.id, before=_to_document(trait))


def _leave_on_accounts(connection: Connection, trait: ComputedTrait, now: datetime) -> None:
    forget_left(connection, trait.space_id, trait.key, trait.id)
    for values in read_values(connection, trait, now):
        accounts = {owner.removeprefix(ACCOUNT_PREFIX): value for owner, value in values.items()}
        leave_values(connection, trait.space_id, trait.key, accounts, to_millis(now))


def _read_trait(connection: Connection, trait_id: str) -> ComputedTrait:
    row = connection.execute(select(computed_traits).where(computed_traits.c.id == trait_id)).first()
    if row is None:
        raise NotFound(
            f"There is no computed trait {trait_id!r}.", hint="Reload the list; somebody may have deleted it."
        )
    return ComputedTrait(**row._mapping)


def _update(
    workspace: Workspace, trait_id: str, action: str, values: Mapping[str, object], *, is_other: bool = False
) -> ComputedTrait:
    with workspace.database.transaction() as connection:
        before = _read_trait(connection, trait_id)
        if is_other:
            delete_account_states(connection, before.space_id, before.id)
        connection.execute(update(computed_traits).where(computed_traits.c.id == before.id).values(**values))
        after = _read_trait(connection, before.id)
        documents = {"before": _to_document(before), "after": _to_document(after)}
        record_change(connection, workspace, action, "computed_trait", before.id, **documents)
    return after


def _check_name(name: str) -> str:
    name = " ".join(name.split())
    if not snake_case(name) or len(name) > MAX_NAME_CHARS:
        raise InvalidField(
            f"The name {name[:MAX_NAME_CHARS]!r} cannot be used.",
            hint=f"Use a name of letters or digits with at most {MAX_NAME_CHARS} characters.",
        )
    return name


def _insert(
    workspace: Workspace, space_id: str, recipes: Sequence[Recipe], admit: Admit | None = None
) -> list[ComputedTrait]:
    now = workspace.now()
    traits = [
        ComputedTrait(new_id("trt", now), space_id, each.key, each.name, each.kind, dict(each.definition), None, now)
        for each in recipes
    ]
    for trait in traits:
        compile_trait(trait)
    try:
        with workspace.database.transaction() as connection:
            if admit is not None:
                admit(connection)
            for trait in traits:
                if trait.key in list_predicted_keys(connection, space_id):
                    raise InvalidField(
                        f"A prediction writes the trait with the key {trait.key}.",
                        hint="Give this one another name, or delete the prediction first.",
                    )
                _insert_one(connection, workspace, trait)
    except IntegrityError as error:
        raise InvalidField(
            f"A computed trait with the key {' or '.join(trait.key for trait in traits)} is there already.",
            hint="Choose another one, or delete the old one first.",
        ) from error
    return traits


def _insert_one(connection: Connection, workspace: Workspace, trait: ComputedTrait) -> None:
    values = {**_to_document(trait), "id": trait.id, "space_id": trait.space_id, "created_at": trait.created_at}
    connection.execute(insert(computed_traits).values(computed_to=None, **values))
    record_change(connection, workspace, "created", "computed_trait", trait.id, after=_to_document(trait))


def _to_document(trait: ComputedTrait) -> dict[str, object]:
    document = {"key": trait.key, "name": trait.name, "kind": str(trait.kind), "definition": trait.definition}
    return document | {"enabled": trait.enabled}
