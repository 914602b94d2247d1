"""Runs an emulator of a hosted warehouse in its own environment: a program that prints its port once it answers."""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 120
_PR_SET_PDEATHSIG = 1


def find_python(engine: str) -> Path | None:
    """Return the interpreter of the emulator's environment; None where `make test` has not built it."""
    python = ROOT / ".emulators" / engine / "bin" / "python"
    return python if python.exists() else None


@contextmanager
def run_program(python: Path, program: Path) -> Iterator[int]:
    """Run `program` until the block ends and give the port of its first line; it dies with this process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [python, program],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            preexec_fn=_die_with_parent,
        )
        try:
            yield _read_port(process, log.fileno())
        finally:
            process.kill()
            process.communicate()


def _read_port(process: subprocess.Popen[bytes], log: int) -> int:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(START_TIMEOUT_S) else b""
    if not line.strip().isdigit():
        raise RuntimeError(f"The emulator did not start:\n{os.pread(log, 20_000, 0).decode(errors='replace')}")
    return int(line)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
