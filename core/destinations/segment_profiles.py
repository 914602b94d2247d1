"""Segment Profiles: writes identify messages to the event log, the one way into a profile (W109-W114).

Traits of accounts, which are no profiles, are written beside it (`core/profiles/account_traits.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from core.clock import to_millis
from core.destinations.definition import ActionDefinition, Capabilities, DestinationDefinition
from core.destinations.destination import (
    DeliveryContext,
    DeliveryRecord,
    Destination,
    Operation,
    Outcome,
    OutcomeStatus,
)
from core.destinations.identify import compose_identifies
from core.events.blocks import Draft, draft_block
from core.events.entry import MessageBatch
from core.events.event_log import open_event_log
from core.events.message import is_group_id
from core.fields import Field, FieldType
from core.profiles.account_traits import (
    UNUSABLE_ID,
    UNUSABLE_ID_CODE,
    AccountTraits,
    write_account_traits,
)
from core.sql_models.limits import MAX_TRAITS_ROW_BYTES
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

KEEP_TRAITS = replace(
    SEND_IDENTIFY,
    name="keep_traits",
    label="Keep traits",
    summary="Keeps the traits of people that SQL traits return.",
    max_row_bytes=MAX_TRAITS_ROW_BYTES,
)
KEEP_TRAITS_BY_EMAIL = replace(
    SEND_TRAITS_BY_EMAIL,
    name="keep_traits_by_email",
    label="Keep traits by e-mail",
    summary="Keeps the traits that SQL traits return for an e-mail address.",
    max_row_bytes=MAX_TRAITS_ROW_BYTES,
)
KEEP_ACCOUNT_TRAITS = ActionDefinition(
    name="keep_account_traits",
    label="Keep traits of accounts",
    summary="Keeps the traits of accounts that SQL traits return.",
    fields=(_SPACE, Field("group_id", "Group ID", "The id of the account.", required=True), _TRAITS),
    max_row_bytes=MAX_TRAITS_ROW_BYTES,
)

DEFINITION = DestinationDefinition(
    name="segment_profiles",
    label="Segment Profiles",
    summary="Unified profiles in this workspace.",
    docs_url="docs/concepts.md",
    settings=(),
    actions=(SEND_IDENTIFY, SEND_TRAITS_BY_EMAIL, KEEP_TRAITS, KEEP_TRAITS_BY_EMAIL, KEEP_ACCOUNT_TRAITS),
    capabilities=Capabilities(max_batch_records=5_000),
)


_DELIVERED = Outcome(OutcomeStatus.DELIVERED)
_NO_ACCOUNT = Outcome(OutcomeStatus.REJECTED, UNUSABLE_ID_CODE, UNUSABLE_ID)
_SUPPRESSED = Outcome(OutcomeStatus.REJECTED, SUPPRESSED_CODE, "The person is suppressed.")


class SegmentProfilesDestination(Destination):
    """Turns each record into one identify message; the log drops a message id that it has already."""

    definition = DEFINITION

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def test_connection(self) -> None:
        """Open the event log."""
        open_event_log(self._workspace).last_offset()

    def prepare(self, records: Sequence[DeliveryRecord], context: DeliveryContext) -> Draft | None:
        """Compose the messages; of accounts there are none."""
        if context.action == KEEP_ACCOUNT_TRAITS.name:
            return None
        return draft_block(self._compose(records, context))

    def write(
        self, records: Sequence[DeliveryRecord], context: DeliveryContext, prepared: object = None
    ) -> list[Outcome]:
        """Append the batch durably, all or none, and acknowledge each record."""
        if not records:
            return []
        if context.action == KEEP_ACCOUNT_TRAITS.name:
            return self._write_accounts(records, context)
        draft = prepared if isinstance(prepared, Draft) else draft_block(self._compose(records, context))
        suppressed = pa.array(list(list_suppressed(self._workspace)), pa.string())
        is_left_out = pc.is_in(draft.batch.columns["user_id"], value_set=suppressed)
        if pc.any(is_left_out).as_py():  # suppressed since the run was planned
            draft = draft.leave_out(draft.batch.columns["message_id"].filter(is_left_out))
        open_event_log(self._workspace).append_batch(draft)
        return [_SUPPRESSED if each else _DELIVERED for each in is_left_out.to_pylist()]

    def _compose(self, records: Sequence[DeliveryRecord], context: DeliveryContext) -> MessageBatch:
        return compose_identifies(records, context, self._workspace.now())

    def _write_accounts(self, records: Sequence[DeliveryRecord], context: DeliveryContext) -> list[Outcome]:
        rows, outcomes = [], []
        for record in records:
            payload = orjson.loads(record.payload)
            group_id = str(payload.get("group_id") or "")
            is_usable = is_group_id(group_id)
            outcomes.append(_DELIVERED if is_usable else _NO_ACCOUNT)
            if is_usable:
                traits = payload.get("traits") or {}
                is_gone = record.operation is Operation.DELETED
                rows.append(AccountTraits(str(payload["engage_space"]), group_id, traits, is_gone))
        if not context.is_test:
            with self._workspace.database.transaction() as connection:
                write_account_traits(connection, context.sync_id, rows, to_millis(self._workspace.now()))
        return outcomes
