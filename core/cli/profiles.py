"""Unified profiles: one of them with what is behind it, search, merges and their undo, a rebuild of all."""

from __future__ import annotations

import argparse

from core.building import build_space
from core.cli import profile_merges
from core.cli.output import DONE, open_for, print_json, print_json_lines, print_table, say
from core.cli.space_option import add_space, find_space
from core.clock import to_iso
from core.profiles.build import rebuild
from core.profiles.list_deleted import list_deleted_identifiers
from core.profiles.lookup import get_profile
from core.profiles.search import search_profiles
from core.storage.lease import WORKER_WAIT_S
from core.workspaces.spaces import list_spaces


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("profiles", help="unified profiles", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("get", parents=[shared], help="identifiers, traits with origin, merges")
    verb.add_argument("who", metavar="TYPE:VALUE", help="for example email:ada@example.org, or a profile id")
    add_space(verb)
    verb.set_defaults(run=get)
    verb = verbs.add_parser("search", parents=[shared], help="by any identifier or trait")
    verb.add_argument("text", metavar="TEXT")
    add_space(verb)
    verb.set_defaults(run=search)
    verb = verbs.add_parser("deleted-identifiers", parents=[shared], help="what was deleted, when, with which token")
    verb.add_argument("who", metavar="TYPE:VALUE", nargs="?", help="of one person; of the space without it")
    add_space(verb)
    verb.set_defaults(run=show_deleted)
    verb = verbs.add_parser("rebuild", parents=[shared], help="build all profiles again from the event log")
    verb.set_defaults(run=rebuild_all)
    profile_merges.add_verbs(verbs, shared)


def get(args: argparse.Namespace) -> int:
    """Print one profile."""
    workspace = open_for(args)
    found = get_profile(workspace, find_space(workspace, args.space).id, args.who)
    document = {
        "id": found.id,
        "created_at": to_iso(found.created_at),
        "updated_at": to_iso(found.updated_at),
        "identifiers": [{"type": item.type, "value": item.value} for item in found.identifiers],
        "traits": {
            item.key: {"value": item.value, "updated_at": to_iso(item.updated_at), "origin": item.origin.sentence}
            for item in found.traits
        },
        "merges": [item.sentence for item in found.merges],
    }
    if args.json:
        print_json(document)
        return DONE
    print(found.id)
    print_table(("identifier", "value"), [(item.type, item.value) for item in found.identifiers])
    print()
    print_table(("trait", "value", "from"), [(item.key, item.value, item.origin.sentence) for item in found.traits])
    for merge in found.merges:
        print(merge.sentence)
    return DONE


def search(args: argparse.Namespace) -> int:
    """Print the profiles that match."""
    workspace = open_for(args)
    found = search_profiles(workspace, find_space(workspace, args.space).id, args.text)
    if args.json:
        print_json_lines({"id": item.id, "title": item.title, "subtitle": item.subtitle} for item in found.people)
    else:
        print_table(("id", "name", ""), [(item.id, item.title, item.subtitle) for item in found.people])
    if found.waiting:
        say(f"{found.waiting:,} profiles were not looked at: `python -m core worker` puts them into the search index.")
    if found.is_partial:
        say("Only the newest profiles were looked at: the text is very short or very common.")
    return DONE


def show_deleted(args: argparse.Namespace) -> int:
    """Print the identifiers that were deleted."""
    workspace = open_for(args)
    space_id = find_space(workspace, args.space).id
    profile_id = get_profile(workspace, space_id, args.who).id if args.who else None
    rows = [
        {
            "type": each.type,
            "value": each.value,
            "profile_id": each.profile_id,
            "deleted_at": to_iso(each.deleted_at),
            "deleted_by": each.deleted_by,
        }
        for each in list_deleted_identifiers(workspace, space_id, profile_id)
    ]
    if args.json:
        print_json_lines(rows)
    else:
        head = ("type", "value", "profile_id", "deleted_at", "deleted_by")
        print_table(head, [[row[column] for column in head] for row in rows])
    return DONE


def rebuild_all(args: argparse.Namespace) -> int:
    """Build all profiles again from the event log; their ids stay the same, and until the end they can be read."""
    workspace = open_for(args)
    spaces = list_spaces(workspace)
    if not spaces:
        say("There is no space yet, so there are no profiles. The guided setup makes the first one.")
    for space in spaces:
        rebuild(workspace, space.id)
        report = build_space(
            workspace, space.id, progress=lambda report: say(f"{report.read:,} messages"), wait_s=WORKER_WAIT_S
        )
        counts = {"messages": report.read, "profiles": report.profiles_created, "merges": report.merges}
        if args.json:
            print_json_lines([{"space": space.name, **counts}])
        else:
            print(f"{space.name}: {', '.join(f'{count:,} {word}' for word, count in counts.items())}")
    return DONE
