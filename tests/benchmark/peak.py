"""The most memory that a process ever had: imports nothing that would count."""

from __future__ import annotations

from pathlib import Path


def read_peak_mb(pid: int | str = "self") -> int:
    """Return the most memory that a process ever had resident.

    From /proc and not from getrusage, whose figure a child inherits from the process that started it.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))
