"""Snowflake as a reverse-ETL source: rows that a SQL model reads from an account."""

from __future__ import annotations

from core.sources.definition import Arrival, SourceDefinition

DEFINITION = SourceDefinition(
    kind="snowflake",
    label="Snowflake (Reverse ETL)",
    summary="Rows of a database in your Snowflake account.",
    docs_url="https://segment.com/docs/connections/reverse-etl/",
    arrival=Arrival.REVERSE_ETL,
)
