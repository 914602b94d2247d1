"""`profiles-sync set-up|list|run|runs|change|remove`: a space's profiles as tables in a warehouse."""

from __future__ import annotations

import argparse
from collections import Counter

from core.cli.output import DONE, FAILED, open_for, print_json, print_json_lines, print_table, say
from core.cli.space_option import add_space, find_space
from core.clock import to_iso
from core.errors import InvalidField, NotFound
from core.profiles_sync.run import run_profiles_sync
from core.profiles_sync.store import (
    HOURLY_MINUTES,
    ProfilesRun,
    ProfilesRunState,
    ProfilesSync,
    find_profiles_sync,
    list_profiles_runs,
    list_profiles_syncs,
    remove_profiles_sync,
    set_interval,
    set_up_profiles_sync,
)
from core.warehouses.store import get_warehouse
from core.workspaces.workspace import Workspace

MANUAL = "manual"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("profiles-sync", help="profiles as tables in a warehouse", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("set-up", parents=[shared], help="have a space's profiles written to a warehouse")
    verb.add_argument("--warehouse", required=True, help="name or id")
    verb.add_argument("--every", default=str(HOURLY_MINUTES), help="minutes, or `manual` (default 60)")
    verb.set_defaults(run=set_up)
    every = verbs.add_parser("change", parents=[shared], help="how often they are written")
    every.add_argument("--every", required=True, help="minutes, or `manual`")
    every.set_defaults(run=change)
    run = verbs.add_parser("run", parents=[shared], help="write what differs now")
    run.set_defaults(run=run_now)
    runs = verbs.add_parser("runs", parents=[shared], help="the newest runs")
    runs.set_defaults(run=show_runs)
    remove = verbs.add_parser("remove", parents=[shared], help="write no more; the tables stay")
    remove.set_defaults(run=forget)
    for each in (verb, every, run, runs, remove):
        add_space(each)
    verb = verbs.add_parser("list", parents=[shared], help="which space is written where")
    verb.set_defaults(run=show)


def set_up(args: argparse.Namespace) -> int:
    """Set up writing the profiles of a space."""
    workspace = open_for(args)
    space, warehouse = find_space(workspace, args.space), get_warehouse(workspace, args.warehouse)
    sync = set_up_profiles_sync(workspace, space.id, warehouse.id, interval_minutes=_read_interval(args.every))
    if args.json:
        print_json(_describe(workspace, sync))
    else:
        print(f"{space.name} is written to the schema {sync.schema_name} of {warehouse.name}")
    return DONE


def change(args: argparse.Namespace) -> int:
    """Change how often."""
    workspace = open_for(args)
    sync = _find(workspace, args.space)
    set_interval(workspace, sync.id, _read_interval(args.every))
    if args.json:
        print_json(_describe(workspace, _find(workspace, args.space)))
    else:
        print("changed")
    return DONE


def run_now(args: argparse.Namespace) -> int:
    """Write the profiles now; 1 when that fails."""
    workspace = open_for(args)
    sync = _find(workspace, args.space)

    def tell(rows: Counter[str]) -> None:
        say(f"{sum(rows.values()):,} rows")

    run = run_profiles_sync(workspace, sync.id, progress=tell)
    if args.json:
        print_json(_describe_run(run))
    else:
        print_table(("table", "rows"), sorted(run.rows.items()))
    for note in run.notes:
        say(note)
    if run.error is not None:
        say(f"{run.error['message']}\n{run.error['hint']}\n[{run.error['code']}]")
    return DONE if run.state is ProfilesRunState.SUCCEEDED else FAILED


def show_runs(args: argparse.Namespace) -> int:
    """Print the newest runs."""
    workspace = open_for(args)
    runs = list_profiles_runs(workspace, _find(workspace, args.space).id)
    if args.json:
        print_json_lines(_describe_run(run) for run in runs)
    else:
        rows = [(to_iso(run.started_at), run.trigger, run.state, sum(run.rows.values())) for run in runs]
        print_table(("started", "trigger", "state", "rows"), rows)
    return DONE


def forget(args: argparse.Namespace) -> int:
    """Write no more."""
    workspace = open_for(args)
    sync = _find(workspace, args.space)
    remove_profiles_sync(workspace, sync.id)
    if args.json:
        print_json({"id": sync.id, "removed": True})
    else:
        print(f"nothing is written any more; the schema {sync.schema_name} stays")
    return DONE


def show(args: argparse.Namespace) -> int:
    """Print which space is written where."""
    workspace = open_for(args)
    found = [_describe(workspace, sync) for sync in list_profiles_syncs(workspace)]
    if args.json:
        print_json_lines(found)
    else:
        heads = ("space_id", "warehouse", "schema", "interval_minutes", "next_run_at")
        print_table(heads, [[item[head] for head in heads] for item in found])
    return DONE


def _find(workspace: Workspace, space_name: str | None) -> ProfilesSync:
    space = find_space(workspace, space_name)
    sync = find_profiles_sync(workspace, space.id)
    if sync is None:
        raise NotFound(
            f"The profiles of {space.name!r} are written to no warehouse.",
            hint="Run `python -m core profiles-sync set-up --warehouse NAME`.",
        )
    return sync


def _read_interval(text: str) -> int | None:
    if text == MANUAL:
        return None
    if not text.isdecimal():
        raise InvalidField(f"{text!r} is no number of minutes.", hint="Give minutes, or `manual`.")
    return int(text)


def _describe(workspace: Workspace, sync: ProfilesSync) -> dict[str, object]:
    return {
        "id": sync.id,
        "space_id": sync.space_id,
        "warehouse": get_warehouse(workspace, sync.warehouse_id).name,
        "schema": sync.schema_name,
        "interval_minutes": sync.interval_minutes,
        "next_run_at": None if sync.next_run_at is None else to_iso(sync.next_run_at),
    }


def _describe_run(run: ProfilesRun) -> dict[str, object]:
    return {
        "id": run.id,
        "trigger": run.trigger,
        "state": run.state,
        "started_at": to_iso(run.started_at),
        "finished_at": None if run.finished_at is None else to_iso(run.finished_at),
        "rows": dict(run.rows),
        "notes": list(run.notes),
        "error": run.error,
    }
