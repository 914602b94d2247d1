"""A Java server as a source."""

from __future__ import annotations

from core.sources.definition import Arrival, Language, SourceDefinition

DEFINITION = SourceDefinition(
    kind="java",
    label="Java",
    summary="A server written in Java: the library analytics-java.",
    docs_url="https://segment.com/docs/connections/sources/catalog/libraries/server/java/",
    arrival=Arrival.EVENT_STREAM,
    language=Language.JAVA,
)
