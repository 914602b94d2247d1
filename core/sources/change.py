"""Changing a source's settings and secrets."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, update

from core.errors import NotFound
from core.settings import check_settings
from core.sources.registry import get_definition
from core.sources.store import Source, get_source, refuse_protected
from core.storage.tables import sources
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace


def change_source(
    workspace: Workspace,
    source_id: str,
    *,
    settings: Mapping[str, object] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Source:
    """Change settings or secrets of the source; what is not named keeps its value, as does its write key.

    Args:
        workspace: Where the source is.
        source_id: Id, slug or name.
        settings: New values by name.
        secrets: New secrets by name; an empty one keeps its value.

    Raises:
        NotFound: There is no such source.
        IllegalTransition: The setup made the source (W96).
        MissingField, InvalidField: A value cannot be used; nothing was changed then.
    """
    source = get_source(workspace, source_id)
    refuse_protected(source)
    typed = {name: value for name, value in (secrets or {}).items() if value.strip()}
    row = select(sources.c.settings, sources.c.secret_id).where(sources.c.id == source.id).with_for_update()
    with workspace.database.transaction() as connection:
        # Read under the lock: of two changes at once, neither loses the other's.
        saved = connection.execute(row).first()
        if saved is None:
            raise NotFound(f"The source {source.name!r} was deleted meanwhile.", hint="Add it again.")
        old_settings, old_id = saved
        old = workspace.secrets.read_old(connection, old_id, typed)
        new_settings, new = check_settings(
            get_definition(source.kind), {**old_settings, **(settings or {})}, {**old, **typed}
        )
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        values: dict[str, object] = {"settings": new_settings}
        if changed:
            values["secret_id"] = workspace.secrets.save(connection, new, workspace.now()) if new else None
        connection.execute(update(sources).where(sources.c.id == source.id).values(**values))
        if changed and old_id:
            workspace.secrets.drop(connection, old_id)
        if changed or new_settings != old_settings:
            before, after = {"settings": old_settings}, {"settings": new_settings, "changed_credentials": changed}
            record_change(connection, workspace, "updated", "source", source.id, before=before, after=after)
    return get_source(workspace, source.id)
