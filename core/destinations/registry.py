"""The kinds of destination that exist, in alphabetical order."""

from __future__ import annotations

from core.destinations.definition import ActionDefinition, DestinationDefinition
from core.destinations.destination import Destination
from core.destinations.segment_profiles import DEFINITION as SEGMENT_PROFILES
from core.destinations.segment_profiles import SegmentProfilesDestination
from core.errors import UnknownConnector
from core.workspaces.workspace import Workspace

DEFINITIONS: tuple[DestinationDefinition, ...] = (SEGMENT_PROFILES,)


def get_definition(kind: str) -> DestinationDefinition:
    """Return the definition of `kind`.

    Raises:
        UnknownConnector: There is no such kind; the hint lists those there are.
    """
    for definition in DEFINITIONS:
        if definition.name == kind:
            return definition
    raise UnknownConnector(
        f"There is no destination of kind {kind!r}.",
        hint=f"Use one of: {', '.join(item.name for item in DEFINITIONS)}.",
    )


def get_action(kind: str, name: str) -> ActionDefinition:
    """Return one action of a kind of destination.

    Raises:
        UnknownConnector: The kind or the action does not exist.
    """
    return get_definition(kind).get_action(name)


def open_destination(workspace: Workspace, kind: str) -> Destination:
    """Return a destination of this kind, ready to take records."""
    if get_definition(kind) is SEGMENT_PROFILES:
        return SegmentProfilesDestination(workspace)
    raise UnknownConnector(f"A destination of kind {kind!r} cannot be opened.", hint="Choose another destination.")
