"""`sources list|create|change`: what sends messages, with the settings and secrets that its kind has.

A secret never stands on the command line: `--secret auth_token=env:TWILIO_AUTH_TOKEN` reads a variable of the
environment, `--secret auth_token=@token.txt` a file.
"""

from __future__ import annotations

import argparse

from core.cli.connector_options import add_secrets, add_settings, naming_options, read_secrets, read_settings
from core.cli.output import BAD_USE, DONE, open_for, print_json, print_json_lines, print_table, say
from core.setup.entitled import create_entitled_source
from core.sources.change import change_source
from core.sources.registry import get_definition
from core.sources.store import get_source, list_sources


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("sources", help="where messages come from", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("list", parents=[shared], help="all sources")
    verb.set_defaults(run=show)
    verb = verbs.add_parser("create", parents=[shared], help="make a source")
    verb.add_argument("--kind", required=True)
    verb.add_argument("--name", required=True)
    add_settings(verb)
    add_secrets(verb)
    verb.set_defaults(run=create)
    verb = verbs.add_parser("change", parents=[shared], help="other settings or secrets; the write key stays")
    verb.add_argument("name", metavar="NAME", help="the source's name, slug or id")
    add_settings(verb)
    add_secrets(verb)
    verb.set_defaults(run=change)


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
    definition = get_definition(args.kind)
    settings, secrets = read_settings(definition, args.settings), read_secrets(definition, args.secrets)
    workspace = open_for(args)
    with naming_options(definition):
        source = create_entitled_source(workspace, kind=args.kind, name=args.name, settings=settings, secrets=secrets)
    if args.json:
        print_json({"id": source.id, "write_key": source.write_key, "settings": source.settings})
    else:
        print(f"id: {source.id}\nwrite key: {source.write_key}")
    return DONE


def change(args: argparse.Namespace) -> int:
    """Change settings or secrets; what is not named keeps its value."""
    if not args.settings and not args.secrets:
        say("Name what to change with --set or --secret.")
        return BAD_USE
    workspace = open_for(args)
    source = get_source(workspace, args.name)
    definition = get_definition(source.kind)
    settings, secrets = read_settings(definition, args.settings), read_secrets(definition, args.secrets)
    with naming_options(definition):
        changed = change_source(workspace, source.id, settings=settings, secrets=secrets)
    if args.json:
        print_json({"id": changed.id, "name": changed.name, "settings": changed.settings})
    else:
        print(f"{changed.name} ({changed.id}) is changed")
    return DONE
