"""Sends events over many connections where there is no wrk, from a process of its own; it needs a core for itself.

Arguments: port, Basic credentials, events a request, salt, connections, seconds. Prints what tracking.lua prints.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time


def make_request(credentials: str, events: int, prefix: str) -> bytes:
    messages = [
        f'{{"type":"track","event":"Order Completed","userId":"u-{n}","messageId":"{prefix}-{n}",'
        f'"timestamp":"2026-11-25T12:00:00.000Z","properties":{{"orderId":"{prefix}-{n}","total":42.5,"currency":"EUR",'
        '"products":[{"sku":"a-1","quantity":2},{"sku":"b-7","quantity":1}]},'
        '"context":{"library":{"name":"analytics-python","version":"2.4.0"}}}'
        for n in range(events)
    ]
    body = messages[0] if events == 1 else f'{{"batch":[{",".join(messages)}],"sentAt":"2026-11-25T12:00:01.000Z"}}'
    path = "/v1/track" if events == 1 else "/v1/batch"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def send(port: int, credentials: str, events: int, prefix: str, until: float) -> tuple[list[float], int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took, failed = [], 0
    while time.perf_counter() < until:
        writer.write(make_request(credentials, events, f"{prefix}-{len(took)}"))
        started = time.perf_counter()
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        took.append(time.perf_counter() - started)
        failed += not head.startswith(b"HTTP/1.1 200")
    writer.close()
    return took, failed


async def main(port: int, credentials: str, events: int, salt: str, connections: int, seconds: float) -> None:
    started = time.perf_counter()
    sends = [send(port, credentials, events, f"{salt}-{n}", started + seconds) for n in range(connections)]
    found = await asyncio.gather(*sends)
    took = sorted(each for times, _failed in found for each in times)
    result = {
        "requests": len(took),
        "seconds": time.perf_counter() - started,
        "p50_ms": took[len(took) // 2] * 1e3,
        "p99_ms": took[len(took) * 99 // 100] * 1e3,
        "failed": sum(failed for _times, failed in found),
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    port, credentials, events, salt, connections, seconds = sys.argv[1:]
    asyncio.run(main(int(port), credentials, int(events), salt, int(connections), float(seconds)))
