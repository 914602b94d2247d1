"""The embedded warehouse as a reverse-ETL source: rows of a DuckDB file in the home folder."""

from __future__ import annotations

from core.sources.definition import Arrival, SourceDefinition

DEFINITION = SourceDefinition(
    kind="duckdb",
    label="Embedded warehouse (Reverse ETL)",
    summary="Rows of an embedded warehouse: the demo data, or your own CSV and Parquet files.",
    docs_url="https://segment.com/docs/connections/reverse-etl/",
    arrival=Arrival.REVERSE_ETL,
)
