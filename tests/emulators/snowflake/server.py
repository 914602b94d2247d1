"""Serves fakesnow on a free loopback port, with what the connector's fifth version needs besides. Prints the port.

Runs in the emulator's own environment, which has fakesnow and the connector's fourth version.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import fakesnow.arrow
import fakesnow.server
import pyarrow as pa
import pyarrow.compute as pc
import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Shim:
    """fakesnow's application, with complete login replies, and queries that an abort request ends."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await fakesnow.server.app(scope, receive, send)
            return
        body = await _read_body(receive)
        status, reply = await _ask_fakesnow(scope, body)
        if scope["path"] == "/session/v1/login-request":
            reply = _complete_login(reply)
        await _reply(send, status, reply)


async def _read_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _ask_fakesnow(scope: Message, body: bytes) -> tuple[int, bytes]:
    status, reply = 500, b""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, reply
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            reply += message.get("body", b"")

    await fakesnow.server.app(scope, receive, send)
    return status, reply


async def _reply(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _complete_login(reply: bytes) -> bytes:
    answer = json.loads(reply)
    answer["data"] |= {
        "masterToken": secrets.token_urlsafe(32),
        "sessionId": secrets.randbits(32),
        "validityInSeconds": 3600,
        "masterValidityInSeconds": 14400,
        "displayUserName": "U",
    }
    answer["data"]["sessionInfo"] |= {"roleName": "R", "warehouseName": "W"}
    return json.dumps({"code": None, "message": None, **answer}).encode()


def _keep_nulls(table: pa.Table, rowtype: list[Any]) -> pa.Table:
    """fakesnow's conversion forgets which times are NULL."""
    made = _to_sf(table, rowtype)
    for number, field in enumerate(made.schema):
        if pa.types.is_struct(field.type):
            nulls = table.column(number).combine_chunks().is_null()
            parts = made.column(number).combine_chunks()
            filled = [pc.fill_null(parts.field(part.name), 0) for part in parts.type]
            column = pa.StructArray.from_arrays(filled, fields=list(parts.type), mask=nulls)
            made = made.set_column(number, field, column)
    return made


_to_sf = fakesnow.arrow.to_sf
fakesnow.server.to_sf = _keep_nulls


async def _serve() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Shim(), log_level="warning", lifespan="off"))
    print(listener.getsockname()[1], flush=True)
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(_serve())
