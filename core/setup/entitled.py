"""Makers that keep the entitlements: every caller that a person drives makes sources, spaces … through these."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.destinations.segment_profiles import DEFINITION as SEGMENT_PROFILES
from core.destinations.store import DestinationRecord, ensure_segment_profiles, list_destinations
from core.predictions.prediction import Prediction, parse_definition
from core.predictions.requirements import check_requirements
from core.predictions.store import create_prediction
from core.setup.entitlements import (
    Entitled,
    make_admission,
    require_permitted_destination,
    require_permitted_source,
    require_room,
)
from core.sources.store import Source, create_source
from core.storage.lease import hold_lease
from core.traits.computed_trait import ComputedTrait
from core.traits.store import add_recipes, create_trait
from core.warehouses.files import ImportReport, create_from_files
from core.warehouses.store import WarehouseRecord, save_warehouse
from core.workspaces.spaces import Space, connect_source, create_space, list_spaces
from core.workspaces.workspace import Workspace

_LEASE = "entitlements"
_WAIT_S = 5.0
_MAKING = threading.RLock()


def create_entitled_source(
    workspace: Workspace,
    *,
    kind: str,
    name: str,
    warehouse_id: str | None = None,
    settings: Mapping[str, object] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Source:
    """Make a source if its type is permitted and the limit leaves room, and connect it to the first space.

    Raises:
        LimitExceeded: The type is not permitted (W116), or 5 additional sources exist (W115).
    """
    require_permitted_source(kind)
    admit = make_admission(Entitled.SOURCES)
    source = create_source(
        workspace, kind=kind, name=name, warehouse_id=warehouse_id, settings=settings, secrets=secrets, admit=admit
    )
    for space in list_spaces(workspace)[:1]:
        connect_source(workspace, space.id, source.id)
    return source


def create_entitled_space(workspace: Workspace, name: str, *, kind: str = "dev") -> Space:
    """Make a space if the limit leaves room.

    Raises:
        LimitExceeded: 2 spaces exist (W119).
    """
    return create_space(workspace, name, kind=kind, admit=make_admission(Entitled.SPACES))


def create_entitled_warehouse(
    workspace: Workspace, name: str, paths: Sequence[Path], *, original_names: Sequence[str] | None = None
) -> tuple[WarehouseRecord, ImportReport]:
    """Make an embedded warehouse from CSV or Parquet files, if there is room for the source that will read it.

    Raises:
        LimitExceeded: 5 additional sources exist (W115); no file is read.
    """
    require_room(workspace, Entitled.SOURCES)
    return create_from_files(workspace, name, paths, original_names=original_names)


def save_entitled_warehouse(
    workspace: Workspace,
    *,
    kind: str,
    name: str,
    settings: Mapping[str, object],
    secrets: Mapping[str, str] | None = None,
) -> WarehouseRecord:
    """Test and save a warehouse, if there is room for the source that will read it.

    Raises:
        LimitExceeded: 5 additional sources exist (W115); nothing is tried.
        CoreError: What the connection test found; nothing is saved.
    """
    require_room(workspace, Entitled.SOURCES)
    return save_warehouse(workspace, kind=kind, name=name, settings=settings, secrets=secrets)


def ensure_entitled_segment_profiles(workspace: Workspace) -> DestinationRecord:
    """Return the Segment Profiles destination, making it if the limit leaves room.

    Raises:
        LimitExceeded: 3 destinations exist and none of them is this one (W117).
    """
    require_permitted_destination(SEGMENT_PROFILES.name)
    with _place(workspace):
        if all(destination.kind != SEGMENT_PROFILES.name for destination in list_destinations(workspace)):
            require_room(workspace, Entitled.DESTINATIONS)
        return ensure_segment_profiles(workspace)


def add_entitled_recipes(workspace: Workspace, space_id: str, keys: Sequence[str]) -> Sequence[ComputedTrait]:
    """Add the computed traits of these recipes if the limit leaves room for all of them.

    Raises:
        LimitExceeded: More than 2 computed traits would exist (W120); none is added.
    """
    with _place(workspace):
        if keys:
            require_room(workspace, Entitled.COMPUTED_TRAITS, adding=len(keys))
        return add_recipes(workspace, space_id, keys)


def create_entitled_trait(
    workspace: Workspace, space_id: str, *, name: str, kind: str, definition: Mapping[str, object]
) -> ComputedTrait:
    """Make a computed trait if the limit leaves room.

    Raises:
        LimitExceeded: 2 computed traits exist (W120).
        InvalidField: The name, the kind or the definition cannot be used, or the key is taken.
    """
    admit = make_admission(Entitled.COMPUTED_TRAITS)
    return create_trait(workspace, space_id, name=name, kind=kind, definition=definition, admit=admit)


def create_entitled_prediction(
    workspace: Workspace,
    space_id: str,
    kind: str,
    document: Mapping[str, Any],
    *,
    name: str | None = None,
    score_every_days: int = 7,
) -> Prediction:
    """Make a prediction and have it trained, if the limit leaves room and there is enough to learn from.

    Raises:
        LimitExceeded: 2 predictions exist (W121).
        MissingField, InvalidField: The definition cannot be used.
        NotEnoughData, PredictionOutOfDate: A requirement is not met; nothing is made.
    """
    require_room(workspace, Entitled.PREDICTIONS)
    definition = parse_definition(kind, dict(document))
    # before the lease: reading a large log takes longer than anybody else would wait for it
    check_requirements(workspace, space_id, definition, workspace.now()).require()
    with _place(workspace):
        return create_prediction(
            workspace,
            space_id,
            kind,
            document,
            name=name,
            score_every_days=score_every_days,
            admit=make_admission(Entitled.PREDICTIONS),
        )


@contextmanager
def _place(workspace: Workspace) -> Iterator[None]:
    """Let one maker at a time count and make, over all threads and processes."""
    with _MAKING, hold_lease(workspace.database, _LEASE, wait_s=_WAIT_S):
        yield
