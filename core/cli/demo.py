"""`demo`: the guided setup on the demo warehouse, headless; prints the balance sheet and the checks."""

from __future__ import annotations

import argparse

from core.checks.check import CheckState
from core.cli.checks import describe, print_result
from core.cli.output import DONE, FAILED, open_for, print_json, say
from core.cli.syncs import describe_run, print_sheet
from core.samples.headless import run_demo


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("demo", parents=[shared], help="the guided setup, headless", description=__doc__)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Walk the setup; failed unless the sheet closes and no check fails."""
    result = run_demo(open_for(args), lambda text, share: say(f"[{share:4.0%}] {text}"))
    sheet = result.run.sheet
    is_good = sheet is not None and sheet.closes and result.checks.state is not CheckState.FAILED
    if args.json:
        print_json(
            {
                "ok": is_good,
                "run": describe_run(result.run),
                "profiles": result.profiles,
                "flex_events": result.flex_events,
                "shop_events": result.shop_events,
                "checks": [describe(item) for item in result.checks.results],
                "timings_ms": {item.step: item.took_ms for item in result.timings},
            }
        )
        return DONE if is_good else FAILED
    print_sheet(result.run)
    print(f"\nprofiles     {result.profiles:>10,}")
    print(f"Flex events  {result.flex_events:>10,} new")
    print(f"shop events  {result.shop_events:>10,} new\n")
    for item in result.checks.results:
        print_result(item)
    return DONE if is_good else FAILED
