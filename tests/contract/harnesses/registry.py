"""The harness of every engine, by the engine's name."""

from __future__ import annotations

from tests.contract.harnesses import bigquery, duckdb, postgres, redshift, snowflake
from tests.contract.harnesses.harness import Harness

HARNESSES: dict[str, Harness] = {
    "bigquery": bigquery.HARNESS,
    "duckdb": duckdb.HARNESS,
    "postgres": postgres.HARNESS,
    "redshift": redshift.HARNESS,
    "snowflake": snowflake.HARNESS,
}
