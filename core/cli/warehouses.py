"""`warehouses list`, `warehouses create --kind duckdb --name NAME --from FILE...`."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.output import BAD_USE, DONE, open_for, print_json, print_json_lines, print_table, say
from core.setup.entitled import create_entitled_warehouse
from core.warehouses.store import list_warehouses


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("warehouses", help="where customer data lives", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("list", parents=[shared], help="all warehouses")
    verb.set_defaults(run=show)
    verb = verbs.add_parser("create", parents=[shared], help="make an embedded warehouse from CSV or Parquet files")
    verb.add_argument("--kind", default="duckdb", choices=("duckdb",))
    verb.add_argument("--name", required=True)
    verb.add_argument("--from", dest="files", nargs="+", required=True, metavar="FILE")
    verb.set_defaults(run=create)


def show(args: argparse.Namespace) -> int:
    """Print the warehouses."""
    found = list_warehouses(open_for(args))
    if args.json:
        print_json_lines({"id": item.id, "kind": item.kind, "name": item.name} for item in found)
    else:
        print_table(("id", "kind", "name"), [(item.id, item.kind, item.name) for item in found])
    return DONE


def create(args: argparse.Namespace) -> int:
    """Make a warehouse and print its tables and what was noticed in the files."""
    paths = [Path(name) for name in args.files]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        say(f"There is no file {missing[0]}.")
        return BAD_USE
    record, report = create_entitled_warehouse(open_for(args), args.name, paths)
    if args.json:
        tables = [
            {"name": item.name, "rows": item.rows, "encoding": item.encoding, "notes": list(item.notes)}
            for item in report.tables
        ]
        print_json({"id": record.id, "name": record.name, "tables": tables})
    else:
        print(f"{record.name} ({record.id})")
        for item in report.tables:
            print(f"  {item.name}: {item.rows:,} rows, {item.encoding}")
            for note in item.notes:
                print(f"    {note}")
    return DONE
