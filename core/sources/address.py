"""Where senders reach this server."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit


def find_public_address(asked: str) -> str:
    """Return `ONRAMP_PUBLIC_URL`, else the address that was asked for, without a slash at the end."""
    return (os.environ.get("ONRAMP_PUBLIC_URL") or asked).rstrip("/")


def is_on_this_machine(address: str) -> bool:
    """Say whether only programs on this machine can reach `address`."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def get_host(address: str) -> str:
    """Return the address as the mobile libraries want it: no scheme, with the path `/v1`."""
    parts = urlsplit(address)
    return f"{parts.netloc}{parts.path.rstrip('/')}/v1"
