"""Segment Profiles: writes identify messages to the event log, the one way into a profile (W109-W114)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson

from core.clock import to_iso
from core.destinations.definition import ActionDefinition, Capabilities, DestinationDefinition
from core.destinations.destination import (
    DeliveryContext,
    DeliveryRecord,
    Destination,
    Operation,
    Outcome,
    OutcomeStatus,
)
from core.events.event_log import LogEntry, open_event_log
from core.fields import Field, FieldType
from core.records import Json
from core.workspaces.workspace import Workspace

SEND_IDENTIFY = ActionDefinition(
    name="send_identify",
    label="Send Identify",
    summary="Creates or updates a profile: its identifiers and its traits.",
    fields=(
        Field(
            "engage_space",
            "Profile Space",
            "The space that the profile belongs to.",
            required=True,
        ),
        Field("user_id", "User ID", "The id of the customer in your database."),
        Field("anonymous_id", "Anonymous ID", "An id for a customer that you do not know yet."),
        Field("group_id", "Group ID", "The account that the customer belongs to."),
        Field(
            "traits",
            "Traits",
            "What you know about the customer; the names are yours.",
            FieldType.OBJECT,
            free_keys=True,
        ),
        Field(
            "timestamp",
            "Timestamp",
            "When this was true; the time of the sync unless mapped.",
            FieldType.DATETIME,
            default_mapping="$.timestamp",
        ),
    ),
)

DEFINITION = DestinationDefinition(
    name="segment_profiles",
    label="Segment Profiles",
    summary="Unified profiles in this workspace.",
    docs_url="docs/concepts.md",
    settings=(),
    actions=(SEND_IDENTIFY,),
    capabilities=Capabilities(max_batch_records=2_000),
)


class SegmentProfilesDestination(Destination):
    """Turns each record into one identify message; the log drops a message id that it has already."""

    definition = DEFINITION

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def test_connection(self) -> None:
        """Open the event log."""
        open_event_log(self._workspace).last_offset()

    def write(self, records: Sequence[DeliveryRecord], context: DeliveryContext) -> list[Outcome]:
        """Append the batch durably, all or none, and acknowledge each record."""
        now = self._workspace.now()
        entries = [self.make_entry(record, context, now) for record in records]
        open_event_log(self._workspace).append(entries)
        return [Outcome(OutcomeStatus.DELIVERED, message_id=entry.message_id) for entry in entries]

    def make_entry(self, record: DeliveryRecord, context: DeliveryContext, now: datetime) -> LogEntry:
        """Return the log entry for one record: the exact message, as `write` appends it."""
        message = make_identify(record, context, now)
        user_id = message.get("userId")
        return LogEntry(
            source_id=context.source_id,
            message_id=record.idempotency_key,
            type="identify",
            name=None,
            user_id=user_id if isinstance(user_id, str) else None,
            received_at=now,
            body=orjson.dumps(message),
        )


def make_identify(record: DeliveryRecord, context: DeliveryContext, now: datetime) -> dict[str, Json]:
    """Return the identify message of one record in the wire form of the message specification.

    A deleted record clears what its mapping had set: the same ids, every mapped trait null.
    """
    fields = orjson.loads(record.payload)
    received = to_iso(now)
    is_deleted = record.operation is Operation.DELETED
    timestamp = received if is_deleted else fields.get("timestamp") or received
    traits = fields.get("traits") or {}
    origin: dict[str, Json] = {
        "syncId": context.sync_id,
        "runId": context.run_id,
        "sqlModelId": context.sql_model_id,
        "rowKey": record.key,
        "operation": str(record.operation),
        "version": record.version,
    }
    if context.is_test:
        origin["test"] = True
    message_context: dict[str, Json] = {"reverseEtl": origin}
    if fields.get("group_id"):
        message_context["groupId"] = fields["group_id"]
    message: dict[str, Json] = {
        "type": "identify",
        "messageId": record.idempotency_key,
        "traits": dict.fromkeys(traits) if is_deleted else traits,
        "context": message_context,
        "timestamp": timestamp,
        "originalTimestamp": timestamp,
        "receivedAt": received,
        "integrations": {"All": False},
    }
    for name, wire in (("user_id", "userId"), ("anonymous_id", "anonymousId")):
        if fields.get(name):
            message[wire] = fields[name]
    return message
