"""`demo-phone`: an app without an app, for a demo: views screens as Segment's mobile libraries send them."""

from __future__ import annotations

import argparse

from core.cli.output import DONE, open_for, print_json_lines, print_table
from core.samples.demo_phone import SCREENS
from core.samples.demo_phone_upload import use_demo_phone
from core.sources.store import get_source


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo-phone", parents=[shared], help="a demo app views screens, on this machine only", description=__doc__
    )
    parser.add_argument("--source", required=True, help="the Swift or Kotlin source, by name or id")
    parser.add_argument("--address", default="http://localhost:8501", help="where Onramp is served on this machine")
    parser.add_argument("--screens", type=int, default=2, choices=range(1, len(SCREENS) + 1), help="how many (2)")
    parser.add_argument("--email", default=None, help="who signs in at the end; nobody without it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send one use of the app and print what it sent."""
    workspace = open_for(args)
    source = get_source(workspace, args.source)
    screens = SCREENS[: args.screens]
    sent = use_demo_phone(source, args.address, now=workspace.now(), screens=screens, email=args.email)
    if args.json:
        print_json_lines(sent)
    else:
        rows = [(call["timestamp"], call["type"], call.get("event") or call.get("name")) for call in sent]
        print_table(("timestamp", "type", "name"), rows)
    return DONE
