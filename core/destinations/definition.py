"""What a destination is made of: its actions, their fields, and what it can do."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import UnknownConnector
from core.fields import Field

SYNC_MODES = ("add", "update", "upsert", "delete", "mirror")


@dataclass(frozen=True, slots=True)
class ActionDefinition:
    """One kind of call that a destination takes; a row is rejected that takes `max_row_bytes` or more."""

    name: str
    label: str
    summary: str
    fields: tuple[Field, ...]
    max_row_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a destination can do. `max_batch_records`: records a call; `max_batch_bytes`: payload bytes a call."""

    sync_modes: tuple[str, ...] = SYNC_MODES
    max_batch_records: int = 1_000
    max_batch_bytes: int = 4 * 1024 * 1024
    can_delete: bool = True
    reports_per_record: bool = True


@dataclass(frozen=True, slots=True)
class DestinationDefinition:
    """A kind of destination: the form, the mapping editor, the validation and the docs derive from it."""

    name: str
    label: str
    summary: str
    docs_url: str
    settings: tuple[Field, ...]
    actions: tuple[ActionDefinition, ...]
    capabilities: Capabilities

    def get_action(self, name: str) -> ActionDefinition:
        """Return the action with this name.

        Raises:
            UnknownConnector: There is none; the hint lists those there are.
        """
        for action in self.actions:
            if action.name == name:
                return action
        names = ", ".join(action.name for action in self.actions)
        raise UnknownConnector(f"{self.label} has no action {name!r}.", hint=f"Use one of: {names}.")
