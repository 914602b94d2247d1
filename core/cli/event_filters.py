"""The event filters of a space: conditions in FQL; what meets one of them reaches no profile."""

from __future__ import annotations

import argparse

from core.cli.output import DONE, open_for, print_json, print_json_lines, print_table
from core.cli.space_option import add_space, find_space
from core.cli.whole_number import whole_number
from core.clock import to_iso
from core.profiles.event_filters import (
    TRIED_MESSAGES,
    EventFilter,
    FilterState,
    add_filter,
    list_filters,
    remove_filter,
    restore_filter,
    try_filter,
)

SAMPLES = 5


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the verbs below `spaces filters`."""
    parser = verbs.add_parser("filters", help="which events of its sources a space drops", description=__doc__)
    below = parser.add_subparsers(required=True, metavar="VERB")
    verb = below.add_parser("list", parents=[shared], help="the filters, with how many events each has dropped")
    verb.add_argument("--removed", action="store_true", help="those that were removed")
    verb.set_defaults(run=show)
    verb = below.add_parser("test", parents=[shared], help="what a filter would have dropped; changes nothing")
    verb.add_argument("query", metavar="FQL", help="such as: type = 'track' and event = 'Heartbeat'")
    verb.add_argument(
        "--newest", type=whole_number, default=TRIED_MESSAGES, help="messages of the log that are looked at"
    )
    verb.set_defaults(run=test)
    verb = below.add_parser("add", parents=[shared], help="drop the events that meet a condition, from now on")
    verb.add_argument("query", metavar="FQL")
    verb.add_argument("--name", default="", help="how people call it")
    verb.set_defaults(run=add)
    verb = below.add_parser("remove", parents=[shared], help="drop nothing more by it, from now on")
    verb.add_argument("filter", metavar="FILTER", help="id or name")
    verb.set_defaults(run=remove)
    verb = below.add_parser("restore", parents=[shared], help="let one that was removed drop again, from now on")
    verb.add_argument("filter", metavar="FILTER", help="id or name")
    verb.set_defaults(run=restore)
    for verb in below.choices.values():
        add_space(verb)


def show(args: argparse.Namespace) -> int:
    """Print the filters."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    found = list_filters(workspace, space.id, is_active=not args.removed)
    if args.json:
        print_json_lines(_describe(state) for state in found)
    else:
        rows = [(state.filter.id, state.filter.name, state.dropped, state.filter.query) for state in found]
        print_table(("id", "name", "dropped", "condition"), rows)
    return DONE


def test(args: argparse.Namespace) -> int:
    """Print how many of the newest messages a filter would have dropped, and some of them."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    trial = try_filter(workspace, space.id, args.query, newest=args.newest)
    shown = [
        {"offset": event.offset, "received_at": to_iso(event.received_at), "type": event.type, "name": event.name}
        for event in trial.matches[:SAMPLES]
    ]
    if args.json:
        print_json({"space": space.slug, "tried": trial.tried, "dropped": len(trial.matches), "samples": shown})
        return DONE
    dropped = f"{len(trial.matches):,} of the newest {trial.tried:,} messages that reach {space.name}"
    print(f"The filter would have dropped {dropped}.")
    if shown:
        print_table(tuple(shown[0]), [tuple(each.values()) for each in shown])
    return DONE


def add(args: argparse.Namespace) -> int:
    """Add a filter."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    return _print(args, add_filter(workspace, space.id, args.query, name=args.name), "drops events from now on")


def remove(args: argparse.Namespace) -> int:
    """Remove a filter."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    return _print(args, remove_filter(workspace, space.id, args.filter), "drops no more events")


def restore(args: argparse.Namespace) -> int:
    """Put a filter back."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    return _print(args, restore_filter(workspace, space.id, args.filter), "drops events from now on")


def _print(args: argparse.Namespace, each: EventFilter, does: str) -> int:
    if args.json:
        print_json({"id": each.id, "name": each.name, "query": each.query})
    else:
        print(f"The filter {each.name} ({each.id}) {does}.")
    return DONE


def _describe(state: FilterState) -> dict[str, object]:
    each = state.filter
    return {
        "id": each.id,
        "name": each.name,
        "query": each.query,
        "dropped": state.dropped,
        "last_offset": state.last_offset,
        "created_at": to_iso(state.created_at),
        "created_by": state.created_by,
    }
