"""`serve`: the HTTP API without the pages."""

from __future__ import annotations

import argparse

from core.cli.output import DONE, say
from core.errors import InvalidField
from core.http.pool import Pool
from core.http.process import Process
from core.http.serve import listen, serve


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("serve", parents=[shared], help="the HTTP API without the pages", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8502, help="0: any that is free")
    parser.add_argument("--workers", type=int, default=1, help="how many processes serve (default 1)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if args.workers < 1:
        raise InvalidField(f"{args.workers} processes cannot serve.", hint="Give --workers 1 or more.")
    if args.workers > 1:
        pool = Pool(args.host, args.port, args.home, workers=args.workers)
        _announce(args.host, pool.port)
        pool.run()
    else:
        process = Process(args.home)
        process.open()
        listener = listen(args.host, args.port)
        _announce(args.host, listener.getsockname()[1])
        serve(process, listener)
    return DONE


def _announce(host: str, port: int) -> None:
    if host not in ("127.0.0.1", "::1", "localhost"):
        say("Other machines reach the paths to which events are sent, by write key, and the Profile API, by token.")
    say(f"Serving on http://{host}:{port} (health: /healthz). Stop with Ctrl+C.")
