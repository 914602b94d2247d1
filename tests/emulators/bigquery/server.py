"""Serves bqemulator on a free loopback port and prints it; the next port answers the Storage API over gRPC.

Runs in the emulator's own environment. Nothing is downloaded: the emulator's geography functions would need an
extension of DuckDB that is not in the package, so it starts without them.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from typing import Any

from bqemulator.config import LogLevel, Settings
from bqemulator.server import run_forever
from bqemulator.storage.engine import DuckDBEngine

MEMORY_LIMIT = "2GB"


class Engine(DuckDBEngine):
    """The emulator's engine without extensions, and with an end to the memory that a test's query can take."""

    def _load_spatial(self) -> None:
        self.connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")

    def _load_format_extensions(self) -> None:
        """Avro, which no test needs."""


def _find_two_ports() -> int:
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def _print_once_it_answers(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            break
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads further: what it prints goes to the log


def _use(engine: type[DuckDBEngine]) -> None:
    import bqemulator.server as server

    module: Any = server
    module.DuckDBEngine = engine


if __name__ == "__main__":
    port = _find_two_ports()
    _use(Engine)
    threading.Thread(target=_print_once_it_answers, args=(port,), daemon=True).start()
    run_forever(Settings(rest_port=port, grpc_port=port + 1, log_level=LogLevel.ERROR))
