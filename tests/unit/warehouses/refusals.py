"""What a server that cannot be used makes of a connection test, the same for Postgres and Redshift."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.errors import CoreError
from core.warehouses.warehouse import Warehouse

PASSWORD = "s3cret-Päss"


def refuse(connect: Callable[..., Warehouse], kind: type[CoreError], **changed: object) -> CoreError:
    """Return what a connection test reports, which is never raised and never tells the password."""
    report = connect(**changed).test_connection()
    assert not report.ok
    assert isinstance(report.error, kind), report.error
    assert report.error.message and report.error.hint
    told = f"{report.error!r} {report.error} {report.error.to_dict()}"
    assert PASSWORD not in told and str(changed.get("password", PASSWORD)) not in told
    return report.error


def find_closed_port() -> int:
    """Return a port at which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


@contextmanager
def run_stranger(answer: bytes) -> Iterator[int]:
    """Run a server of another protocol, which gives one answer to what comes first; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve() -> None:
            end, _ = listener.accept()
            with end:
                end.recv(1024)
                end.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()
