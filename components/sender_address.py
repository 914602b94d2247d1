"""The address that senders use, as this browser knows it."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from core.sources.address import find_public_address, is_on_this_machine


def get_sender_address() -> str:
    """Return where websites, apps and servers reach this server."""
    parts = urlsplit(str(st.context.url or "http://localhost"))
    return find_public_address(f"{parts.scheme}://{parts.netloc}")


def draw_address_note(address: str, *, needs_tls: bool = False) -> None:
    """Say whom this address leaves out; nothing where everybody can send to it."""
    if is_on_this_machine(address):
        st.info(
            f"Events go to `{address}`, which only programs on this machine can reach. For others, put a proxy with"
            " HTTPS before Onramp and name its address in `ONRAMP_PUBLIC_URL`.",
            icon=":material/lan:",
        )
    elif needs_tls and not address.startswith("https://"):
        st.warning(
            f"The mobile libraries send by HTTPS only, and `{address}` is not. Put a proxy with HTTPS before Onramp and"
            " name its address in `ONRAMP_PUBLIC_URL`.",
            icon=":material/lock_open:",
        )
