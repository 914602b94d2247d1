"""What the emulator does otherwise than BigQuery: strict expected failures, so that a better emulator is noticed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery
from google.cloud.bigquery import QueryJobConfig

from tests.contract.harnesses.bigquery import open_client

_PROJECTS = itertools.count(1)


@pytest.fixture
def client(bigquery_port: int) -> Iterator[bigquery.Client]:
    """A bare client, with a table `crm.t` of one row."""
    opened = open_client(bigquery_port, f"gaps-{next(_PROJECTS):06}")
    for sql in ("CREATE SCHEMA crm", "CREATE TABLE crm.t AS SELECT 1 AS n"):
        run(opened, sql)
    yield opened
    opened.close()


def run(client: bigquery.Client, sql: str, **config: object) -> bigquery.QueryJob:
    job = client.query(sql, job_config=QueryJobConfig(**config), retry=None, job_retry=None)
    if not config.get("dry_run"):
        job.result(retry=None)
    return job


def gap(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(
        raises=(AssertionError, pytest.fail.Exception, GoogleAPICallError), reason=reason, strict=True
    )


@gap("a dry run of a script executes it; so no text that is not one query is ever sent")
def test_a_dry_run_of_a_script_runs_nothing(client: bigquery.Client) -> None:
    assert run(client, "SELECT 1; DROP TABLE crm.t", dry_run=True).statement_type == "SCRIPT"
    assert [table.table_id for table in client.list_tables("crm", retry=None)] == ["t"]


@gap("scanned bytes are always 0")
def test_a_dry_run_tells_the_bytes(client: bigquery.Client) -> None:
    assert run(client, "SELECT n FROM crm.t", dry_run=True).total_bytes_processed == 8


@gap("the byte cap is ignored")
def test_a_query_above_the_byte_cap_is_refused(client: bigquery.Client) -> None:
    with pytest.raises(GoogleAPICallError):
        run(client, "SELECT n FROM crm.t", maximum_bytes_billed=1)


@gap("the job's time-out is ignored, and a job is done before its start is answered")
def test_a_job_ends_at_its_time_out(client: bigquery.Client) -> None:
    numbers = "UNNEST(GENERATE_ARRAY(1, 3000))"
    with pytest.raises(GoogleAPICallError):
        run(client, f"SELECT SUM(MOD(a * b, 7)) FROM {numbers} AS a, {numbers} AS b", job_timeout_ms=1)


@gap("the location is ignored: every dataset lies in US and is found from everywhere")
def test_a_dataset_is_not_found_from_another_location(client: bigquery.Client) -> None:
    with pytest.raises(GoogleAPICallError):
        client.query("SELECT n FROM crm.t", location="EU", retry=None, job_retry=None).result(retry=None)


@gap("a second column of one name is renamed")
def test_two_columns_of_one_name_are_refused(client: bigquery.Client) -> None:
    with pytest.raises(GoogleAPICallError):
        run(client, "SELECT 1 AS a, 2 AS A")


@gap("geography functions need an extension of DuckDB that is not in the package")
def test_a_point_is_made(client: bigquery.Client) -> None:
    run(client, "SELECT ST_GEOGPOINT(1, 2) AS v")


@gap("bytes beyond ASCII cannot be written as a literal")
def test_bytes_are_written_as_a_literal(client: bigquery.Client) -> None:
    run(client, r"SELECT b'\x00\xff' AS v")


@gap("numbers of more than 38 digits do not fit into DuckDB's decimals")
def test_a_bignumeric_keeps_its_digits(client: bigquery.Client) -> None:
    run(
        client,
        "SELECT BIGNUMERIC '578960446186580977117854925043439539266.34992332820282019728792003956564819967' AS v",
    )


@gap("COLUMN_FIELD_PATHS is missing; the catalog comes from the metadata API")
def test_columns_have_descriptions_in_the_information_schema(client: bigquery.Client) -> None:
    run(client, "SELECT description FROM crm.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS")
