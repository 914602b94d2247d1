"""`worker`: syncs that are due, then profiles."""

from __future__ import annotations

import argparse
import signal
import threading

from core.cli.output import DONE, FAILED, open_for, print_json, say
from core.log import LOG_NAME, set_up_logging
from core.worker import Worker


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("worker", parents=[shared], help="background work", description=__doc__)
    parser.add_argument("--once", action="store_true", help="until the log is read to its end, then stop")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Work until stopped, or once."""
    workspace = open_for(args)
    set_up_logging(workspace.home.logs)
    worker = Worker(workspace)
    if args.once:
        report = worker.run_once()
        if args.json:
            print_json({"runs": report.runs, "messages": report.messages, "failures": list(report.failures)})
        else:
            say(f"{report.runs} runs, {report.messages:,} messages, {len(report.failures)} failures")
        for incident in report.failures:
            say(f"{incident}: see {workspace.home.logs / LOG_NAME}")
        return FAILED if report.failures else DONE
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker.start()
    say("Working. Stop with Ctrl+C.")
    stop.wait()
    worker.stop()
    return DONE
