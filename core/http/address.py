"""The address under which a request reached this server."""

from __future__ import annotations

from starlette.requests import Request

from core.sources.address import find_public_address


def read_address(request: Request) -> str:
    """Return the scheme and the host that the sender meant, without a slash at the end.

    `ONRAMP_PUBLIC_URL` goes first, because a proxy may ask for another host; then what the request names.
    """
    return find_public_address(f"{request.url.scheme}://{request.headers.get('host', 'localhost')}")
