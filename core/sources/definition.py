"""What a kind of source is, as data: labels, settings, and how its data arrives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.fields import Field


class Arrival(StrEnum):
    """How a source's data reaches the event log."""

    EVENT_STREAM = "event stream"
    REVERSE_ETL = "reverse ETL"
    WORKSPACE = "this workspace"


class Language(StrEnum):
    """The language of the source's library: in it a call is written for a person to read."""

    JAVASCRIPT = "Javascript"
    SWIFT = "Swift"
    KOTLIN = "Kotlin"
    JAVA = "Java"
    HTTP = "HTTP"


@dataclass(frozen=True, slots=True)
class SourceDefinition:
    """One kind of source.

    `kind` is the key in the store, `label` what a person reads. An event-stream source has a write key; a reverse-ETL
    source has a warehouse. `shown_by` is the type of the message that shows that its library works: the first page of a
    website, the first screen of an app. `fixed_name` and `fixed_slug` belong to a source that the workspace makes by
    itself, and that a person can neither edit nor delete (W96); without a fixed slug, each space has one of its own.
    """

    kind: str
    label: str
    summary: str
    docs_url: str
    arrival: Arrival
    settings: tuple[Field, ...] = ()
    language: Language = Language.HTTP
    shown_by: str | None = None
    fixed_name: str | None = None
    fixed_slug: str | None = None

    @property
    def has_write_key(self) -> bool:
        """Whether senders name the source by a write key."""
        return self.arrival is Arrival.EVENT_STREAM

    @property
    def needs_warehouse(self) -> bool:
        """Whether the source reads a warehouse."""
        return self.arrival is Arrival.REVERSE_ETL

    @property
    def is_auto_created(self) -> bool:
        """Whether the workspace makes the source, so that it is protected and counts against no limit (W115)."""
        return self.fixed_name is not None
