"""`events search`: messages of the event log, newest first."""

from __future__ import annotations

import argparse

import orjson

from core.cli.output import DONE, open_for, print_json_lines, print_table
from core.clock import to_iso
from core.events.event_log import open_event_log


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("events", help="look into the event log", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("search", parents=[shared], help="messages that hold a text")
    verb.add_argument("--source", default=None, help="only messages of this source (id)")
    verb.add_argument("--text", default=None, help="words of the message, the last one may be cut short")
    verb.add_argument("--type", default=None, help="identify, track, page, screen, group or alias")
    verb.add_argument("--limit", type=int, default=100)
    verb.set_defaults(run=search)


def search(args: argparse.Namespace) -> int:
    """Print the newest messages that match."""
    found = open_event_log(open_for(args)).search(
        text=args.text, source_id=args.source, type=args.type, limit=args.limit
    )
    if args.json:
        print_json_lines(
            {
                "offset": event.offset,
                "source_id": event.source_id,
                "received_at": to_iso(event.received_at),
                "message": orjson.loads(event.body),
            }
            for event in found
        )
    else:
        rows = [
            (event.offset, to_iso(event.received_at), event.type, event.name, event.user_id, event.source_id)
            for event in found
        ]
        print_table(("offset", "received", "type", "event", "user", "source"), rows)
    return DONE
