"""Values that change by themselves: what has left a sliding window, and sessions that are over.

The state of each says when it is due (`trait_states.due_at`), so a round with nothing to do costs one look at an index,
and one with something to do computes those people's values only.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import orjson
from sqlalchemy import Row, select

from core.clock import to_millis
from core.storage.lease import hold_lease, require_lease
from core.storage.tables import computed_traits, trait_states
from core.traits.computed_trait import ComputedTrait
from core.traits.definition import CompiledTrait, compile_trait
from core.traits.publish import Publisher, TraitChanged
from core.traits.states import read_counted
from core.workspaces.workspace import Workspace

EXPIRED_AT_ONCE = 2_000


def expire_values(
    workspace: Workspace, space_id: str, is_stopping: Callable[[], bool] = lambda: False, *, wait_s: float = 0.0
) -> int:
    """Compute the values that are due, and return how many there were.

    `wait_s` is how long to wait for another process that builds this space and pauses now and then.

    Raises:
        RunInProgress: Another process builds this space; the next round finds them.
    """
    count = 0
    if not _list_due(workspace, space_id, 1):
        return count
    with hold_lease(workspace.database, f"profiles:{space_id}", wait_s=wait_s) as lease:
        check = partial(require_lease, lease=lease)
        while not is_stopping() and (rows := _list_due(workspace, space_id, EXPIRED_AT_ONCE)):
            for trait in _read_traits(workspace, {row.trait_id for row in rows}):
                now_ms = to_millis(workspace.now())
                its = [row for row in rows if row.trait_id == trait.id]
                counted = [read_counted(trait, row.profile_id, orjson.loads(row.state), now_ms) for row in its]
                with suppress(TraitChanged):  # its new history comes next
                    Publisher(workspace, space_id, trait, check).publish(counted)
            count += len(rows)
    return count


def _list_due(workspace: Workspace, space_id: str, limit: int) -> list[Row[tuple[str, str, str]]]:
    states, traits = trait_states.c, computed_traits.c
    query = (
        select(states.trait_id, states.profile_id, states.state)
        .join(computed_traits, traits.id == states.trait_id)
        .where(states.space_id == space_id, states.due_at <= to_millis(workspace.now()))
        .where(traits.enabled, traits.computed_to.is_not(None))
        .limit(limit)
    )
    with workspace.database.reading() as connection:
        return list(connection.execute(query))


def _read_traits(workspace: Workspace, trait_ids: set[str]) -> list[CompiledTrait]:
    query = select(computed_traits).where(computed_traits.c.id.in_(trait_ids))
    with workspace.database.reading() as connection:
        return [compile_trait(ComputedTrait(**row._mapping)) for row in connection.execute(query)]
