"""A model text in the SQL of another warehouse: one sentence that names the dialect of this one."""

from __future__ import annotations

import pytest

from core.errors import SqlSyntaxError
from core.sql_models.guard import check_query

QUALIFY = "SELECT id FROM crm.people QUALIFY row_number() OVER (PARTITION BY id ORDER BY id) = 1"


@pytest.mark.parametrize(
    ("dialect", "name"),
    [("duckdb", "DuckDB"), ("postgres", "Postgres"), ("redshift", "Redshift"), ("snowflake", "Snowflake")],
)
def test_backticks_outside_bigquery_are_told_with_their_place(dialect: str, name: str) -> None:
    with pytest.raises(SqlSyntaxError, match=f"speaks {name}") as caught:
        check_query("SELECT id\nFROM `crm`.`people`", dialect)
    assert caught.value.message.startswith("Line 2, column 6: backticks") and caught.value.hint
    assert check_query("SELECT '`' AS tick FROM people", dialect).tables == ("people",)


def test_a_cast_with_colons_on_bigquery_is_told() -> None:
    with pytest.raises(SqlSyntaxError, match=r"Line 1, column 10: .*speaks BigQuery") as caught:
        check_query("SELECT id::STRING FROM crm.people", "bigquery")
    assert "CAST" in caught.value.hint
    assert check_query("SELECT id, '::' AS colons FROM `crm`.`people`", "bigquery").tables == ("crm.people",)


def test_qualify_on_postgres_is_told_and_elsewhere_let_through() -> None:
    with pytest.raises(SqlSyntaxError, match=r"Line 1, column 27: QUALIFY .*speaks Postgres"):
        check_query(QUALIFY, "postgres")
    for dialect in ("bigquery", "duckdb", "redshift", "snowflake"):
        assert check_query(QUALIFY, dialect).tables == ("crm.people",)


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "redshift", "snowflake"])
def test_a_cast_with_colons_is_let_through_where_it_is_known(dialect: str) -> None:
    assert check_query("SELECT id::text AS id FROM people", dialect).tables == ("people",)
