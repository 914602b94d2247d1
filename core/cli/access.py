"""`access accept`: let the person who asked into the guided setup (W3)."""

from __future__ import annotations

import argparse

from core.cli.output import DONE, open_for, print_json
from core.workspaces.workspace import accept_access, get_workspace_info, request_access


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("access", help="who may use the guided setup", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, run, text in (
        ("show", show, "say how far the request has come"),
        ("request", request, "ask for access"),
        ("accept", accept, "accept the request"),
    ):
        verb = verbs.add_parser(name, parents=[shared], help=text)
        verb.set_defaults(run=run)


def show(args: argparse.Namespace) -> int:
    """Print the state."""
    access = get_workspace_info(open_for(args)).access
    _print(args, str(access))
    return DONE


def request(args: argparse.Namespace) -> int:
    """Ask for access."""
    _print(args, str(request_access(open_for(args)).access))
    return DONE


def accept(args: argparse.Namespace) -> int:
    """Accept the request."""
    _print(args, str(accept_access(open_for(args)).access))
    return DONE


def _print(args: argparse.Namespace, access: str) -> None:
    if args.json:
        print_json({"access": access})
    else:
        print(f"access: {access}")
