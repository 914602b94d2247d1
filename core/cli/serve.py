"""`serve`: the HTTP API without the pages."""

from __future__ import annotations

import argparse

from core.cli.output import DONE, say
from core.http.serve import serve


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("serve", parents=[shared], help="the HTTP API without the pages", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8502)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if args.host not in ("127.0.0.1", "::1", "localhost"):
        say("Other machines reach only the paths to which events are sent; their guard is the write key.")
    say(f"Serving on http://{args.host}:{args.port} (health: /healthz). Stop with Ctrl+C.")
    serve(args.host, args.port, args.home)
    return DONE
