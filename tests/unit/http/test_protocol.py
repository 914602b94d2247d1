"""Senders that keep a connection and send nothing, or a byte now and then, are cut off; others are not disturbed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
import uvicorn

from core.http import protocol
from core.http.protocol import BODY_TIMEOUT_S, HEAD_TIMEOUT_S, MAX_HEAD_BYTES, WatchedProtocol, list_overdue, sweep
from core.http.serve import listen
from tests.tracking import Receiver, basic

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def serving(receiver: Receiver) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        receiver.app, http=WatchedProtocol, ws="none", lifespan="off", log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield server, listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


def make_request(receiver: Receiver) -> tuple[bytes, bytes]:
    body = orjson.dumps({"type": "track", "event": "e", "userId": "u"})
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(receiver.key)}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode(), body


async def send(port: int, *parts: bytes) -> Connection:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
    await writer.drain()
    return reader, writer


async def close(*connections: Connection) -> None:
    for _reader, writer in connections:
        writer.close()


async def until_received(server: uvicorn.Server, count: int) -> list[WatchedProtocol]:
    while len(server.server_state.connections) < count:
        await asyncio.sleep(0.005)
    return [each for each in server.server_state.connections if isinstance(each, WatchedProtocol)]


def test_who_is_slow_is_told_apart_from_who_waits_for_us(receiver: Receiver) -> None:
    head, body = make_request(receiver)

    async def run() -> None:
        async with serving(receiver) as (server, port):
            silent, half_head, half_body = (
                await send(port),
                await send(port, head[:30]),
                await send(port, head, body[:10]),
            )
            done = await send(port, head, body)
            assert b"200 OK" in await done[0].readline()
            connections = await until_received(server, 4)
            while sum(not each.is_in_head for each in connections) < 1:
                await asyncio.sleep(0.005)
            now = time.monotonic()
            assert list_overdue(connections, now) == []
            assert len(list_overdue(connections, now + HEAD_TIMEOUT_S + 1)) == 2
            assert len(list_overdue(connections, now + BODY_TIMEOUT_S + 1)) == 3
            await close(silent, half_head, half_body, done)

    asyncio.run(run())


def test_a_hundred_slow_senders_are_cut_off_while_another_one_is_served(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "SWEEP_S", 0.01)
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 1.0)
    head, body = make_request(receiver)

    async def run() -> None:
        async with serving(receiver) as (server, port):
            slow = [await send(port, b"POST /v1/track HTTP/1.1\r\nX-Slow: ") for _ in range(100)]
            sweeping = asyncio.create_task(sweep(server.server_state.connections))
            reader, writer = await send(port)
            for _ in range(20):
                writer.write(head + body)
                assert b"200 OK" in await reader.readline()
                while await reader.readline() != b"\r\n":
                    pass
                await reader.readexactly(len(b'{"success":true}'))
            for silent, _writer in slow:
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await silent.readexactly(1)
            sweeping.cancel()
            await close(*slow, (reader, writer))

    asyncio.run(run())
    assert len(receiver.accepted()) == 20


def test_a_head_without_an_end_is_refused(receiver: Receiver) -> None:
    async def run() -> None:
        async with serving(receiver) as (_server, port):
            reader, writer = await send(port, b"POST /v1/track HTTP/1.1\r\nX-Long: ")
            try:
                for _ in range(MAX_HEAD_BYTES // 65_536 + 8):
                    writer.write(b"a" * 65_536)
                    await writer.drain()
                assert b"400" in await reader.readline()
            except ConnectionError:
                pass  # it was closed before all was sent
            await read_to_the_end(reader)
            writer.close()

    asyncio.run(run())


async def read_to_the_end(reader: asyncio.StreamReader) -> None:
    """Return when the server has closed the connection."""
    try:
        while await reader.read(65_536):
            pass
    except ConnectionError:
        pass
