"""A real server process, `python -m core serve`, for the tests that need sockets and processes.

The process is forked from one that has imported what it imports, which takes 3 s otherwise: see `programs.py`.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.programs import PROGRAMS, ROOT, become

START_TIMEOUT_S = 120


class Server:
    """One `serve` on a port of its own."""

    def __init__(
        self,
        home: Path,
        *,
        port: int = 0,
        workers: int = 1,
        env: Mapping[str, str] | None = None,
        max_file_bytes: int | None = None,
        fresh: bool = False,
    ) -> None:
        words = ["serve", "--home", str(home), "--port", str(port), "--workers", str(workers)]
        environment = {**os.environ, "ONRAMP_WORKER": "off", **(env or {})}
        descriptor, name = tempfile.mkstemp(prefix="onramp-serving-")
        os.close(descriptor)
        self._log = Path(name)
        context = multiprocessing.get_context("spawn") if fresh else PROGRAMS  # where its memory is measured
        self.process = context.Process(target=_serve, args=(words, self._log, environment, max_file_bytes))
        self.process.start()
        self.port = self._read_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        """Return once it answers."""
        _wait_until_ready(self.url, lambda: self.process.exitcode)

    def list_children(self) -> list[psutil.Process]:
        """Return the processes that serve, where there are several."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):  # it is ending
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self._wait()

    def stop(self) -> int:
        """Ask it to end and return its exit status."""
        self.process.terminate()
        return self._wait()

    def _wait(self) -> int:
        self.process.join(60)
        assert self.process.exitcode is not None, "it does not end"
        self._log.unlink(missing_ok=True)
        return self.process.exitcode

    def _read_port(self) -> int:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.exitcode is None:
            if found := re.search(r"Serving on http://\S+?:(\d+) ", self._log.read_text()):
                return int(found[1])
            time.sleep(0.02)
        raise RuntimeError(f"the server did not start ({self.process.exitcode}): {self._log.read_text()}")


def _serve(words: Sequence[str], log: Path, environment: Mapping[str, str], max_file_bytes: int | None) -> None:
    """Be what the shell would start."""
    from core.cli.main import main

    become(log, environment)
    if max_file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes,) * 2)
    sys.exit(main(words))


@contextmanager
def run_server(
    home: Path, *, workers: int = 1, env: Mapping[str, str] | None = None, fresh: bool = False
) -> Iterator[Server]:
    """Run a server until the block ends."""
    server = Server(home, workers=workers, env=env, fresh=fresh)
    try:
        server.wait_until_ready()
        yield server
    finally:
        if server.process.exitcode is None:
            server.stop()


@contextmanager
def run_pages(home: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run pages and events on one port, as `make run` does, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    process = subprocess.Popen(
        [*command, "--server.headless=true"],
        cwd=ROOT,
        env={**os.environ, "ONRAMP_HOME": str(home), "ONRAMP_WORKER": "off"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", process.poll)
        yield port, process
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_ready(url: str, read_exit: Callable[[], int | None]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and read_exit() is None:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=10):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start ({read_exit()})")
