"""The parent's side of one sandbox child: start it, ask it, kill it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.warehouses import sandbox
from core.warehouses.cancel import CancelToken
from core.warehouses.stopping import Budget

PIPE_BYTES = 1024**2
START_TIMEOUT_S = 30.0
MAX_FRAME_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one child may use. `memory_mb` is DuckDB's own limit, `address_space_mb` the operating system's."""

    memory_mb: int = 1000
    address_space_mb: int = 2048
    threads: int = 2
    idle_s: float = 20.0  # after this the child closes its file, so that another process may write it


class ChildGone(Exception):
    """The child ended in the middle of a reply: killed by us, by the kernel, or crashed."""


class OutOfTime(Exception):
    """The child took longer than the query may; it has been killed."""


class ChildRefused(Exception):
    """The child answered with an error; `reply` holds its type, code and message."""

    def __init__(self, reply: Mapping[str, Any]) -> None:
        super().__init__(reply["message"])
        self.reply = reply


class SandboxProcess:
    """One child. One thread asks at a time; `kill` may come from any thread."""

    def __init__(self, limits: SandboxLimits) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", sandbox.__file__, *_arguments(limits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            close_fds=True,
            start_new_session=True,  # Ctrl-C in a terminal is for us; the child ends when we do
            env=_clean_environment(),
            cwd="/",
        )
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101 - both are PIPE
        self._inlet, self._outlet = self._process.stdin, self._process.stdout
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(self._outlet, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._poll = select.poll()
        self._poll.register(self._outlet, select.POLLIN)
        self._ready = False
        self._lock = threading.Lock()
        self._asking: object | None = None
        self.path: Path | None = None
        self.identity: tuple[int, int] | None = None  # device and inode of the file when it was opened
        self.idle = True
        self.answered = False

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child still runs; one that ended is reaped by asking."""
        return self._process.poll() is None

    def ask(
        self, request: Mapping[str, object], budget: Budget, cancel: CancelToken
    ) -> Generator[tuple[bytes, memoryview], None, None]:
        """Send `request` about its file and yield the frames of the reply up to, not including, the last.

        The child is `idle` again, and fit for another request, only when the reply was read to its end.

        Raises:
            ChildRefused: The child answered with an error.
            ChildGone, OutOfTime: The child is dead.
        """
        self.idle = False
        turn = object()
        with self._lock:
            self._asking = turn
        take_back = cancel.on_cancel(lambda: self._kill_if_asking(turn))
        try:
            self._wait_until_ready()
            self._send({**request, "path": str(self.path), "identity": self.identity})
            yield from self._read_reply(budget)
        finally:
            take_back()
            # Under the lock: after this line a late cancel can no longer hit the next query of this child.
            with self._lock:
                self._asking = None

    def stop(self) -> None:
        """Send the signal that ends the child; the thread that reads from it notices and cleans up."""
        self._process.kill()

    def kill(self) -> None:
        """End the child at once, reap it and close its pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._inlet, self._outlet):
            with contextlib.suppress(OSError):
                pipe.close()

    def _kill_if_asking(self, turn: object) -> None:
        # Only the signal: the asking thread may be inside a read of the pipes, so it is the one to close them.
        with self._lock:
            if self._asking is turn:
                self._process.kill()

    def _wait_until_ready(self) -> None:
        if not self._ready:
            kind, _ = self._read_frame(Budget(START_TIMEOUT_S))
            self._ready = kind == sandbox.READY

    def _send(self, request: Mapping[str, object]) -> None:
        data = json.dumps(request).encode()
        rest = memoryview(sandbox.HEADER.pack(b"Q", len(data)) + data)
        try:
            while rest:
                rest = rest[os.write(self._inlet.fileno(), rest) :]
        except OSError as error:
            raise ChildGone from error

    def _read_reply(self, budget: Budget) -> Generator[tuple[bytes, memoryview], None, None]:
        while True:
            kind, payload = self._read_frame(budget)
            if kind in (sandbox.DONE, sandbox.ERROR):
                reply = json.loads(bytes(payload))
                self.idle, self.answered = reply["fit"], True
                if kind == sandbox.ERROR:
                    raise ChildRefused(reply)
                return
            yield kind, payload

    def _read_frame(self, budget: Budget) -> tuple[bytes, memoryview]:
        kind, size = sandbox.HEADER.unpack(self._read(sandbox.HEADER.size, budget))
        if size > MAX_FRAME_BYTES:
            raise ChildGone
        return kind, self._read(size, budget)

    def _read(self, size: int, budget: Budget) -> memoryview:
        buffer = memoryview(bytearray(size))
        done = 0
        while done < size:
            if not budget.wait(self._poll):
                self._process.kill()
                raise OutOfTime
            count = self._outlet.readinto(buffer[done:])  # type: ignore[attr-defined]  # unbuffered: a FileIO
            if not count:
                raise ChildGone
            done += count
        return buffer


def _arguments(limits: SandboxLimits) -> list[str]:
    numbers = (limits.memory_mb, limits.address_space_mb, limits.threads, limits.idle_s)
    return [str(number) for number in numbers]


def _clean_environment() -> dict[str, str]:
    # Nothing of ours goes in: the environment may hold the key of the secrets. Two arenas, and the system's allocator
    # for Arrow, because reserved address space counts against the limit; no threads of NumPy's: nothing uses them.
    return {
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "OPENBLAS_NUM_THREADS": "1",
    }
