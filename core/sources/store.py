"""The workspace's sources: made, listed, enabled, renamed and deleted, each change in the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import count

from sqlalchemy import Connection, Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import IllegalTransition, InvalidField, MissingField, NotFound
from core.ids import new_id, new_write_key, slugify
from core.settings import check_settings
from core.sources import flex, personas
from core.sources.definition import SourceDefinition
from core.sources.names import require_name
from core.sources.registry import get_definition
from core.storage.tables import sources, space_sources, syncs
from core.workspaces.audit import record_change
from core.workspaces.spans import close_for_good, read_spans, write_spans
from core.workspaces.workspace import Workspace

Admit = Callable[[Connection], None]
"""Called inside the transaction that inserts; raising refuses the insert (the entitlements use it)."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source of the workspace. Its write key stays out of the repr, because reprs reach logs."""

    id: str
    kind: str
    name: str
    slug: str
    write_key: str | None = field(repr=False)
    warehouse_id: str | None
    enabled: bool
    protected: bool
    settings: dict[str, object]
    created_at: datetime
    old_write_key: str | None = field(default=None, repr=False)
    old_key_until: datetime | None = None


def create_source(
    workspace: Workspace,
    *,
    kind: str,
    name: str,
    warehouse_id: str | None = None,
    settings: Mapping[str, object] | None = None,
    secrets: Mapping[str, str] | None = None,
    admit: Admit | None = None,
) -> Source:
    """Make a source, enabled, with a write key if its kind has one.

    Callers that a person drives use `core.setup.entitlements.create_entitled_source`, which keeps the limits (W122).

    Raises:
        UnknownConnector: There is no such kind.
        IllegalTransition: The setup makes sources of this kind by itself.
        MissingField, InvalidField: The name or a setting is missing, too long or taken.
    """
    definition = get_definition(kind)
    if definition.is_auto_created:
        raise IllegalTransition(
            f"The source {definition.label!r} is created by the setup, once.", hint="Use the one that exists."
        )
    name = require_name(name)
    values, clean_secrets = check_settings(definition, settings or {}, secrets or {})
    if definition.needs_warehouse and not warehouse_id:
        raise MissingField(f"The source {name!r} needs a warehouse to read.", hint="Connect a data warehouse first.")
    return _insert(
        workspace,
        definition,
        name=name,
        warehouse_id=warehouse_id,
        settings=values,
        secrets=clean_secrets,
        admit=admit,
    )


def ensure_flex_source(workspace: Workspace) -> Source:
    """Return the auto-created, protected source of the Flex events, making it if there is none (W115, W96)."""
    definition = flex.DEFINITION
    existing = _find(workspace, str(definition.fixed_slug))
    if existing is not None:
        return existing
    try:
        return _insert(workspace, definition, name=str(definition.fixed_name), warehouse_id=None)
    except (IntegrityError, InvalidField):
        existing = _find(workspace, str(definition.fixed_slug))  # another process made it first
        if existing is None:
            raise
        return existing


def ensure_personas_source(workspace: Workspace, space_id: str, space_name: str) -> Source:
    """Return the protected source of what the space's predictions write, making it if there is none (W96).

    Callers let one maker at a time ask.
    """
    definition = personas.DEFINITION
    for source in list_sources(workspace, kind=definition.kind):
        if source.settings.get("space_id") == space_id:
            return source
    taken = {source.name for source in list_sources(workspace)}
    name = f"{definition.fixed_name} {space_name}"
    free = next(each for number in count(1) if (each := name if number == 1 else f"{name} {number}") not in taken)
    return _insert(workspace, definition, name=free, warehouse_id=None, settings={"space_id": space_id})


def list_sources(workspace: Workspace, *, kind: str | None = None) -> Sequence[Source]:
    """Return all sources, or those of one kind, oldest first."""
    query = select(sources).order_by(sources.c.created_at, sources.c.id)
    if kind is not None:
        query = query.where(sources.c.kind == kind)
    with workspace.database.reading() as connection:
        return [_to_source(row) for row in connection.execute(query)]


def get_source(workspace: Workspace, id_or_slug: str) -> Source:
    """Return the source with this id, slug or name.

    Raises:
        NotFound: There is none.
    """
    source = _find(workspace, id_or_slug)
    if source is None:
        raise NotFound(f"There is no source {id_or_slug!r}.", hint="List the sources and use an id, slug or name.")
    return source


def read_source_secrets(workspace: Workspace, source_id: str) -> dict[str, str]:
    """Return the source's secrets; for whoever checks a signature, never for a page."""
    with workspace.database.reading() as connection:
        secret_id = connection.execute(select(sources.c.secret_id).where(sources.c.id == source_id)).scalar()
        return workspace.secrets.read(connection, secret_id) if secret_id else {}


def enable_source(workspace: Workspace, source_id: str) -> Source:
    """Enable the source; enabling twice changes nothing."""
    return _set_enabled(workspace, get_source(workspace, source_id), enabled=True)


def disable_source(workspace: Workspace, source_id: str) -> Source:
    """Disable the source: its events and its rows are taken no more.

    Raises:
        IllegalTransition: The setup made the source (W96).
    """
    source = get_source(workspace, source_id)
    refuse_protected(source)
    return _set_enabled(workspace, source, enabled=False)


def rename_source(workspace: Workspace, source_id: str, name: str) -> Source:
    """Give the source another name; its slug and its write key stay.

    Raises:
        IllegalTransition: The setup made the source (W96).
    """
    source = get_source(workspace, source_id)
    refuse_protected(source)
    name = require_name(name)
    with workspace.database.transaction() as connection:
        _refuse_taken(connection, name, except_id=source.id)
        connection.execute(update(sources).where(sources.c.id == source.id).values(name=name))
        record_change(
            connection, workspace, "updated", "source", source.id, before={"name": source.name}, after={"name": name}
        )
    return get_source(workspace, source.id)


def delete_source(workspace: Workspace, source_id: str) -> None:
    """Delete the source. Events it sent before stay in the log, and on profiles, also when those are built again.

    Raises:
        IllegalTransition: The setup made the source (W96), or a sync still reads it.
    """
    source = get_source(workspace, source_id)
    refuse_protected(source)
    with workspace.database.transaction() as connection:
        reader = connection.execute(select(syncs.c.name).where(syncs.c.source_id == source.id)).first()
        if reader is not None:
            raise IllegalTransition(
                f"The sync {reader.name!r} reads the source {source.name!r}.", hint="Delete that sync first."
            )
        _close_connections(connection, source.id)
        secret_id = connection.execute(select(sources.c.secret_id).where(sources.c.id == source.id)).scalar()
        connection.execute(delete(sources).where(sources.c.id == source.id))
        if secret_id is not None:
            workspace.secrets.drop(connection, secret_id)
        record_change(connection, workspace, "deleted", "source", source.id, before=_describe(source))


def refuse_protected(source: Source) -> None:
    """Refuse to change what the setup made (W96).

    Raises:
        IllegalTransition: Code `source_protected`.
    """
    if source.protected:
        raise IllegalTransition(
            f"The source {source.name!r} was created by the setup; editing or deleting it can lose data.",
            hint="Leave it as it is: Flex, or a prediction, writes to profiles through it.",
            code="source_protected",
        )


def _insert(
    workspace: Workspace,
    definition: SourceDefinition,
    *,
    name: str,
    warehouse_id: str | None,
    settings: dict[str, object] | None = None,
    secrets: dict[str, str] | None = None,
    admit: Admit | None = None,
) -> Source:
    now = workspace.now()
    with workspace.database.transaction() as connection:
        if admit is not None:
            admit(connection)
        _refuse_taken(connection, name)
        source = Source(
            id=new_id("src", now),
            kind=definition.kind,
            name=name,
            slug=definition.fixed_slug or _free_slug(connection, name),
            write_key=new_write_key() if definition.has_write_key else None,
            warehouse_id=warehouse_id,
            enabled=True,
            protected=definition.is_auto_created,
            settings=settings or {},
            created_at=now,
        )
        values = {field.name: getattr(source, field.name) for field in fields(source)}
        secret_id = workspace.secrets.save(connection, secrets, now) if secrets else None
        connection.execute(insert(sources).values(**values, secret_id=secret_id))
        record_change(connection, workspace, "created", "source", source.id, after=_describe(source))
    return source


def _set_enabled(workspace: Workspace, source: Source, *, enabled: bool) -> Source:
    if source.enabled != enabled:
        with workspace.database.transaction() as connection:
            connection.execute(update(sources).where(sources.c.id == source.id).values(enabled=enabled))
            record_change(
                connection,
                workspace,
                "enabled" if enabled else "disabled",
                "source",
                source.id,
                before={"enabled": source.enabled},
                after={"enabled": enabled},
            )
    return get_source(workspace, source.id)


def _find(workspace: Workspace, id_slug_or_name: str) -> Source | None:
    wanted = id_slug_or_name
    query = select(sources).where(or_(sources.c.id == wanted, sources.c.slug == wanted, sources.c.name == wanted))
    with workspace.database.reading() as connection:
        found = [_to_source(row) for row in connection.execute(query)]
    # One source's name can be another one's slug: the id wins, then the slug.
    found.sort(key=lambda source: (source.id != wanted, source.slug != wanted))
    return found[0] if found else None


def _to_source(row: Row[tuple[object, ...]]) -> Source:
    return Source(**{field.name: row._mapping[field.name] for field in fields(Source)})


def _refuse_taken(connection: Connection, name: str, *, except_id: str = "") -> None:
    query = select(sources.c.id).where(sources.c.name == name, sources.c.id != except_id)
    if connection.execute(query).first() is not None:
        raise InvalidField(f"There is already a source named {name!r}.", hint="Choose another name.")


def _close_connections(connection: Connection, source_id: str) -> None:
    """Note for each space that the source brings nothing more; a build of its profiles needs to know what it read."""
    table, is_its = space_sources.c, space_sources.c.source_id == source_id
    for space_id, spans in connection.execute(select(table.space_id, table.spans).where(is_its)).all():
        closed = write_spans(close_for_good(read_spans(spans)))
        connection.execute(update(space_sources).where(is_its, table.space_id == space_id).values(spans=closed))


def _free_slug(connection: Connection, name: str) -> str:
    base = slugify(name) or "source"
    taken = {row.slug for row in connection.execute(select(sources.c.slug).where(sources.c.slug.like(f"{base}%")))}
    number, slug = 1, base
    while slug in taken or slug == flex.DEFINITION.fixed_slug:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _describe(source: Source) -> dict[str, object]:
    return {"kind": source.kind, "name": source.name, "slug": source.slug, "warehouse_id": source.warehouse_id}
