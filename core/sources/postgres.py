"""A Postgres database as a reverse-ETL source."""

from __future__ import annotations

from core.sources.definition import Arrival, SourceDefinition

DEFINITION = SourceDefinition(
    kind="postgres",
    label="Postgres (Reverse ETL)",
    summary="Rows of a PostgreSQL database.",
    docs_url="https://segment.com/docs/connections/reverse-etl/",
    arrival=Arrival.REVERSE_ETL,
)
