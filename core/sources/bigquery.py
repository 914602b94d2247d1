"""BigQuery as a reverse-ETL source."""

from __future__ import annotations

from core.sources.definition import Arrival, SourceDefinition

DEFINITION = SourceDefinition(
    kind="bigquery",
    label="BigQuery (Reverse ETL)",
    summary="Rows of a Google BigQuery project.",
    docs_url="https://segment.com/docs/connections/reverse-etl/",
    arrival=Arrival.REVERSE_ETL,
)
