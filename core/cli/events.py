"""`events search`, `events replay`: what came, accepted or refused, and the way back for what was refused."""

from __future__ import annotations

import argparse

import orjson

from core.cli.output import DONE, open_for, print_json, print_json_lines, print_table
from core.cli.text_file import read_text_file
from core.cli.whole_number import whole_number
from core.clock import to_iso
from core.errors import NotFound
from core.events.event_log import EventLog, StoredEvent, open_event_log
from core.events.received import Admission, Received, Wanted, read_top, search_received
from core.events.replay import replay
from core.sources.store import get_source
from core.workspaces.workspace import Workspace


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the commands."""
    parser = commands.add_parser("events", help="look into the event log", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("search", parents=[shared], help="events that hold a text, newest first")
    verb.add_argument("--source", default=None, help="only events of this source: name, slug or id")
    verb.add_argument("--text", default=None, help="words of the event, the last one may be cut short")
    verb.add_argument("--type", default=None, help="identify, track, page, screen, group or alias")
    verb.add_argument("--user", default=None, help="only events with this userId")
    verb.add_argument("--code", default=None, help="only events that were refused with this code")
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--accepted", action="store_true", help="only accepted events")
    which.add_argument("--refused", action="store_true", help="only refused events")
    verb.add_argument("--limit", type=whole_number, default=100)
    verb.set_defaults(run=search)
    verb = verbs.add_parser("replay", parents=[shared], help="take a refused event once more")
    verb.add_argument("number", type=whole_number, help="its number, as events search --refused prints it")
    verb.add_argument("--file", default=None, help="the event, mended, as JSON")
    verb.add_argument("--source", default=None, help="the source it counts for, where none was known: name, slug or id")
    verb.set_defaults(run=replay_one)


def search(args: argparse.Namespace) -> int:
    """Print the newest events that match."""
    workspace = open_for(args)
    log = open_event_log(workspace)
    admission = Admission.REFUSED if args.refused else Admission.ACCEPTED if args.accepted else None
    wanted = Wanted(args.text, _find_source_id(workspace, log, args.source), args.type, args.user, admission, args.code)
    found = search_received(log, wanted, before=read_top(log), limit=args.limit).events
    if args.json:
        print_json_lines(_describe(event) for event in found)
    else:
        head = ("offset", "received", "type", "event", "user", "source", "state")
        print_table(head, [_list_cells(event) for event in found])
    return DONE


def replay_one(args: argparse.Namespace) -> int:
    """Take a refused event once more, and print what it became."""
    text = None if args.file is None else read_text_file(args.file, hint="Name a file with one event as JSON.")
    workspace = open_for(args)
    source_id = None if args.source is None else get_source(workspace, args.source).id
    done = replay(workspace, args.number, text, source_id=source_id)
    if args.json:
        print_json({"refused": args.number, "offset": done.offset, "is_new": done.is_new})
    else:
        print(f"message #{done.offset}" if done.is_new else f"message #{done.offset}, which the log had already")
    return DONE


def _find_source_id(workspace: Workspace, log: EventLog, name: str | None) -> str | None:
    if name is None:
        return None
    try:
        return get_source(workspace, name).id
    except NotFound:
        if name in log.count_by_source():
            return name  # deleted: its events stay
        raise


def _describe(event: Received) -> dict[str, object]:
    about = {"source_id": event.source_id, "received_at": to_iso(event.received_at)}
    if isinstance(event, StoredEvent):
        return {"offset": event.offset, **about, "message": orjson.loads(event.body)}
    try:
        message = orjson.loads(event.body)
    except orjson.JSONDecodeError:
        message = event.body.decode(errors="replace")
    return {
        "refused": event.number,
        "code": event.code,
        "reason": event.reason,
        "replayed_as": event.replayed_as,
        **about,
        "message": message,
    }


def _list_cells(event: Received) -> tuple[object, ...]:
    name = event.offset if isinstance(event, StoredEvent) else f"refused {event.number}"
    at = to_iso(event.received_at)
    return (name, at, event.type, event.name, event.user_id, event.source_id or "unknown", _judge(event))


def _judge(event: Received) -> str:
    if isinstance(event, StoredEvent):
        return "accepted"
    return event.code if event.replayed_as is None else f"{event.code}, replayed as {event.replayed_as}"
