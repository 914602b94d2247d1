"""An iOS app as a source (W59)."""

from __future__ import annotations

from core.sources.definition import Arrival, Language, SourceDefinition

DEFINITION = SourceDefinition(
    kind="swift",
    label="Swift",
    summary="An app for iOS: the library analytics-swift.",
    docs_url="https://segment.com/docs/connections/sources/catalog/libraries/mobile/apple/",
    arrival=Arrival.EVENT_STREAM,
    language=Language.SWIFT,
    shown_by="screen",
)
