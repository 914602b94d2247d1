"""`checks run`: every configuration check, with cause, evidence and fix."""

from __future__ import annotations

import argparse

from core.checks.check import CheckResult, CheckState
from core.cli.output import DONE, FAILED, open_for, print_json, say
from core.setup.guided_setup import run_checks_anytime


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("checks", help="check the configuration", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser(
        "run", parents=[shared], help="enable the sources and run every check, however far the setup has come"
    )
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the checks; failed when one of them fails, as each does whose part is missing."""
    found = run_checks_anytime(open_for(args), on_result=lambda result: say(f"{result.code} {result.state}"))
    if args.json:
        print_json({"state": str(found.state), "results": [describe(result) for result in found.results]})
    else:
        for result in found.results:
            print_result(result)
    return FAILED if found.state is CheckState.FAILED else DONE


def describe(result: CheckResult) -> dict[str, object]:
    """Return a result as plain JSON types."""
    return {
        "code": result.code,
        "title": result.title,
        "state": str(result.state),
        "cause": result.cause,
        "evidence": result.evidence,
        "fix": result.fix,
        "took_ms": result.took_ms,
    }


def print_result(result: CheckResult) -> None:
    """Print a line a check, and what to do where something is wrong."""
    print(f"{str(result.state).upper():8} {result.code:4} {result.cause}")
    if result.state in (CheckState.FAILED, CheckState.WARNING):
        for label, text in (("evidence", result.evidence), ("fix", result.fix)):
            if text:
                print(f"              {label}: {text}")
