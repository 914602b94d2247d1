"""Serves fakesnow on a free loopback port, with what the connector's fifth version needs besides. Prints the port.

Added to fakesnow: complete login replies, NULL among times, abort requests that end a query, the refusal of two
statements, and Snowflake's numbers and texts of errors. Runs in the emulator's own environment, which has fakesnow and
the connector's fourth version.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import errors
import fakesnow.arrow
import fakesnow.server
import pyarrow as pa
import pyarrow.compute as pc
import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Shim:
    """fakesnow's application, and what is added to it."""

    def __init__(self) -> None:
        self._running: dict[str, Any] = {}  # by request id: the session whose query runs

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path, body = scope["path"], await _read_body(receive)
        if path == "/session/v1/login-request":
            status, reply = await _ask_fakesnow(scope, body)
            reply = _complete_login(reply)
        elif path == "/queries/v1/query-request":
            status, reply = await self._query(scope, body)
        elif path == "/queries/v1/abort-request":
            self._abort(json.loads(_unpack(body))["requestId"])
            status, reply = await _ask_fakesnow(scope, body)
        else:
            status, reply = await _ask_fakesnow(scope, body)
        await _reply(send, status, reply)

    async def _query(self, scope: Message, body: bytes) -> tuple[int, bytes]:
        sql = json.loads(_unpack(body))["sqlText"]
        if (count := errors.count_statements(sql)) > 1:
            text = f"Actual statement count {count} did not match the desired statement count 1."
            return 200, _fail("000008", "0A000", text)
        request_id = parse_qs(scope["query_string"].decode())["requestId"][0]
        self._running[request_id] = fakesnow.server.sessions.get(_read_token(scope))
        try:
            status, reply = await _ask_fakesnow(scope, body)
        finally:
            del self._running[request_id]
        return status, _rewrite_error(reply, sql)

    def _abort(self, request_id: str) -> None:
        session = self._running.get(request_id)
        if session is not None:
            session._duck_conn.interrupt()


def _read_token(scope: Message) -> str:
    headers = dict(scope["headers"])
    return headers[b"authorization"].decode()[17:-1]


def _unpack(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def _rewrite_error(reply: bytes, sql: str) -> bytes:
    answer = json.loads(reply)
    if answer.get("success") or not answer.get("data"):
        return reply
    return _fail(*errors.rewrite(answer["code"], answer["message"], sql))


def _fail(code: str, state: str, message: str) -> bytes:
    data = {"errorCode": code, "sqlState": state}
    return json.dumps({"data": data, "code": code, "message": message, "success": False}).encode()


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
