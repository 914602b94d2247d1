"""`sql-models check`, `sql-models preview`."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.output import BAD_USE, DONE, FAILED, open_for, print_json, print_json_lines, print_table, say
from core.errors import CoreError
from core.records import read_values
from core.sql_models.guard import check_query
from core.sql_models.preview import preview
from core.warehouses.registry import open_warehouse

DIALECTS = ("bigquery", "duckdb", "postgres", "redshift", "snowflake")
SHOWN_CHARS = 40


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("sql-models", help="check and try SQL models", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("check", parents=[shared], help="say whether the guard lets each file through")
    verb.add_argument("--dialect", required=True, choices=DIALECTS)
    verb.add_argument("files", nargs="+", metavar="FILE")
    verb.set_defaults(run=check)
    verb = verbs.add_parser("preview", parents=[shared], help="the first ten records of a query")
    verb.add_argument("--warehouse", required=True, help="id or name")
    verb.add_argument("file", metavar="FILE", help="a file that holds the query")
    verb.set_defaults(run=show)


def check(args: argparse.Namespace) -> int:
    """Print a line a file: `FILE accepted` or `FILE refused CODE`."""
    results = []
    for name in args.files:
        path = Path(name)
        if not path.is_file():
            say(f"There is no file {name}.")
            return BAD_USE
        try:
            check_query(path.read_text(encoding="utf-8", errors="replace"), args.dialect)
        except CoreError as error:
            results.append({"file": name, "accepted": False, "code": error.code, "message": str(error)})
        else:
            results.append({"file": name, "accepted": True})
    if args.json:
        print_json_lines(results)
    else:
        for result in results:
            print(f"{result['file']} accepted" if result["accepted"] else f"{result['file']} refused {result['code']}")
            if not result["accepted"]:
                say(str(result["message"]))
    return DONE if all(result["accepted"] for result in results) else FAILED


def show(args: argparse.Namespace) -> int:
    """Print the first ten records."""
    path = Path(args.file)
    if not path.is_file():
        say(f"There is no file {args.file}.")
        return BAD_USE
    with open_warehouse(open_for(args), args.warehouse) as warehouse:
        found = preview(warehouse, path.read_text(encoding="utf-8"))
    for warning in found.warnings:
        say(warning)
    names = [column.name for column in found.columns]
    rows = list(zip(*(read_values(column) for column in found.rows.columns), strict=True))
    if args.json:
        columns = [{"name": c.name, "type": c.type} for c in found.columns]
        print_json({"columns": columns, "rows": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        print_table(names, [[_shorten(value) for value in row] for row in rows])
    return DONE


def _shorten(value: object) -> str:
    text = "-" if value is None else " ".join(str(value).split())
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"
