"""`warehouses list|create|change|test|guide`: embedded ones from files, hosted ones by their settings.

A secret never stands on the command line: `--secret password=env:PGPASSWORD` reads a variable of the environment,
`--secret private_key=@key.p8` a file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.connector_options import add_secrets, add_settings, naming_options, read_secrets, read_settings
from core.cli.output import BAD_USE, DONE, FAILED, open_for, print_json, print_json_lines, print_table, say
from core.setup.entitled import create_entitled_warehouse, save_entitled_warehouse
from core.warehouses.embedded import DEFINITION as EMBEDDED
from core.warehouses.registry import DEFINITIONS, check_connection, get_definition
from core.warehouses.store import change_settings, get_warehouse, list_warehouses


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("warehouses", help="where customer data lives", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("list", parents=[shared], help="all warehouses")
    verb.set_defaults(run=show)
    kinds = [definition.name for definition in DEFINITIONS]
    verb = verbs.add_parser(
        "create", parents=[shared], help="from CSV or Parquet files, or by the settings of a server"
    )
    verb.add_argument("--kind", default=EMBEDDED.name, choices=kinds)
    verb.add_argument("--name", required=True)
    verb.add_argument("--from", dest="files", nargs="+", default=[], metavar="FILE")
    add_settings(verb)
    add_secrets(verb)
    verb.set_defaults(run=create)
    verb = verbs.add_parser(
        "change", parents=[shared], help="other settings, or new credentials: tested before they are saved"
    )
    verb.add_argument("name", metavar="NAME", help="the warehouse's name or id")
    add_settings(verb)
    add_secrets(verb)
    verb.set_defaults(run=change)
    verb = verbs.add_parser("test", parents=[shared], help="connect, read the catalog, try to write")
    verb.add_argument("name", metavar="NAME", help="the warehouse's name or id")
    verb.set_defaults(run=test)
    verb = verbs.add_parser("guide", parents=[shared], help="what the owner of a warehouse runs once")
    verb.add_argument("--kind", required=True, choices=kinds)
    add_settings(verb)
    verb.set_defaults(run=guide)


def show(args: argparse.Namespace) -> int:
    """Print the warehouses."""
    found = list_warehouses(open_for(args))
    if args.json:
        print_json_lines({"id": item.id, "kind": item.kind, "name": item.name} for item in found)
    else:
        print_table(("id", "kind", "name"), [(item.id, item.kind, item.name) for item in found])
    return DONE


def create(args: argparse.Namespace) -> int:
    """Make a warehouse; of files, print its tables and what was noticed in them."""
    if args.kind != EMBEDDED.name:
        return _create_hosted(args)
    if args.settings or args.secrets:
        say("An embedded warehouse is made from files only; name the kind of a server with --kind.")
        return BAD_USE
    paths = [Path(name) for name in args.files]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing or not paths:
        say(f"There is no file {missing[0]}." if missing else "Name the files to read with --from FILE.")
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


def _create_hosted(args: argparse.Namespace) -> int:
    if args.files:
        say("Files make an embedded warehouse only; leave --kind out.")
        return BAD_USE
    definition = get_definition(args.kind)
    settings, secrets = read_settings(definition, args.settings), read_secrets(definition, args.secrets)
    workspace = open_for(args)
    say("Testing the connection …")
    with naming_options(definition):
        record = save_entitled_warehouse(workspace, kind=args.kind, name=args.name, settings=settings, secrets=secrets)
    if args.json:
        print_json({"id": record.id, "name": record.name, "settings": record.settings})
    else:
        print(f"{record.name} ({record.id})")
    return DONE


def change(args: argparse.Namespace) -> int:
    """Change settings or credentials; what is not named keeps its value."""
    workspace = open_for(args)
    record = get_warehouse(workspace, args.name)
    definition = get_definition(record.kind)
    settings, secrets = read_settings(definition, args.settings), read_secrets(definition, args.secrets)
    say("Testing the connection …")
    with naming_options(definition):
        changed = change_settings(workspace, record.id, settings={**record.settings, **settings}, secrets=secrets)
    if args.json:
        print_json({"id": changed.id, "name": changed.name, "settings": changed.settings})
    else:
        print(f"{changed.name} ({changed.id}) is changed")
    return DONE


def test(args: argparse.Namespace) -> int:
    """Test the connection and print what was found."""
    workspace = open_for(args)
    report = check_connection(workspace, get_warehouse(workspace, args.name).id)
    if args.json:
        errors = {"error": report.error, "write_error": report.write_error}
        print_json(
            {
                "ok": report.ok,
                "can_read": report.can_read,
                "can_write": report.can_write,
                "took_ms": report.took_ms,
                "detail": report.detail,
                **{name: error.to_dict() for name, error in errors.items() if error is not None},
            }
        )
    else:
        print(report.detail)
        if report.write_error is not None:
            print(f"State is kept beside the workspace: {report.write_error}")
    return DONE if report.ok else FAILED


def guide(args: argparse.Namespace) -> int:
    """Print what the owner of the warehouse runs once."""
    definition = get_definition(args.kind)
    guides = definition.write_guide(read_settings(definition, args.settings)) if definition.write_guide else ()
    if args.json:
        print_json_lines({"title": item.title, "language": item.language, "text": item.text} for item in guides)
        return DONE
    for item in guides:
        print(f"-- {item.title}\n{item.text.rstrip()}\n" if item.language == "sql" else f"# {item.title}\n{item.text}")
    if not guides:
        print(f"{definition.label}: nothing has to be set up.")
    return DONE
