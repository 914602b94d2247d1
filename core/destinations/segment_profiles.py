"""Segment Profiles: writes identify messages to the event log, the one way into a profile (W109-W114)."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from core.destinations.definition import ActionDefinition, Capabilities, DestinationDefinition
from core.destinations.destination import (
    DeliveryContext,
    DeliveryRecord,
    Destination,
    Outcome,
    OutcomeStatus,
)
from core.destinations.identify import compose_identifies
from core.events.blocks import Draft, draft_block
from core.events.event_log import open_event_log
from core.fields import Field, FieldType
from core.workspaces.suppression import SUPPRESSED_CODE, list_suppressed
from core.workspaces.workspace import Workspace

_SPACE = Field(
    "engage_space",
    "Profile Space",
    "The space that the profile belongs to.",
    required=True,
)
_TRAITS = Field(
    "traits",
    "Traits",
    "What you know about the customer; the names are yours.",
    FieldType.OBJECT,
    free_keys=True,
)
_TIMESTAMP = Field(
    "timestamp",
    "Timestamp",
    "When this was true; the time of the sync unless mapped.",
    FieldType.DATETIME,
    default_mapping="$.timestamp",
)
SEND_IDENTIFY = ActionDefinition(
    name="send_identify",
    label="Send Identify",
    summary="Creates or updates a profile: its identifiers and its traits.",
    fields=(
        _SPACE,
        Field("user_id", "User ID", "The id of the customer in your database."),
        Field("anonymous_id", "Anonymous ID", "An id for a customer that you do not know yet."),
        Field("group_id", "Group ID", "The account that the customer belongs to."),
        _TRAITS,
        _TIMESTAMP,
    ),
)
SEND_TRAITS_BY_EMAIL = ActionDefinition(
    name="send_traits_by_email",
    label="Send traits by e-mail",
    summary="Updates the profile of an e-mail address, the trait email of the record, where no other id is known.",
    fields=(_SPACE, _TRAITS, _TIMESTAMP),
)

DEFINITION = DestinationDefinition(
    name="segment_profiles",
    label="Segment Profiles",
    summary="Unified profiles in this workspace.",
    docs_url="docs/concepts.md",
    settings=(),
    actions=(SEND_IDENTIFY, SEND_TRAITS_BY_EMAIL),
    capabilities=Capabilities(max_batch_records=5_000),
)


_DELIVERED = Outcome(OutcomeStatus.DELIVERED)
_SUPPRESSED = Outcome(OutcomeStatus.REJECTED, SUPPRESSED_CODE, "The person is suppressed.")


class SegmentProfilesDestination(Destination):
    """Turns each record into one identify message; the log drops a message id that it has already."""

    definition = DEFINITION

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def test_connection(self) -> None:
        """Open the event log."""
        open_event_log(self._workspace).last_offset()

    def prepare(self, records: Sequence[DeliveryRecord], context: DeliveryContext) -> Draft:
        """Compose the messages."""
        return draft_block(compose_identifies(records, context, self._workspace.now()))

    def write(
        self, records: Sequence[DeliveryRecord], context: DeliveryContext, prepared: object = None
    ) -> list[Outcome]:
        """Append the batch durably, all or none, and acknowledge each record."""
        if not records:
            return []
        draft = prepared if isinstance(prepared, Draft) else self.prepare(records, context)
        suppressed = pa.array(list(list_suppressed(self._workspace)), pa.string())
        is_left_out = pc.is_in(draft.batch.columns["user_id"], value_set=suppressed)
        if pc.any(is_left_out).as_py():  # suppressed since the run was planned
            draft = draft.leave_out(draft.batch.columns["message_id"].filter(is_left_out))
        open_event_log(self._workspace).append_batch(draft)
        return [_SUPPRESSED if each else _DELIVERED for each in is_left_out.to_pylist()]
