"""`syncs list|plan|run|runs|reset|state`."""

from __future__ import annotations

import argparse

from core.cli.output import DONE, FAILED, open_for, print_json, print_json_lines, print_table, say
from core.clock import to_iso
from core.errors import RunInProgress
from core.syncs import engine
from core.syncs.run import RunState, SyncRun, list_runs, take_up_run
from core.syncs.state_place import StatePlace, move_state, read_state_place
from core.syncs.sync import get_sync, list_syncs


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("syncs", help="plan and run syncs", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("list", parents=[shared], help="all syncs")
    verb.set_defaults(run=show)
    for name, run, text in (
        ("plan", plan, "what a run would do now; nothing is sent"),
        ("run", run_now, "run now, or finish an interrupted run; prints the balance sheet"),
        ("runs", runs, "the history"),
        ("reset", reset, "forget what was acknowledged, so that every row is added again"),
        ("state", state, "where the rows are compared: in the warehouse or here; --move changes it, nothing is sent"),
    ):
        verb = verbs.add_parser(name, parents=[shared], help=text)
        verb.add_argument("name", metavar="NAME", help="the sync's name or id")
        if name == "run":
            verb.add_argument("--confirm-deletes", action="store_true", help="delete even if no row is returned")
        if name == "state":
            verb.add_argument("--move", choices=[str(place) for place in StatePlace])
        verb.set_defaults(run=run)


def show(args: argparse.Namespace) -> int:
    """Print the syncs."""
    found = list_syncs(open_for(args))
    if args.json:
        print_json_lines(
            {"id": item.id, "name": item.name, "mode": item.mode, "enabled": item.enabled} for item in found
        )
    else:
        print_table(("id", "name", "mode"), [(item.id, item.name, item.mode) for item in found])
    return DONE


def plan(args: argparse.Namespace) -> int:
    """Print what a run would do now."""
    workspace = open_for(args)
    found = engine.plan(workspace, get_sync(workspace, args.name).id)
    counts = {
        "extracted": found.extracted,
        "added": found.added,
        "updated": found.updated,
        "deleted": found.deleted,
        "unchanged": found.unchanged,
        "rejected": found.rejected,
    }
    if args.json:
        samples = [
            {"operation": item.operation, "key": item.key, "before": item.before, "after": item.after}
            for item in found.samples
        ]
        print_json({**counts, "samples": samples})
    else:
        for name, count in counts.items():
            print(f"{name:10} {count:>12,}")
    return DONE


def run_now(args: argparse.Namespace) -> int:
    """Run the sync and print its balance sheet; failed unless everything could be sent."""
    workspace = open_for(args)
    sync = get_sync(workspace, args.name)
    run = take_up_run(workspace, sync.id)
    try:
        run = engine.execute_run(workspace, run.id, progress=_say_progress, confirm_deletes=args.confirm_deletes)
    except RunInProgress:
        say("Another process is at work on this sync.")
        raise
    if args.json:
        print_json(describe_run(run))
    else:
        print_sheet(run)
    return DONE if run.state is RunState.SUCCEEDED else FAILED


def runs(args: argparse.Namespace) -> int:
    """Print the newest runs."""
    workspace = open_for(args)
    found = list_runs(workspace, get_sync(workspace, args.name).id)
    if args.json:
        print_json_lines(describe_run(run) for run in found)
    else:
        rows = [
            (
                run.id,
                to_iso(run.requested_at),
                run.state,
                run.sheet.extracted if run.sheet else None,
                run.sheet.delivered if run.sheet else None,
                run.sheet.rejected if run.sheet else None,
                run.sheet.held if run.sheet else None,
            )
            for run in found
        ]
        print_table(("run", "requested", "state", "extracted", "delivered", "rejected", "held"), rows)
    return DONE


def reset(args: argparse.Namespace) -> int:
    """Forget what was acknowledged."""
    workspace = open_for(args)
    engine.reset(workspace, get_sync(workspace, args.name).id)
    print("reset; the next run adds every row again")
    return DONE


def describe_run(run: SyncRun) -> dict[str, object]:
    """Return a run as plain JSON types."""
    return {
        "id": run.id,
        "state": str(run.state),
        "trigger": run.trigger,
        "requested_at": to_iso(run.requested_at),
        "finished_at": to_iso(run.finished_at) if run.finished_at else None,
        "resumed": run.resumed,
        "sheet": run.sheet.to_dict() if run.sheet else None,
        "closes": run.sheet.closes if run.sheet else None,
        "error": run.error,
    }


def print_sheet(run: SyncRun) -> None:
    """Print a run's balance sheet."""
    print(f"run {run.id}: {str(run.state).replace('_', ' ')}")
    if run.error:
        print(f"{run.error.get('message')} {run.error.get('hint')}")
    sheet = run.sheet
    if sheet is None:
        return
    print(f"  extracted {sheet.extracted:>12,}")
    print(f"= delivered {sheet.delivered:>12,}   ({sheet.added:,} added, {sheet.updated:,} updated)")
    print(f"+ unchanged {sheet.unchanged:>12,}")
    print(f"+ rejected  {sheet.rejected:>12,}")
    print(f"+ held      {sheet.held:>12,}")
    if sheet.deleted_delivered or sheet.deleted_held or sheet.deleted_rejected:
        print(f"  deleted   {sheet.deleted_delivered:>12,}   ({sheet.deleted_held:,} held)")
    for code, count in sorted(sheet.reasons.items(), key=lambda item: -item[1]):
        print(f"    {count:>12,} x {code}")
    if sheet.compared_here:
        print(f"  compared here: {sheet.compared_here}")
    print("the sheet closes" if sheet.closes else "THE SHEET DOES NOT CLOSE")


def _say_progress(run: SyncRun) -> None:
    counts = run.progress
    say(f"{run.state!s}: {counts.get('extracted', 0):,} rows read, {counts.get('done', 0):,} records done")


def state(args: argparse.Namespace) -> int:
    """Say where the rows of a sync are compared, after moving its state where that is asked for."""
    workspace = open_for(args)
    sync = get_sync(workspace, args.name)
    if args.move:
        move_state(workspace, sync.id, StatePlace(args.move))
    found = read_state_place(workspace, sync.id)
    if args.json:
        print_json(
            {
                "sync": sync.name,
                "chosen": str(found.chosen),
                "now": str(found.now),
                "acknowledged": found.acknowledged,
                "detail": found.detail,
                "grant": found.grant,
            }
        )
    else:
        print(f"{found.detail} {found.acknowledged:,} records are acknowledged.")
    return DONE
