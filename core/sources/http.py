"""The tracking API as a source, for any program that can post JSON."""

from __future__ import annotations

from core.sources.definition import Arrival, Language, SourceDefinition

DEFINITION = SourceDefinition(
    kind="http",
    label="HTTP",
    summary="Any program that posts JSON to the tracking API, with or without a server library.",
    docs_url="https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/",
    arrival=Arrival.EVENT_STREAM,
    language=Language.HTTP,
)
