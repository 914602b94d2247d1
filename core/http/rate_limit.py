"""Requests a second, counted together by every process that serves one home folder.

The kernel spreads connections over the processes, and a program with one connection reaches one of them only: so a
share for each would refuse what the setting allows. They share a page of memory instead.

Source: the generic cell rate algorithm, as a virtual schedule (ITU-T I.371, annex A): one number for each bucket, the
time at which it is empty again.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import threading
import time
import zlib
from pathlib import Path
from typing import BinaryIO

from core.storage.home import Home

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - the system's own place for shared memory
PLACES = 512
BURST_S = 1.0
"""Who was silent may ask for a second's worth at once."""
_TIME = struct.Struct("d")


def find_shared_file(home: Home) -> Path:
    """Return the file that the serving processes of a home folder share: in memory where the system has such files.

    A page of a file on a disk is written back now and then, and who changes it then waits for the disk.
    """
    if not IN_MEMORY.is_dir():
        return home.rate_limits
    name = hashlib.sha256(str(home.root).encode()).hexdigest()[:24]
    return IN_MEMORY / f"onramp-rates-{os.geteuid()}-{name}"


class RateLimits:
    """The limits of one home folder; `path` is the shared file, made on first use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._shared: tuple[BinaryIO, mmap.mmap] | None = None

    def take(self, name: str, per_s: int) -> float:
        """Count one request for `name`; return 0.0 where it is allowed, else after how many seconds to ask again."""
        place = zlib.crc32(name.encode()) % PLACES * _TIME.size
        with self._lock:
            file, memory = self._open()
            fcntl.lockf(file, fcntl.LOCK_EX, _TIME.size, place)
            try:
                return _take(memory, place, 1 / per_s, time.monotonic())
            finally:
                fcntl.lockf(file, fcntl.LOCK_UN, _TIME.size, place)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._shared is not None:
                file, memory = self._shared
                memory.close()
                file.close()
                self._shared = None

    def _open(self) -> tuple[BinaryIO, mmap.mmap]:
        if self._shared is None:
            # never through a link: everybody may make files where files in memory are
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.fdopen(os.open(self._path, flags, 0o600), "r+b")
            file.truncate(PLACES * _TIME.size)  # the same size for everybody: what others wrote stays
            self._shared = file, mmap.mmap(file.fileno(), PLACES * _TIME.size)
        return self._shared


def _take(memory: mmap.mmap, place: int, interval_s: float, now: float) -> float:
    (empty_at,) = _TIME.unpack_from(memory, place)
    if empty_at > now + 2 * BURST_S:  # written before the machine was started anew
        empty_at = now
    wait_s: float = empty_at + interval_s - now - BURST_S
    if wait_s > 0:
        return wait_s
    _TIME.pack_into(memory, place, max(empty_at, now) + interval_s)
    return 0.0
