"""`privacy delete|suppress|unsuppress|list`: people who must be forgotten, or not heard any more.

A worker deletes; `--wait` does it here. What went where is in the receipt.
"""

from __future__ import annotations

import argparse
import time

from core.cli.output import DONE, FAILED, open_for, print_json, print_json_lines, print_table, say
from core.cli.space_option import add_space, find_space
from core.clock import to_iso
from core.errors import InvalidField
from core.privacy.job import NOT_DELETED, PLACES, SETTLING, carry_out
from core.privacy.regulation import (
    LABELS,
    Regulation,
    RegulationKind,
    RegulationStatus,
    list_regulations,
    request_regulation,
    retry_regulation,
)
from core.profiles.lookup import get_profile
from core.workspaces.suppression import list_suppressed
from core.workspaces.workspace import Workspace


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("privacy", help="delete and suppress people", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("delete", parents=[shared], help="delete people and suppress them")
    verb.add_argument("users", metavar="USER", nargs="*")
    verb.add_argument("--profile", metavar="TYPE:VALUE", help="a person by their profile, for one without a user id")
    verb.add_argument("--only", action="store_true", help="do not suppress: they may come again")
    verb.add_argument("--wait", action="store_true", help="delete here and now, and print the receipt")
    add_space(verb)
    verb.set_defaults(run=delete)
    for name, kind, text in (
        ("suppress", RegulationKind.SUPPRESS_ONLY, "drop what people send from now on"),
        ("unsuppress", RegulationKind.UNSUPPRESS, "take what people send again"),
    ):
        verb = verbs.add_parser(name, parents=[shared], help=text)
        verb.add_argument("users", metavar="USER", nargs="+")
        verb.set_defaults(run=change, kind=kind)
    verb = verbs.add_parser("retry", parents=[shared], help="carry out once more what has failed")
    verb.add_argument("id", metavar="ID", help="as `list` prints it")
    verb.set_defaults(run=retry)
    verb = verbs.add_parser("list", parents=[shared], help="what was asked for, with receipts, and who is suppressed")
    verb.set_defaults(run=show)


def delete(args: argparse.Namespace) -> int:
    """Ask for a deletion; with `--wait`, carry it out."""
    workspace = open_for(args)
    profiles: dict[str, list[str]] = {}
    if args.profile:
        if not args.only and not args.users:
            raise InvalidField(
                "A person without a user id cannot be suppressed.", hint="Add `--only`, or name the user id as well."
            )
        profile = get_profile(workspace, find_space(workspace, args.space).id, args.profile)
        profiles[profile.space_id] = [profile.id]
    kind = RegulationKind.DELETE_ONLY if args.only else RegulationKind.SUPPRESS_WITH_DELETE
    regulation = request_regulation(workspace, kind, args.users, profile_ids=profiles)
    if args.wait:
        say("Waiting until every process drops what the people send.")
        time.sleep(SETTLING.total_seconds())
        regulation = carry_out(workspace, regulation.id)
    return _print(args, regulation)


def change(args: argparse.Namespace) -> int:
    """Suppress people, or lift it."""
    return _print(args, request_regulation(open_for(args), args.kind, args.users))


def retry(args: argparse.Namespace) -> int:
    """Carry out once more what has failed."""
    workspace = open_for(args)
    retry_regulation(workspace, args.id)
    return _print(args, carry_out(workspace, args.id))


def show(args: argparse.Namespace) -> int:
    """Print the regulations and the suppressed users."""
    workspace = open_for(args)
    found = list_regulations(workspace)
    if args.json:
        print_json_lines([*map(_describe, found), *_describe_suppressed(workspace)])
        return DONE
    rows = [(each.id, LABELS[each.kind], each.status, to_iso(each.requested_at), _summarise(each)) for each in found]
    print_table(("id", "what", "status", "requested", "receipt"), rows)
    print()
    print_table(("suppressed user", "since"), [(user, to_iso(at)) for user, at in list_suppressed(workspace).items()])
    return DONE


def _print(args: argparse.Namespace, regulation: Regulation) -> int:
    if args.json:
        print_json(_describe(regulation))
    else:
        print(f"{regulation.id}  {LABELS[regulation.kind]}  {regulation.status}")
        for place, count in regulation.receipt.items():
            print(f"  {PLACES.get(place, place)}: {count:,}")
        if regulation.is_open:
            say("A worker does it: `python -m core worker`. `python -m core privacy list` shows how far it has come.")
        if regulation.kind.deletes:
            say(NOT_DELETED)
    return FAILED if regulation.status is RegulationStatus.FAILED else DONE


def _summarise(regulation: Regulation) -> str:
    return ", ".join(f"{PLACES.get(place, place)}: {count:,}" for place, count in regulation.receipt.items() if count)


def _describe(regulation: Regulation) -> dict[str, object]:
    return {
        "id": regulation.id,
        "kind": regulation.kind,
        "status": regulation.status,
        "prints": list(regulation.prints),
        "requested_at": to_iso(regulation.requested_at),
        "requested_by": regulation.requested_by,
        "finished_at": None if regulation.finished_at is None else to_iso(regulation.finished_at),
        "receipt": regulation.receipt,
        "error": regulation.error,
    }


def _describe_suppressed(workspace: Workspace) -> list[dict[str, object]]:
    return [{"suppressed": user, "since": to_iso(at)} for user, at in list_suppressed(workspace).items()]
