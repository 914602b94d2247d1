"""The guard: what is refused, with a code and a place, and what analysts write every day."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import CoreError, NotReadOnly, SqlSyntaxError
from core.sql_models.guard import check_query
from core.sql_models.limits import MAX_SQL_CHARS

REFUSED = (
    ("postgres", "select 1; drop table t"),
    ("postgres", "with x as (delete from t returning *) select * from x"),
    ("postgres", "select * into newt from t"),
    ("postgres", "select 1 -- ; \n; drop table t"),
    ("postgres", "copy t to program 'id'"),
    ("postgres", "call p()"),
    ("postgres", "do $$ begin delete from t; end $$"),
    ("postgres", "select pg_read_file('/etc/passwd')"),
    ("postgres", "select pg_sleep(100000)"),
    ("postgres", "select nextval('s'), setval('s',1)"),
    ("postgres", "select dblink_exec('host=x','drop table t')"),
    ("postgres", "select lo_import('/etc/passwd')"),
    ("postgres", "select set_config('statement_timeout','0',false)"),
    ("postgres", "select pg_terminate_backend(pid) from pg_stat_activity"),
    ("postgres", "select query_to_xml('delete from t returning 1',true,true,'')"),
    ("postgres", "select * from t for update"),
    ("postgres", "select my_volatile_udf(1)"),
    ("postgres", "explain analyze delete from t"),
    ("postgres", "prepare p as delete from t"),
    ("postgres", "listen c"),
    ("postgres", "lock table t"),
    ("postgres", "select pg_advisory_lock(1)"),
    ("duckdb", "select * from read_csv('/etc/passwd')"),
    ("duckdb", "select * from '/etc/passwd'"),
    ("duckdb", "from '/tmp/x.parquet'"),
    ("duckdb", "from query('select getenv(''HOME'')')"),
    ("duckdb", "select * from glob('/*')"),
    ("duckdb", "copy (select 1) to '/tmp/x'"),
    ("duckdb", "attach 'x.db'"),
    ("duckdb", "install httpfs"),
    ("duckdb", "load httpfs"),
    ("duckdb", "pragma database_list"),
    ("duckdb", "set memory_limit='1TB'"),
    ("duckdb", "export database '/tmp/d'"),
    ("duckdb", "checkpoint"),
    ("duckdb", "call pragma_version()"),
    ("duckdb", "create macro m() as 1"),
    ("duckdb", "select getvariable('x'), nextval('s')"),
    ("duckdb", "select * from postgres_query('pg','drop table x')"),
    ("duckdb", "insert into t values (1) returning *"),
    ("snowflake", "select * from @stage/file.csv"),
    ("snowflake", "select system$cancel_all_queries(1)"),
    ("snowflake", "execute immediate 'drop table t'"),
    ("snowflake", "begin drop table t; end"),
    ("snowflake", "call sp()"),
    ("snowflake", "put file:///etc/passwd @s"),
    ("snowflake", "copy into @s from t"),
    ("snowflake", "copy into t from @s"),
    ("snowflake", "select * from table(my_udtf(1))"),
    ("snowflake", "select * from table(result_scan(last_query_id()))"),
    ("snowflake", "select seq.nextval"),
    ("snowflake", "show tables ->> select * from $1"),
    ("snowflake", "with p as procedure() returns int language sql as 'begin drop table t; return 1; end' call p()"),
    ("snowflake", "undrop table t"),
    ("snowflake", "use role accountadmin"),
    ("snowflake", "alter session set x=1"),
    ("bigquery", "select * from external_query('conn','drop table t')"),
    ("bigquery", "export data options(uri='gs://b/*',format='csv') as select 1"),
    ("bigquery", "declare x int64; select 1"),
    ("bigquery", "execute immediate 'drop table t'"),
    ("bigquery", "create temp function f() as (1); select f()"),
    ("bigquery", "assert true"),
    ("bigquery", "load data into t from files(format='csv',uris=['x'])"),
    ("bigquery", "begin transaction"),
    ("bigquery", "call p()"),
    ("bigquery", "if true then drop table t; end if"),
    ("redshift", "unload ('select * from t') to 's3://b' iam_role 'x'"),
    ("redshift", "copy t from 's3://b' iam_role 'x'"),
    ("redshift", "select * into #tmp from t"),
    ("redshift", "create temp table x as select 1"),
    ("redshift", "select f_lambda_udf(1)"),
    ("redshift", "cancel 123"),
    ("redshift", "vacuum"),
    ("redshift", "analyze t"),
    # what could be let through, but is refused on purpose: a model, a name made at run time, statements, odd quotes
    ("bigquery", "select * from ml.predict(model m, table t)"),
    ("bigquery", "select session_user(), @@project_id"),
    ("snowflake", "select * from identifier('t')"),
    ("duckdb", "pivot t on a using sum(b)"),
    ("duckdb", "summarize t"),
    ("postgres", "select $$; drop table t$$"),
)
ACCEPTED = (
    ("postgres", "values (1)"),
    ("postgres", "table t"),
    ("postgres", "select /*+ x */ 1 /* ; drop table t */"),
    ("postgres", "select E'\\'; drop table t; --'"),
    ("postgres", "(select 1) union (select 2)"),
    ("postgres", 'select U&"d\\0061ta" from t'),
    ("duckdb", "from t select a"),
    ("snowflake", "select * from t at(offset=>-60)"),
    ("snowflake", "select 1;"),
    ("bigquery", "with x as (select 1) select * from x"),
    ("redshift", "select top 5 a from t"),
    ("redshift", "select * from svv_external_tables"),
    ("bigquery", "from t |> where a>1 |> select a"),
    ("postgres", "with recursive r as (select 1 union all select * from r) select * from r"),
    ("duckdb", "WITH c AS (SELECT id, lower(trim(email)) AS email FROM t) SELECT * FROM c -- ; drop table t"),
    ("duckdb", "SELECT id, count(*) OVER (PARTITION BY region) AS n, strftime(at, '%Y') AS y FROM s.t QUALIFY n > 1"),
    ("postgres", "SELECT id, regexp_replace(phone, '[^0-9]', '', 'g') AS digits, data->>'plan' AS plan FROM t"),
    ("snowflake", "SELECT id, PARSE_JSON(v):a.b::string AS ab, IFF(x > 1, 'a', 'b') AS c FROM db.s.t"),
    ("bigquery", "SELECT id, SAFE_CAST(x AS INT64) AS n, FORMAT_DATE('%F', d) AS day FROM `p.d.t`"),
)


@pytest.mark.parametrize(("dialect", "sql"), REFUSED)
def test_what_writes_reads_files_or_has_side_effects_is_refused_with_a_sentence(dialect: str, sql: str) -> None:
    with pytest.raises(CoreError) as caught:
        check_query(sql, dialect)
    assert caught.value.code
    assert caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(("dialect", "sql"), ACCEPTED)
def test_one_reading_query_is_accepted_and_comments_do_not_reach_the_warehouse(dialect: str, sql: str) -> None:
    guarded = check_query(sql, dialect)
    assert guarded.sql
    assert "drop table t" not in guarded.sql or "'" in sql


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select 1; select 2", "two_statements"),
        ("with x as (delete from t returning *) select * from x", "writes"),
        ("select * from t for update", "locks_rows"),
        ("select pg_sleep(1000)", "function_not_allowed"),
        ("drop table t", "writes"),
    ],
)
def test_a_refusal_names_its_rule(sql: str, code: str) -> None:
    with pytest.raises(NotReadOnly) as caught:
        check_query(sql, "postgres")
    assert caught.value.code == code


@pytest.mark.parametrize(
    "sql", ["", "  ", "-- only a comment", "selec 1", "select 'open", "select \x00 1", "select (" * 50]
)
def test_a_text_that_is_no_query_is_explained(sql: str) -> None:
    with pytest.raises(SqlSyntaxError) as caught:
        check_query(sql, "duckdb")
    assert caught.value.hint


def test_a_text_beyond_the_limit_and_one_nested_too_deeply_are_refused() -> None:
    with pytest.raises(CoreError, match=f"{MAX_SQL_CHARS:,}"):
        check_query("select " + "1," * MAX_SQL_CHARS + "1", "duckdb")
    with pytest.raises(CoreError, match="nested too deeply"):
        check_query("select " + "(" * 3000 + "1" + ")" * 3000, "duckdb")


def test_tables_are_named_without_the_query_s_own_ctes() -> None:
    guarded = check_query("WITH c AS (SELECT * FROM s.orders) SELECT * FROM c JOIN people USING (id)", "duckdb")
    assert set(guarded.tables) == {"s.orders", "people"}


def test_a_value_that_changes_by_itself_is_accepted_with_a_warning() -> None:
    assert check_query("SELECT random() AS r FROM t", "duckdb").warnings


def test_every_sample_model_is_accepted_in_its_dialect() -> None:
    """W100."""
    folder = Path(__file__).resolve().parents[3] / "core" / "sql_models" / "templates"
    files = sorted(folder.glob("*.sql"))
    assert len(files) == 20
    for file in files:
        check_query(file.read_text(encoding="utf-8"), file.name.split(".")[1])
