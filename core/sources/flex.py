"""The Flex source: the Java source that links the workspace to Flex (W96). The setup makes it (W115)."""

from __future__ import annotations

from core.sources.definition import Arrival, Language, SourceDefinition

DEFINITION = SourceDefinition(
    kind="flex",
    label="Flex events",
    summary="Engagement events of the contact centre, sent by Flex through a Java source.",
    docs_url="https://segment.com/docs/connections/sources/catalog/libraries/server/java/",
    arrival=Arrival.EVENT_STREAM,
    language=Language.JAVA,
    fixed_name="Flex events",
    fixed_slug="flex-unify-server-source",
)
