"""The catalog views and the functions of Redshift that the engine uses, made in a Postgres of the tests.

The columns are those that Amazon documents for each view; what they hold comes from Postgres's own catalog.
"""

from __future__ import annotations

import psycopg

_VIEWS = """
SET allow_system_table_mods = on;
CREATE DOMAIN pg_catalog.super AS jsonb;
CREATE DOMAIN pg_catalog.varbyte AS bytea;
CREATE VIEW pg_catalog.svv_tables AS
  SELECT table_catalog::varchar, table_schema::varchar, table_name::varchar, table_type::varchar,
    obj_description(format('%I.%I', table_schema, table_name)::regclass, 'pg_class')::varchar AS remarks
  FROM information_schema.tables
  WHERE has_table_privilege(format('%I.%I', table_schema, table_name), 'SELECT');
CREATE VIEW pg_catalog.svv_columns AS
  SELECT table_catalog::varchar, table_schema::varchar, table_name::varchar, column_name::varchar,
    ordinal_position::int, column_default::varchar, is_nullable::varchar,
    (CASE data_type WHEN 'jsonb' THEN 'super' WHEN 'bytea' THEN 'binary varying' ELSE data_type END)::varchar
      AS data_type,
    character_maximum_length::int, numeric_precision::int, numeric_precision_radix::int, numeric_scale::int,
    datetime_precision::int, interval_type::varchar, interval_precision::varchar,
    col_description(format('%I.%I', table_schema, table_name)::regclass, ordinal_position::int)::varchar AS remarks
  FROM information_schema.columns;
CREATE VIEW pg_catalog.svv_table_info AS
  SELECT n.nspname::varchar AS "schema", c.relname::varchar AS "table", c.reltuples::numeric(38, 0) AS tbl_rows
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.reltuples >= 0;
GRANT SELECT ON pg_catalog.svv_tables, pg_catalog.svv_columns, pg_catalog.svv_table_info TO PUBLIC;
CREATE FUNCTION pg_catalog.listagg_step(text, text, text) RETURNS text LANGUAGE sql IMMUTABLE
  AS 'SELECT coalesce($1 || $3, '''') || $2';
CREATE AGGREGATE pg_catalog.listagg(text, text) (sfunc = pg_catalog.listagg_step, stype = text);
CREATE FUNCTION pg_catalog.serialize_json(jsonb) RETURNS varchar LANGUAGE sql IMMUTABLE AS 'SELECT $1::varchar';
CREATE OR REPLACE FUNCTION pg_catalog.regexp_replace(string text, pattern text, replacement text) RETURNS text
  LANGUAGE sql IMMUTABLE
  AS 'SELECT pg_catalog.regexp_replace($1, $2, $3, ''g'')';  -- Redshift replaces all that it finds
CREATE FUNCTION pg_catalog.json_parse(text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS 'SELECT $1::jsonb';
CREATE FUNCTION pg_catalog.from_varbyte(bytea, varchar) RETURNS varchar LANGUAGE sql IMMUTABLE
  AS 'SELECT encode($1, $2)::varchar';
CREATE FUNCTION pg_catalog.to_varbyte(varchar, varchar) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT decode($1, $2)';
CREATE FUNCTION pg_catalog.to_hex(bytea) RETURNS varchar LANGUAGE sql IMMUTABLE
  AS 'SELECT encode($1, ''hex'')::varchar';
CREATE FUNCTION pg_catalog.fnv_hash(float8) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT hashfloat8extended($1, 0)';
RESET allow_system_table_mods;
"""


def make_catalog(admin: psycopg.Connection) -> None:
    """Make what Redshift has and Postgres has not, in the database of this connection."""
    admin.execute(_VIEWS)
