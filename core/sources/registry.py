"""The kinds of source that exist, in alphabetical order."""

from __future__ import annotations

from core.errors import UnknownConnector
from core.sources import (
    bigquery,
    embedded_warehouse,
    flex,
    http,
    java,
    javascript,
    kotlin,
    personas,
    postgres,
    redshift,
    snowflake,
    swift,
    twilio_event_streams,
)
from core.sources.definition import SourceDefinition

DEFINITIONS: tuple[SourceDefinition, ...] = (
    bigquery.DEFINITION,
    embedded_warehouse.DEFINITION,
    flex.DEFINITION,
    http.DEFINITION,
    java.DEFINITION,
    javascript.DEFINITION,
    kotlin.DEFINITION,
    personas.DEFINITION,
    postgres.DEFINITION,
    redshift.DEFINITION,
    snowflake.DEFINITION,
    swift.DEFINITION,
    twilio_event_streams.DEFINITION,
)


def get_definition(kind: str) -> SourceDefinition:
    """Return the definition of `kind`.

    Raises:
        UnknownConnector: No source is of this kind; the hint lists the kinds that exist.
    """
    for definition in DEFINITIONS:
        if definition.kind == kind:
            return definition
    known = ", ".join(definition.kind for definition in DEFINITIONS)
    raise UnknownConnector(f"There is no source of kind {kind!r}.", hint=f"Use one of: {known}.")
