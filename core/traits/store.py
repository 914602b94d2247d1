"""The computed traits of a space: added, listed, deleted, each change in the audit trail.

How many there may be is decided above (`core.setup.entitlements`). A deleted trait's value stays on the profiles as a
custom trait until the profiles are rebuilt from the log, where it never was.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from core.errors import InvalidField, NotFound
from core.ids import new_id
from core.storage.tables import computed_traits, trait_states
from core.traits.computed_trait import ComputedTrait
from core.traits.engine import compile_trait
from core.traits.recipes import OFFERED_RECIPES, Recipe
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace


def add_recipes(workspace: Workspace, space_id: str, keys: Sequence[str]) -> list[ComputedTrait]:
    """Add the recipes with these keys, all or none, and return them in that order.

    Raises:
        InvalidField: A key is no recipe that is offered, is named twice, or is taken.
    """
    offered = {recipe.key: recipe for recipe in OFFERED_RECIPES}
    for key in keys:
        if key not in offered:
            raise InvalidField(f"There is no recipe {key!r}.", hint=f"Choose from {', '.join(offered)}.")
    if len(set(keys)) < len(keys):
        raise InvalidField("The same trait is chosen twice.", hint="Choose each trait once.")
    return _insert(workspace, space_id, [offered[key] for key in keys])


def list_traits(workspace: Workspace, space_id: str) -> list[ComputedTrait]:
    """Return the space's computed traits, oldest first."""
    with workspace.database.reading() as connection:
        return read_traits(connection, space_id)


def read_traits(connection: Connection, space_id: str) -> list[ComputedTrait]:
    """Return the space's computed traits as `connection` sees them, oldest first."""
    table = computed_traits.c
    query = select(computed_traits).where(table.space_id == space_id).order_by(table.created_at, table.id)
    return [ComputedTrait(**row._mapping) for row in connection.execute(query)]


def delete_trait(workspace: Workspace, trait_id: str) -> None:
    """Stop computing a trait and forget its state; the value stays on the profiles as a custom trait.

    Raises:
        NotFound: There is no such trait.
    """
    with workspace.database.transaction() as connection:
        row = connection.execute(select(computed_traits).where(computed_traits.c.id == trait_id)).first()
        if row is None:
            raise NotFound(
                f"There is no computed trait {trait_id!r}.", hint="Reload the list; somebody may have deleted it."
            )
        trait = ComputedTrait(**row._mapping)
        states = trait_states.c
        connection.execute(delete(computed_traits).where(computed_traits.c.id == trait.id))
        connection.execute(delete(trait_states).where(states.space_id == trait.space_id, states.trait_id == trait.id))
        record_change(connection, workspace, "deleted", "computed_trait", trait.id, before=_to_document(trait))


def _insert(workspace: Workspace, space_id: str, recipes: Sequence[Recipe]) -> list[ComputedTrait]:
    now = workspace.now()
    traits = [
        ComputedTrait(new_id("trt", now), space_id, each.key, each.name, each.kind, dict(each.definition), None, now)
        for each in recipes
    ]
    for trait in traits:
        compile_trait(trait)
    try:
        with workspace.database.transaction() as connection:
            for trait in traits:
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
    return {"key": trait.key, "name": trait.name, "kind": str(trait.kind), "definition": trait.definition}
