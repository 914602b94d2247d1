"""What a workspace may hold (spec/wizard.md section 9), in one place.

What counts: every source and destination that a person makes, inside the guided setup or not; the auto-created Flex
source does not count (W115, W124). Over a limit nothing stops working: only making more is refused, in a sentence
that names the limit (W122).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, func, select

from core.errors import LimitExceeded
from core.storage.tables import computed_traits, destinations, predictions, sources, spaces, workspaces
from core.workspaces.workspace import Workspace


class Entitled(StrEnum):
    """What the workspace's entitlements count."""

    SOURCES = "sources"
    DESTINATIONS = "destinations"
    SPACES = "spaces"
    COMPUTED_TRAITS = "computed traits"
    PREDICTIONS = "predictions"


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One limit: `limit` objects of `kind`, which a person reads as `label`; `note` says what counts."""

    kind: Entitled
    label: str
    limit: int
    note: str


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of one entitlement is in use."""

    kind: Entitled
    label: str
    used: int
    limit: int
    note: str

    @property
    def remaining(self) -> int:
        """How many more may be made; 0 also where a workspace holds more than its limit."""
        return max(0, self.limit - self.used)

    @property
    def sentence(self) -> str:
        """The usage as a sentence for a person."""
        return f"{self.used} of {self.limit} {self.label} in use."


ENTITLEMENTS: tuple[Entitlement, ...] = (
    Entitlement(
        Entitled.SOURCES, "additional sources", 5, "The automatically created Flex events source does not count."
    ),
    Entitlement(Entitled.DESTINATIONS, "destinations", 3, "The Segment Profiles destination of the setup counts."),
    Entitlement(Entitled.SPACES, "Unify spaces", 2, "The space that the setup creates counts."),
    Entitlement(Entitled.COMPUTED_TRAITS, "computed traits", 2, "Counted over all spaces."),
    Entitlement(Entitled.PREDICTIONS, "predictions", 2, "Counted over all spaces."),
)

PERMITTED_SOURCES: Mapping[str, str] = {
    "salesforce": "Salesforce CRM",
    "bigquery": "BigQuery (Reverse ETL)",
    "postgres": "Postgres (Reverse ETL)",
    "redshift": "Redshift (Reverse ETL)",
    "snowflake": "Snowflake (Reverse ETL)",
    "swift": "Swift",
    "kotlin": "Kotlin",
    "javascript": "Javascript",
    "twilio_event_streams": "Twilio Event Streams",
    "http": "HTTP",
    "java": "Java",
}
"""The 11 permitted source types (W116)."""

STAND_IN_SOURCES: Mapping[str, str] = {"duckdb": "Embedded warehouse (Reverse ETL)"}
"""Permitted besides the 11: the embedded warehouse stands in for the four hosted ones, and counts like them."""

PERMITTED_DESTINATIONS: Mapping[str, str] = {
    "storage": "Storage connections",
    "analytics": "Analytics destinations",
    "event_streams": "Event streams",
    "segment_profiles": "Segment Profiles destination",
    "segment_connections": "Segment Connections destination",
}
"""The 5 permitted destination kinds (W118)."""


def require_room(workspace: Workspace, kind: Entitled, *, adding: int = 1) -> None:
    """Refuse to go on unless `adding` more objects of `kind` fit.

    Raises:
        LimitExceeded: They do not; the message names the limit and what is in use.
    """
    with workspace.database.reading() as connection:
        _require_room_in(connection, kind, adding)


def list_usage(workspace: Workspace) -> tuple[Usage, ...]:
    """Return the usage of every entitlement, in the order of the specification."""
    with workspace.database.reading() as connection:
        return tuple(_measure(connection, entitlement) for entitlement in ENTITLEMENTS)


def get_usage(workspace: Workspace, kind: Entitled) -> Usage:
    """Return the usage of one entitlement."""
    with workspace.database.reading() as connection:
        return _measure(connection, _get_entitlement(kind))


def require_permitted_source(kind: str) -> None:
    """Refuse a source type that is not permitted (W116, W122).

    Raises:
        LimitExceeded: Code `not_permitted`; the hint lists the permitted types.
    """
    if kind not in PERMITTED_SOURCES and kind not in STAND_IN_SOURCES:
        raise LimitExceeded(
            f"A source of type {kind!r} is not part of this workspace's entitlements.",
            code="not_permitted",
            hint=f"Permitted source types: {', '.join(PERMITTED_SOURCES.values())}.",
        )


def require_permitted_destination(kind: str) -> None:
    """Refuse a destination kind that is not permitted (W118, W122).

    Raises:
        LimitExceeded: Code `not_permitted`; the hint lists the permitted kinds.
    """
    if kind not in PERMITTED_DESTINATIONS:
        raise LimitExceeded(
            f"A destination of kind {kind!r} is not part of this workspace's entitlements.",
            code="not_permitted",
            hint=f"Permitted destination kinds: {', '.join(PERMITTED_DESTINATIONS.values())}.",
        )


def make_admission(kind: Entitled) -> Callable[[Connection], None]:
    """Return a check for inside an inserting transaction: two browsers cannot both take the last place."""

    def admit(connection: Connection) -> None:
        lock_workspace(connection)
        _require_room_in(connection, kind, 1)

    return admit


def lock_workspace(connection: Connection) -> None:
    """Let no other transaction count or change the setup until this one ends.

    On SQLite the transaction holds the only write lock already; on Postgres the workspace's row is the lock.
    """
    connection.execute(select(workspaces.c.id).with_for_update())


def _require_room_in(connection: Connection, kind: Entitled, adding: int) -> None:
    usage = _measure(connection, _get_entitlement(kind))
    if adding <= usage.remaining:
        return
    more = "" if adding == 1 else f" {adding} more do not fit."
    raise LimitExceeded(
        f"This workspace may have {usage.limit} {usage.label}, and {usage.used} {_is_or_are(usage.used)} in use.{more}",
        hint=f"Delete one that you no longer need. {usage.note} Everything that exists goes on working.",
        context={"kind": kind.value, "limit": usage.limit, "used": usage.used, "adding": adding},
    )


def _is_or_are(count: int) -> str:
    return "is" if count == 1 else "are"


def _get_entitlement(kind: Entitled) -> Entitlement:
    return next(entitlement for entitlement in ENTITLEMENTS if entitlement.kind is kind)


def _measure(connection: Connection, entitlement: Entitlement) -> Usage:
    used = _COUNTS[entitlement.kind](connection)
    return Usage(entitlement.kind, entitlement.label, used, entitlement.limit, entitlement.note)


def _count_sources(connection: Connection) -> int:
    query = select(func.count()).select_from(sources).where(sources.c.protected.is_(False))
    return connection.execute(query).scalar_one()


def _count_destinations(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(destinations)).scalar_one()


def _count_spaces(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(spaces)).scalar_one()


def _count_computed_traits(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(computed_traits)).scalar_one()


def _count_predictions(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(predictions)).scalar_one()


_COUNTS: Mapping[Entitled, Callable[[Connection], int]] = {
    Entitled.SOURCES: _count_sources,
    Entitled.DESTINATIONS: _count_destinations,
    Entitled.SPACES: _count_spaces,
    Entitled.COMPUTED_TRAITS: _count_computed_traits,
    Entitled.PREDICTIONS: _count_predictions,
}
