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

MEMORY_LIMIT = "2GB"


def serve(told: int) -> None:
    """Run the emulator, and write its port to the file descriptor `told` once it answers."""
    # Imported late: the emulator prints while it is imported
    from bqemulator import server
    from bqemulator.config import LogLevel, Settings
    from bqemulator.storage.engine import DuckDBEngine

    class Engine(DuckDBEngine):
        """The emulator's engine without extensions, and with an end to the memory that a test's query can take.

        BigQuery adds several columns in one statement; DuckDB takes one.
        """

        def _load_spatial(self) -> None:
            self.connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")

        def _load_format_extensions(self) -> None:
            """Avro, which no test needs."""

        def fetch_arrow(self, sql: str, parameters: list[Any] | None = None) -> Any:
            alter, *added = sql.split(" ADD COLUMN ")
            if added and alter.startswith("ALTER TABLE"):
                for column in added[:-1]:
                    super().fetch_arrow(f"{alter} ADD COLUMN {column.rstrip(', ')}")
                sql = f"{alter} ADD COLUMN {added[-1]}"
            return super().fetch_arrow(sql, parameters)

    server.DuckDBEngine = Engine
    port = _find_two_ports()
    threading.Thread(target=_tell_once_it_answers, args=(port, told), daemon=True).start()
    server.run_forever(Settings(rest_port=port, grpc_port=port + 1, log_level=LogLevel.ERROR))


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


def _tell_once_it_answers(port: int, told: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            os.write(told, f"{port}\n".encode())
            return


if __name__ == "__main__":
    told = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(told)
