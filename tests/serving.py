"""A real server process, `python -m core serve`, for the tests that need sockets and processes."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
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
    ) -> None:
        command = [sys.executable, "-m", "core", "serve", "--home", str(home)]
        command += ["--port", str(port), "--workers", str(workers)]
        environment = {**os.environ, "ONRAMP_WORKER": "off", **(env or {})}
        limit = (
            None if max_file_bytes is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes,) * 2)
        )
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=limit
        )
        self.port = self._read_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        """Return once it answers."""
        _wait_until_ready(self.url, self.process)

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
        self.process.send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        """Ask it to end and return its exit status."""
        self.process.terminate()
        return self._wait()

    def _wait(self) -> int:
        status = self.process.wait(60)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status

    def _read_port(self) -> int:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            found = re.search(r"Serving on http://\S+?:(\d+) ", line)
            if found:
                return int(found[1])
        raise RuntimeError(f"the server did not start ({self.process.wait(10)})")


@contextmanager
def run_server(home: Path, *, workers: int = 1, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a server until the block ends."""
    server = Server(home, workers=workers, env=env)
    try:
        server.wait_until_ready()
        yield server
    finally:
        if server.process.poll() is None:
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
        _wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield port, process
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_ready(url: str, process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=10):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start ({process.poll()})")
