"""A webhook sink of Twilio Event Streams as a source."""

from __future__ import annotations

from core.fields import Field, FieldType
from core.sources.definition import Arrival, Language, SourceDefinition

DEFINITION = SourceDefinition(
    kind="twilio_event_streams",
    label="Twilio Event Streams",
    summary="Events of Twilio (calls, messages, TaskRouter), sent by an Event Streams webhook sink.",
    docs_url="https://www.twilio.com/docs/events",
    arrival=Arrival.EVENT_STREAM,
    settings=(
        Field(
            "auth_token",
            "Auth token",
            "The auth token of the Twilio account that sends; its signature is checked on every request.",
            type=FieldType.PASSWORD,
            required=True,
            secret=True,
        ),
    ),
    language=Language.HTTP,
)
