"""`spaces list|create|rename|connect|import-rules`: the containers of profiles, two at most."""

from __future__ import annotations

import argparse

from core.cli import event_filters
from core.cli.output import DONE, open_for, print_json, print_json_lines, print_table
from core.cli.space_option import find_space
from core.identity.rules import add_recommended_identifiers, import_rules, list_rules
from core.profiles.connections import connect_from_now, disconnect_source
from core.profiles.lookup import count_profiles
from core.setup.entitled import create_entitled_space
from core.sources.store import get_source, list_sources
from core.workspaces.spaces import SPACE_KINDS, Space, connect_source, list_connected_sources, list_spaces, rename_space
from core.workspaces.workspace import Workspace


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("spaces", help="where profiles live", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("list", parents=[shared], help="all spaces, with their sources and how many profiles")
    verb.set_defaults(run=show)
    verb = verbs.add_parser("create", parents=[shared], help="make a space")
    verb.add_argument("--name", required=True)
    verb.add_argument("--kind", choices=SPACE_KINDS, default="dev")
    rules = verb.add_mutually_exclusive_group()
    rules.add_argument("--rules-from", metavar="SPACE", help="start with the identity rules of this space")
    rules.add_argument(
        "--recommended-rules", action="store_true", help="start with user id, e-mail, anonymous id, phone"
    )
    verb.set_defaults(run=create)
    verb = verbs.add_parser("rename", parents=[shared], help="another name; the slug stays")
    verb.add_argument("space", metavar="SPACE", help="id, slug or name")
    verb.add_argument("--name", required=True)
    verb.set_defaults(run=rename)
    verb = verbs.add_parser("connect", parents=[shared], help="let a space read a source, from its first message on")
    verb.add_argument("space", metavar="SPACE", help="id, slug or name")
    verb.add_argument("--source", required=True, help="name, slug or id of the source")
    verb.add_argument("--from-now", action="store_true", help="without what came while it was disconnected")
    verb.set_defaults(run=connect)
    verb = verbs.add_parser("disconnect", parents=[shared], help="read no more of a source; what it brought stays")
    verb.add_argument("space", metavar="SPACE", help="id, slug or name")
    verb.add_argument("--source", required=True, help="name, slug or id of the source")
    verb.set_defaults(run=disconnect)
    event_filters.add_parser(verbs, shared)
    verb = verbs.add_parser("import-rules", parents=[shared], help="take over the identity rules of another space")
    verb.add_argument("space", metavar="SPACE", help="id, slug or name of the space that gets them")
    verb.add_argument("--from", dest="from_space", metavar="SPACE", required=True)
    verb.set_defaults(run=take_rules)


def show(args: argparse.Namespace) -> int:
    """Print the spaces."""
    workspace = open_for(args)
    names = {source.id: source.name for source in list_sources(workspace)}
    found = [_describe(workspace, space, names, as_list=args.json) for space in list_spaces(workspace)]
    if args.json:
        print_json_lines(found)
    else:
        keys = ("id", "slug", "name", "kind", "profiles", "identifiers", "sources")
        print_table(keys, [[each[key] for key in keys] for each in found])
    return DONE


def create(args: argparse.Namespace) -> int:
    """Make a space, with the rules of another one if that is asked for."""
    workspace = open_for(args)
    rules_from = find_space(workspace, args.rules_from) if args.rules_from else None
    space = create_entitled_space(workspace, args.name, kind=args.kind)
    if rules_from is not None:
        import_rules(workspace, space.id, rules_from.id)
    if args.recommended_rules:
        add_recommended_identifiers(workspace, space.id)
    return _print(args, space)


def rename(args: argparse.Namespace) -> int:
    """Give a space another name."""
    workspace = open_for(args)
    return _print(args, rename_space(workspace, find_space(workspace, args.space).id, args.name))


def connect(args: argparse.Namespace) -> int:
    """Connect a source; its history is read as well, or what comes from now on where it was disconnected."""
    workspace = open_for(args)
    space, source = find_space(workspace, args.space), get_source(workspace, args.source)
    (connect_from_now if args.from_now else connect_source)(workspace, space.id, source.id)
    return _print(args, space)


def disconnect(args: argparse.Namespace) -> int:
    """Disconnect a source."""
    workspace = open_for(args)
    space, source = find_space(workspace, args.space), get_source(workspace, args.source)
    disconnect_source(workspace, space.id, source.id)
    return _print(args, space)


def take_rules(args: argparse.Namespace) -> int:
    """Import identity rules."""
    workspace = open_for(args)
    space, other = find_space(workspace, args.space), find_space(workspace, args.from_space)
    rules = import_rules(workspace, space.id, other.id)
    if args.json:
        print_json({"space": space.slug, "from": other.slug, "identifiers": [rule.type for rule in rules]})
    else:
        print(f"{space.name} has the identity rules of {other.name}: {', '.join(rule.type for rule in rules)}")
    return DONE


def _print(args: argparse.Namespace, space: Space) -> int:
    if args.json:
        print_json({"id": space.id, "slug": space.slug, "name": space.name, "kind": space.kind})
    else:
        print(f"{space.name} ({space.slug}, {space.kind}): {space.id}")
    return DONE


def _describe(workspace: Workspace, space: Space, names: dict[str, str], *, as_list: bool) -> dict[str, object]:
    connected = sorted(names.get(source_id, source_id) for source_id in list_connected_sources(workspace, space.id))
    return {
        "id": space.id,
        "slug": space.slug,
        "name": space.name,
        "kind": space.kind,
        "profiles": count_profiles(workspace, space.id),
        "identifiers": len(list_rules(workspace, space.id)),
        "sources": connected if as_list else ", ".join(connected),
    }
