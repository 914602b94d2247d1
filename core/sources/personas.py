"""The Personas source: what a space's predictions write about people. The first prediction makes it (W96)."""

from __future__ import annotations

from core.sources.definition import Arrival, SourceDefinition

DEFINITION = SourceDefinition(
    kind="personas",
    label="Personas",
    summary="Scores of the predictions of one space, written by Onramp itself.",
    docs_url="https://segment.com/docs/unify/traits/predictions/",
    arrival=Arrival.WORKSPACE,
    fixed_name="Personas",
)
