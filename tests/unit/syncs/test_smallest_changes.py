"""The smallest change of each type is seen by the comparison inside, on each engine."""

from __future__ import annotations

import orjson
import pytest

from core.events.event_log import open_event_log
from core.syncs.engine import execute_run
from core.syncs.run import SyncRun, request_run
from core.workspaces.workspace import Workspace
from tests.crm import sync_columns
from tests.engines import ENGINES, Engine, open_engine

# column, type, value, value that differs as little as it can; all in the engine's words
CASES = {
    "postgres": (
        ("t", "text", "'1'", "'1 '"),
        ("note", "text", "NULL", "''"),
        ("n", "numeric", "1234567890123456789012345678901234567890.5", "1234567890123456789012345678901234567890.6"),
        ("i", "bigint", "9223372036854775806", "9223372036854775807"),
        ("f", "double precision", "0.1", "0.10000000000000002"),
        ("b", "boolean", "true", "false"),
        ("d", "date", "'1931-07-04'", "'1931-07-05'"),
        ("s", "timestamp", "'1969-12-31 23:59:59.999998'", "'1969-12-31 23:59:59.999999'"),
        ("z", "timestamptz", "'2024-03-31 01:00:00.000001Z'", "'2024-03-31 01:00:00.000002Z'"),
        ("j", "jsonb", """'{"a": 1}'""", """'{"a": "1"}'"""),
        ("y", "bytea", r"'\x00'", r"'\x0000'"),
        ("c", "bpchar", "'a'", "'a '"),
        ("a", "text[]", "'{NULL}'", """'{"NULL"}'"""),
        ("net", "inet", "'10.0.0.1'", "'10.0.0.1/31'"),
    ),
    "redshift": (
        ("t", "VARCHAR(20)", "'1'", "'1 '"),
        ("note", "VARCHAR(20)", "NULL", "''"),
        ("n", "NUMERIC(38,9)", "12345678901234567890.000000001", "12345678901234567890.000000002"),
        ("i", "BIGINT", "9223372036854775806", "9223372036854775807"),
        ("f", "DOUBLE PRECISION", "0.1", "0.10000000000000002"),
        ("b", "BOOLEAN", "TRUE", "FALSE"),
        ("d", "DATE", "'1931-07-04'", "'1931-07-05'"),
        ("s", "TIMESTAMP", "'1969-12-31 23:59:59.999998'", "'1969-12-31 23:59:59.999999'"),
        ("z", "TIMESTAMPTZ", "'2024-03-31 01:00:00.000001Z'", "'2024-03-31 01:00:00.000002Z'"),
        ("y", "VARBYTE", "to_varbyte('00', 'hex')", "to_varbyte('0000', 'hex')"),
    ),
    "snowflake": (
        ("t", "VARCHAR", "'1'", "'1 '"),
        ("note", "VARCHAR", "NULL", "''"),
        ("n", "NUMBER(38,9)", "12345678901234567890.000000001", "12345678901234567890.000000002"),
        ("i", "NUMBER(18,0)", "999999999999999998", "999999999999999999"),
        ("f", "FLOAT", "0.1", "0.10000000000000002"),
        ("b", "BOOLEAN", "TRUE", "FALSE"),
        ("d", "DATE", "'1931-07-04'::DATE", "'1931-07-05'::DATE"),
        ("s", "TIMESTAMP_NTZ", "'1969-12-31 23:59:59.999998'::TIMESTAMP", "'1969-12-31 23:59:59.999999'::TIMESTAMP"),
        ("z", "TIMESTAMP_TZ", "'2024-03-31 01:00:00'::TIMESTAMP_TZ", "'2024-03-31 01:00:00.000001'::TIMESTAMP_TZ"),
        ("j", "VARIANT", """PARSE_JSON('1')""", """PARSE_JSON('"1"')"""),
        ("y", "BINARY", "TO_BINARY('00', 'HEX')", "TO_BINARY('0000', 'HEX')"),
    ),
    "bigquery": (
        ("t", "STRING", "'1'", "'1 '"),
        ("note", "STRING", "NULL", "''"),
        ("n", "NUMERIC", "NUMERIC '123456789012345.001'", "NUMERIC '123456789012345.002'"),  # all the emulator keeps
        ("i", "INT64", "9223372036854775806", "9223372036854775807"),
        ("f", "FLOAT64", "0.1", "0.10000000000000002"),
        ("b", "BOOL", "TRUE", "FALSE"),
        ("d", "DATE", "DATE '1931-07-04'", "DATE '1931-07-05'"),
        ("s", "DATETIME", "DATETIME '1969-12-31 23:59:59.999998'", "DATETIME '1969-12-31 23:59:59.999999'"),
        ("z", "TIMESTAMP", "TIMESTAMP '2024-03-31 01:00:00.000001+00'", "TIMESTAMP '2024-03-31 01:00:00.000002+00'"),
        ("j", "JSON", """JSON '{"a": 1}'""", """JSON '{"a": "1"}'"""),
        ("y", "BYTES", "FROM_HEX('00')", "FROM_HEX('0000')"),
    ),
}  # fmt: skip
KEYS = {"postgres": "int", "redshift": "int", "snowflake": "NUMBER(38,0)", "bigquery": "INT64"}


@pytest.mark.parametrize("kind", ENGINES)
def test_the_smallest_change_of_each_type_is_seen_inside(
    kind: str, request: pytest.FixtureRequest, workspace: Workspace
) -> None:
    """A row for each type, of which nothing else changes, and one that does not change."""
    with open_engine(kind, request) as engine:
        cases = CASES[kind]
        columns = ", ".join(f"{name} {type_}" for name, type_, _, _ in cases)
        engine.run(f"CREATE TABLE crm.kinds (id {KEYS[kind]}, {columns})")
        names, count = [name for name, _, _, _ in cases], len(cases)
        engine.run(f"INSERT INTO crm.kinds SELECT {count}, {', '.join(value for _, _, value, _ in cases)}")
        copies = (f"SELECT {key}, {', '.join(names)} FROM crm.kinds" for key in range(count))
        engine.run(f"INSERT INTO crm.kinds {' UNION ALL '.join(copies)}")
        sync_id = _make_sync(workspace, engine, names)
        assert _run(workspace, sync_id).sheet.added == count + 1
        assert _run(workspace, sync_id).progress["extracted"] == 0
        changes = (
            f"{name} = CASE WHEN id = {key} THEN {changed} ELSE {name} END"
            for key, (name, _, _, changed) in enumerate(cases)
        )
        engine.run(f"UPDATE crm.kinds SET {', '.join(changes)} WHERE id < {count}")
        run = _run(workspace, sync_id)
        sent = [orjson.loads(event.body)["userId"] for event in open_event_log(workspace).read(count + 1, 1_000)]
        assert {names[int(key)] for key in sent} == set(names)
        assert (run.sheet.updated, run.progress["extracted"]) == (count, count)
        assert _run(workspace, sync_id).progress["extracted"] == 0


def test_a_super_is_not_compared_inside_and_its_smallest_change_is_seen_here(
    request: pytest.FixtureRequest, workspace: Workspace
) -> None:
    with open_engine("redshift", request) as engine:
        engine.run("CREATE TABLE crm.kinds (id int, j SUPER)")
        engine.run("""INSERT INTO crm.kinds SELECT 1, json_parse('{"a": 1}')""")
        sync_id = _make_sync(workspace, engine, ["j"])
        assert _run(workspace, sync_id).sheet.added == 1
        again = _run(workspace, sync_id)
        assert (again.sheet.unchanged, again.progress["extracted"]) == (1, 1)
        engine.run("""UPDATE crm.kinds SET j = json_parse('{"a": "1"}') WHERE id = 1""")
        assert _run(workspace, sync_id).sheet.updated == 1


def _make_sync(workspace: Workspace, engine: Engine, names: list[str]) -> str:
    selected = ", ".join(f"{name} AS {engine.quote(name)}" for name in ("id", *names))
    return sync_columns(workspace, engine, f"SELECT {selected} FROM crm.kinds", ["id", *names]).id


def _run(workspace: Workspace, sync_id: str) -> SyncRun:
    return execute_run(workspace, request_run(workspace, sync_id).id)
