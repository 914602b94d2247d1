"""The command line. Exit status: 0 done, 1 failed or something needs attention, 2 bad use."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from core.cli import (
    access,
    checks,
    demo,
    demo_phone,
    events,
    identity,
    predictions,
    privacy,
    profile_tokens,
    profiles,
    profiles_sync,
    serve,
    sources,
    spaces,
    sql_models,
    syncs,
    traits,
    warehouses,
    worker,
)
from core.cli import open as open_
from core.cli.output import FAILED, print_error
from core.clock import SystemClock
from core.errors import CoreError
from core.incidents import report_incident

COMMANDS = (
    access,
    checks,
    demo,
    demo_phone,
    events,
    identity,
    open_,
    predictions,
    privacy,
    profile_tokens,
    profiles,
    profiles_sync,
    serve,
    sources,
    spaces,
    sql_models,
    syncs,
    traits,
    warehouses,
    worker,
)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON: one document, or a line for each of a list")
    shared.add_argument(
        "--home", default=None, help="the folder that holds everything (default: ONRAMP_HOME, ./.onramp)"
    )
    parser = argparse.ArgumentParser(
        prog="python -m core",
        description="Onramp without the browser.",
        epilog="Exit status: 0 done, 1 failed or something needs attention, 2 bad use.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands, shared)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    args = make_parser().parse_args(argv)
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it announces each statement that it cannot parse
    try:
        return int(args.run(args))
    except CoreError as error:
        print_error(error, as_json=args.json)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        pass
    except Exception as error:  # noqa: BLE001 - the last resort: a number for the person, the trace for the log
        print_error(report_incident(error, SystemClock().now()), as_json=args.json)
    return FAILED
