"""Answers as Snowflake gives them over its protocol, for the recording server: what fakesnow cannot show."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence

import pyarrow as pa

from tests.emulators.recording import Answer, Reply, Request

LOGIN_PATH = "/session/v1/login-request"
QUERY_PATH = "/queries/v1/query-request"
ABORT_PATH = "/queries/v1/abort-request"
LOGOUT_PATH = "/session"
QUERY_ID = "01b12345-0000-0000-0000-000000000001"
_CHUNK_PATH = "/chunks/"


def log_in() -> Reply:
    """Return the answer to a login that is let in."""
    session = {"databaseName": "ANALYTICS", "schemaName": "PUBLIC", "roleName": "R", "warehouseName": "W"}
    data = {
        "token": "session-token",
        "masterToken": "master-token",
        "sessionId": 1,
        "validityInSeconds": 3600,
        "masterValidityInSeconds": 14400,
        "serverVersion": "9.0",
        "parameters": [{"name": "TIMEZONE", "value": "UTC"}],
        "sessionInfo": session,
    }
    return Reply.of({"data": data, "success": True, "code": None, "message": None})


def refuse(code: str, message: str, state: str = "08001") -> Reply:
    """Return the answer to a login or a statement that failed."""
    data = {"errorCode": code, "sqlState": state, "queryId": QUERY_ID}
    return Reply.of({"data": data, "code": code, "message": message, "success": False})


def column(
    name: str, kind: str = "text", *, precision: int | None = None, scale: int | None = None
) -> dict[str, object]:
    """Return one column's description."""
    length = 16_777_216 if kind == "text" else None
    sizes = {"length": length, "byteLength": length, "precision": precision, "scale": scale}
    return {"name": name, "type": kind, "nullable": True, "database": "", "schema": "", "table": "", **sizes}


def result(
    columns: Sequence[Mapping[str, object]], arrays: Sequence[pa.Array], *, port: int = 0, parts: int = 0
) -> Reply:
    """Return the answer to a query: a first part of these values, and `parts` more of the same to be fetched."""
    body = _write_part(columns, arrays) if arrays else b""
    size = len(arrays[0]) if arrays else 0
    data: dict[str, object] = {
        "parameters": [{"name": "TIMEZONE", "value": "UTC"}],
        "rowtype": list(columns),
        "rowsetBase64": base64.b64encode(body).decode(),
        "total": size * (parts + 1),
        "returned": size * (parts + 1),
        "queryId": QUERY_ID,
        "queryResultFormat": "arrow",
        "statementTypeId": 4096,
    }
    if parts:
        data["chunkHeaders"] = {}
        data["chunks"] = [
            {
                "url": f"http://127.0.0.1:{port}{_CHUNK_PATH}{number}",
                "rowCount": size,
                "uncompressedSize": len(body),
                "compressedSize": len(body),
            }
            for number in range(parts)
        ]
    return Reply.of({"data": data, "success": True, "code": None, "message": None})


def part(columns: Sequence[Mapping[str, object]], arrays: Sequence[pa.Array]) -> Reply:
    """Return one of the further parts of a result, as cloud storage gives it."""
    return Reply(200, gzip.compress(_write_part(columns, arrays)), {"Content-Encoding": "gzip"})


def answer_with(on_query: Answer, on_part: Answer | None = None) -> Answer:
    """Return an answer that lets every login in."""

    def answer(request: Request) -> Reply:
        if request.path == LOGIN_PATH:
            return log_in()
        if request.path == QUERY_PATH:
            return on_query(request)
        if request.path.startswith(_CHUNK_PATH) and on_part is not None:
            return on_part(request)
        return Reply.of({"success": True, "data": None, "code": None, "message": None})

    return answer


def _write_part(columns: Sequence[Mapping[str, object]], arrays: Sequence[pa.Array]) -> bytes:
    fields = [
        pa.field(
            str(each["name"]),
            array.type,
            metadata={
                "logicalType": str(each["type"]).upper(),
                "precision": str(each["precision"] or 38),
                "scale": str(each["scale"] or 0),
                "charLength": "0",
                "byteLength": "0",
                "finalType": "T",
            },
        )
        for each, array in zip(columns, arrays, strict=True)
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema(fields)) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(list(arrays), schema=pa.schema(fields)))
    body: bytes = sink.getvalue().to_pybytes()
    return body
