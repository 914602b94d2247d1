"""An Android app as a source (W59)."""

from __future__ import annotations

from core.sources.definition import Arrival, Language, SourceDefinition

DEFINITION = SourceDefinition(
    kind="kotlin",
    label="Kotlin",
    summary="An app for Android: the library analytics-kotlin.",
    docs_url="https://segment.com/docs/connections/sources/catalog/libraries/mobile/kotlin-android/",
    arrival=Arrival.EVENT_STREAM,
    language=Language.KOTLIN,
    shown_by="screen",
)
