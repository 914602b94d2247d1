"""How the demo phone sends: settings first, then one batch, as the mobile libraries do; to this machine only.

Source: HTTPClient.swift of analytics-swift 1.9.4 and HTTPClient.kt of analytics-kotlin 1.24.1. They insist on HTTPS,
which a demo on one machine does not have; everything else is theirs.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import orjson

from core.clock import to_iso
from core.errors import InvalidField, UnknownWriteKey, Unreachable
from core.samples.demo_events import Message
from core.samples.demo_phone import SCREENS, Device, get_device, make_demo_session
from core.sources.address import get_host, is_on_this_machine
from core.sources.store import Source

TIMEOUT_S = 20
_CHUNK_BYTES = 8_192


def use_demo_phone(
    source: Source, address: str, *, now: datetime, screens: Sequence[str] = SCREENS[:2], email: str | None = None
) -> list[Message]:
    """Start the demo app, view screens, and send that to the Onramp at `address`; return what was sent.

    Args:
        source: A Swift or a Kotlin source.
        address: An address on this machine, such as `http://localhost:8501`.
        now: Aware.
        screens: The names of the screens.
        email: Who signs in; nobody without it.

    Raises:
        InvalidField: The source is not that of an app, or the address leads to another machine.
        Unreachable: Nothing that is Onramp answers there.
        UnknownWriteKey: The Onramp there has no such source.
    """
    device = get_device(source)
    write_key = str(source.write_key)
    _require_this_machine(address)
    scheme = urlsplit(address).scheme
    settings = _fetch(f"{scheme}://{get_host(address)}/projects/{write_key}/settings", device)
    upload_to = f"{scheme}://{_read_api_host(settings, address)}/b"
    _require_this_machine(upload_to)
    messages = make_demo_session(source, now=now, screens=screens, email=email)
    _upload(upload_to, device, {"batch": messages, "sentAt": to_iso(now), "writeKey": write_key})
    return messages


def _fetch(url: str, device: Device) -> bytes:
    status, body = _request("GET", url, device, {"content-type": "application/json; charset=utf-8"}, None)
    if status == 404:
        raise UnknownWriteKey(
            f"What answers at {urlsplit(url).netloc} knows no source with this write key.",
            hint="Start this workspace there, or name the address where it is served.",
        )
    return body


def _upload(url: str, device: Device, batch: Mapping[str, object]) -> None:
    body: bytes | Iterable[bytes] = orjson.dumps(batch)
    headers = {"content-type": device.content_type}
    if device.is_packed:
        headers["content-encoding"] = "gzip"
        packed = gzip.compress(orjson.dumps(batch))
        # Without a length, in chunks, as OkHttp streams it.
        body = (packed[at : at + _CHUNK_BYTES] for at in range(0, len(packed), _CHUNK_BYTES))
    _request("POST", url, device, headers, body)


def _request(
    method: str, url: str, device: Device, headers: Mapping[str, str], body: bytes | Iterable[bytes] | None
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.netloc, timeout=TIMEOUT_S)
    try:
        connection.request(method, parts.path, body, {"user-agent": device.user_agent, **headers})
        response = connection.getresponse()
        answer = response.read()
    except (OSError, HTTPException) as error:
        raise Unreachable(
            f"Nothing answers at {parts.scheme}://{parts.netloc}.",
            hint="Start Onramp there, with python -m core open or serve, and try again.",
        ) from error
    finally:
        connection.close()
    if response.status >= 300 and not (method == "GET" and response.status == 404):
        raise Unreachable(
            f"{parts.scheme}://{parts.netloc} answered {response.status} to the demo phone.",
            hint="Try again in a moment. If it stays so, the log of the server says more.",
        )
    return response.status, answer


def _read_api_host(settings: bytes, address: str) -> str:
    try:
        return str(orjson.loads(settings)["integrations"]["Segment.io"]["apiHost"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"What answers at {address} is not Onramp.", hint="Name another address.") from error


def _require_this_machine(address: str) -> None:
    if not is_on_this_machine(address):
        raise InvalidField(
            f"The demo phone sends to this machine only, and {address} is another.",
            hint="Name an address such as http://localhost:8501, and leave ONRAMP_PUBLIC_URL out for the demo.",
        )
