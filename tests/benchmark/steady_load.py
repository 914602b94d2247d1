"""Asks the Profile API at a constant rate over many connections, from a process of its own.

A request's time counts from when it was due, not from when it could be sent: who waits behind a slow answer waits too.
Arguments: port, Basic credentials, path with `{}` for a number, people, requests a second, connections, seconds. Prints
a line RESULT with a JSON document.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time


class Connection(asyncio.Protocol):
    """One connection: sends what is due, one request after the other, and notes how long each took."""

    def __init__(self, requests: list[bytes], due: list[float], took: list[float], failed: list[bytes]) -> None:
        self._requests, self._due, self._took, self._failed = requests, due, took, failed
        self._next = 0
        self._buffer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._schedule()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) < int(length):
            return
        self._took.append(time.perf_counter() - self._due[self._next])
        if not self._buffer.startswith(b"HTTP/1.1 200"):
            self._failed.append(self._buffer[:200])
        self._buffer = b""
        self._next += 1
        self._schedule()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"closed after {self._next} requests: {error}"))

    def _schedule(self) -> None:
        if self._next == len(self._requests):
            self.done.set_result(None)
            self._transport.close()
            return
        wait_s = self._due[self._next] - time.perf_counter()
        if wait_s <= 0:
            self._send()
        else:
            asyncio.get_running_loop().call_later(wait_s, self._send)

    def _send(self) -> None:
        self._transport.write(self._requests[self._next])  # type: ignore[attr-defined]


async def main(argv: list[str]) -> None:
    port, credentials, path, people, rate, connections, seconds = argv
    total, chance = int(float(rate) * float(seconds)), random.Random(time.time_ns())
    head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n\r\n"
    requests = [f"GET {path.format(chance.randrange(int(people)))} {head}".encode() for _ in range(total)]
    start = time.perf_counter() + 0.5
    due = [start + number / float(rate) for number in range(total)]
    took: list[float] = []
    failed: list[bytes] = []
    gc.disable()
    loop, every = asyncio.get_running_loop(), int(connections)
    made = [
        await loop.create_connection(
            lambda place=place: Connection(requests[place::every], due[place::every], took, failed),
            "127.0.0.1",
            int(port),
        )
        for place in range(every)
    ]
    await asyncio.gather(*(connection.done for _, connection in made))
    seconds_taken = time.perf_counter() - start
    took.sort()
    result = {
        "requests": len(took),
        "seconds": seconds_taken,
        "p50_ms": took[len(took) // 2] * 1e3,
        "p99_ms": took[len(took) * 99 // 100] * 1e3,
        "p999_ms": took[len(took) * 999 // 1000] * 1e3,
        "failed": len(failed),
        "first_failure": failed[0].decode("latin-1") if failed else "",
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
