"""The command line. Exit status: 0 done, 1 failed or something needs attention, 2 bad use."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from core.cli.output import FAILED, print_error
from core.clock import SystemClock
from core.errors import CoreError
from core.incidents import report_incident

COMMANDS = (
    "access",
    "checks",
    "demo",
    "demo-phone",
    "events",
    "identity",
    "open",
    "predictions",
    "privacy",
    "profile-tokens",
    "profiles",
    "profiles-sync",
    "serve",
    "sources",
    "spaces",
    "sql-models",
    "syncs",
    "traits",
    "warehouses",
    "worker",
)
"""Each is a module of this package."""


def make_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of these commands."""
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
    for name in names:
        import_module(f"core.cli.{name.replace('-', '_')}").add_parser(commands, shared)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    # to import every command takes longer than most of them run
    args = make_parser([name for name in COMMANDS if name in words[:1]] or COMMANDS).parse_args(words)
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
