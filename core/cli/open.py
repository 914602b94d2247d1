"""`open`: start the workspace with its pages, and open the browser where there is one."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

from core.cli.output import say

ROOT = Path(__file__).resolve().parents[2]
TRIES = 20


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("open", parents=[shared], help="the workspace in the browser", description=__doc__)
    parser.add_argument("--port", type=int, default=8501)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Replace this process by the server, on the port asked for or the next free one."""
    port = find_free_port(args.port)
    if port != args.port:
        say(f"Port {args.port} is taken; using {port}.")
    if args.home:
        os.environ["ONRAMP_HOME"] = str(Path(args.home).resolve())
    address = f"http://localhost:{port}"
    say(f"Onramp opens at {address}. Stop with Ctrl+C.")
    if os.environ.get("DISPLAY") or sys.platform in ("darwin", "win32"):
        os.environ.setdefault("STREAMLIT_SERVER_HEADLESS", "false")  # Streamlit opens the browser itself
    os.chdir(ROOT)
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    os.execv(sys.executable, command)  # noqa: S606 - a fixed program, so that Ctrl+C reaches the server itself


def find_free_port(first: int) -> int:
    """Return `first`, or the next port after it on which nothing listens."""
    for port in range(first, first + TRIES):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return first
