"""The harness of every engine, by the engine's name."""

from __future__ import annotations

from tests.contract.harnesses import bigquery, duckdb, postgres, snowflake
from tests.contract.harnesses.harness import Harness

HARNESSES: dict[str, Harness] = {
    "bigquery": bigquery.HARNESS,
    "duckdb": duckdb.HARNESS,
    "postgres": postgres.HARNESS,
    "snowflake": snowflake.HARNESS,
}
