"""A website as a source (W44)."""

from __future__ import annotations

from core.fields import Field, FieldType
from core.sources.definition import Arrival, Language, SourceDefinition

DEFINITION = SourceDefinition(
    kind="javascript",
    label="Javascript",
    summary="A website: the library analytics.js in the browser of its visitors.",
    docs_url="https://segment.com/docs/connections/sources/catalog/libraries/website/javascript/",
    arrival=Arrival.EVENT_STREAM,
    settings=(
        Field(
            "website_url",
            "Website URL",
            "The address of the website that the snippet is put into.",
            type=FieldType.URL,
            required=True,
            placeholder="https://www.example.com",
        ),
    ),
    language=Language.JAVASCRIPT,
    shown_by="page",
)
