"""A Redshift database as a reverse-ETL source."""

from __future__ import annotations

from core.sources.definition import Arrival, SourceDefinition

DEFINITION = SourceDefinition(
    kind="redshift",
    label="Redshift (Reverse ETL)",
    summary="Rows of an Amazon Redshift cluster or serverless workgroup.",
    docs_url="https://segment.com/docs/connections/reverse-etl/",
    arrival=Arrival.REVERSE_ETL,
)
