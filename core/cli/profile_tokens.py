"""`profile-tokens create|list|revoke`: what other programs read profiles with.

A token opens the profiles of one space. It is printed once, when it is made; the store keeps its hash.
"""

from __future__ import annotations

import argparse

from core.cli.output import DONE, open_for, print_json, print_json_lines, print_table, say
from core.cli.space_option import add_space, find_space
from core.clock import to_iso
from core.workspaces.profile_tokens import ProfileToken, create_token, list_tokens, revoke_token


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("profile-tokens", help="access to the Profile API", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("create", parents=[shared], help="make a token and print it, once")
    verb.add_argument("--name", required=True, help="the program that will use it")
    verb.add_argument("--may-delete", action="store_true", help="it may delete identifiers from profiles, too")
    add_space(verb)
    verb.set_defaults(run=create)
    verb = verbs.add_parser("list", parents=[shared], help="the space's tokens, revoked ones included")
    add_space(verb)
    verb.set_defaults(run=show)
    verb = verbs.add_parser("revoke", parents=[shared], help="refuse a token from now on")
    verb.add_argument("id", metavar="ID", help="as `list` prints it")
    verb.set_defaults(run=revoke)


def create(args: argparse.Namespace) -> int:
    """Make a token and print it."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    made = create_token(workspace, space.id, args.name, may_delete=args.may_delete)
    if args.json:
        print_json({"id": made.token.id, "space_id": space.id, "token": made.text})
        return DONE
    print(f"id: {made.token.id}\nspace: {space.id}\ntoken: {made.text}")
    say("Keep the token now: it is not shown again.")
    return DONE


def show(args: argparse.Namespace) -> int:
    """Print the tokens."""
    workspace = open_for(args)
    found = list_tokens(workspace, find_space(workspace, args.space).id)
    if args.json:
        print_json_lines(_describe(token) for token in found)
    else:
        rows = [(each.id, each.name, f"…{each.last_chars}", _say_state(each)) for each in found]
        print_table(("id", "name", "token", "state"), rows)
    return DONE


def revoke(args: argparse.Namespace) -> int:
    """Revoke a token."""
    token = revoke_token(open_for(args), args.id)
    if args.json:
        print_json(_describe(token))
    else:
        print(f"{token.name} ({token.id}) is revoked")
    return DONE


def _describe(token: ProfileToken) -> dict[str, object]:
    return {
        "id": token.id,
        "space_id": token.space_id,
        "name": token.name,
        "last_chars": token.last_chars,
        "may_delete": token.may_delete,
        "created_at": to_iso(token.created_at),
        "revoked_at": None if token.revoked_at is None else to_iso(token.revoked_at),
    }


def _say_state(token: ProfileToken) -> str:
    valid = "valid, may delete identifiers" if token.may_delete else "valid"
    return valid if token.revoked_at is None else f"revoked {to_iso(token.revoked_at)}"
