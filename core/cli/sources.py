"""`sources list`, `sources create`."""

from __future__ import annotations

import argparse

from core.cli.output import DONE, open_for, print_json, print_json_lines, print_table
from core.setup.entitled import create_entitled_source
from core.sources.store import list_sources


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("sources", help="where messages come from", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("list", parents=[shared], help="all sources")
    verb.set_defaults(run=show)
    verb = verbs.add_parser("create", parents=[shared], help="make a source")
    verb.add_argument("--kind", required=True)
    verb.add_argument("--name", required=True)
    verb.set_defaults(run=create)


def show(args: argparse.Namespace) -> int:
    """Print the sources."""
    found = list_sources(open_for(args))
    if args.json:
        print_json_lines(
            {"id": item.id, "kind": item.kind, "name": item.name, "slug": item.slug, "enabled": item.enabled}
            for item in found
        )
    else:
        rows = [(item.id, item.kind, item.name, "enabled" if item.enabled else "disabled") for item in found]
        print_table(("id", "kind", "name", "state"), rows)
    return DONE


def create(args: argparse.Namespace) -> int:
    """Make a source and print its id and write key."""
    source = create_entitled_source(open_for(args), kind=args.kind, name=args.name)
    if args.json:
        print_json({"id": source.id, "write_key": source.write_key})
    else:
        print(f"id: {source.id}\nwrite key: {source.write_key}")
    return DONE
