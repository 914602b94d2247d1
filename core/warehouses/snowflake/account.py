"""Where an account answers: the account identifier in whatever form a person has it at hand."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import InvalidField

_DOMAINS = (".snowflakecomputing.com", ".snowflakecomputing.cn")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_REGION = re.compile(r"[a-z]+(-[a-z0-9]+)+(\.[a-z]+)?")


@dataclass(frozen=True, slots=True)
class Address:
    """What the driver is told: `account` is the first label of the host name, which the login and the key name."""

    account: str
    host: str
    port: int = 443
    protocol: str = "https"


def find_address(identifier: str, host: str = "") -> Address:
    """Return where the account answers.

    Args:
        identifier: `organization-account`, a locator with its region, or the address of the account in a browser.
        host: Another host that answers for the account, as private connectivity has; empty for the account's own.

    Raises:
        InvalidField: This is no account identifier, or no host.
    """
    name = tidy_account(identifier)
    account = name.split(".")[0]
    if host.strip():
        return _read_host(account, host.strip())
    region = name.partition(".")[2]
    domain = _DOMAINS[1] if region.startswith("cn-") else _DOMAINS[0]
    return Address(account, name.replace("_", "-").lower() + domain)  # a host name has no underscore


def tidy_account(text: str) -> str:
    """Return the account identifier in a text that may be an address pasted from a browser.

    Example:
        >>> tidy_account("https://app.snowflake.com/myorg/account1/worksheets")
        'myorg-account1'
    """
    text = text.strip()
    address = urlsplit(text if "//" in text else f"//{text}")
    name = (address.hostname or "").lower()
    if name == "app.snowflake.com":
        name = _read_path([part for part in address.path.split("/") if part])
    elif domain := next((domain for domain in _DOMAINS if name.endswith(domain)), None):
        name = name.removesuffix(domain)
    elif "//" not in text and "/" not in text:
        name = _join_organization(text)
    else:
        name = ""
    if not _IDENTIFIER.fullmatch(name):
        raise InvalidField(
            f"{text!r} is not a Snowflake account identifier.",
            hint="Copy it in Snowflake under your name, Account, View account details: myorg-account1. "
            "A locator needs its region: xy12345.us-east-2.aws.",
            context={"field": "account"},
        )
    return name


def _join_organization(name: str) -> str:
    # SQL writes organization.account, the address organization-account; a region is told by its hyphen
    first, dot, second = name.partition(".")
    is_account = dot and "." not in second and "-" not in name and second != "privatelink"
    return f"{first}-{second}" if is_account else name


def _read_path(parts: list[str]) -> str:
    # app.snowflake.com/<organization>/<account>, or in older links /<region>/<locator>
    if len(parts) < 2 or parts[0] == "#":
        return ""
    first, second = parts[:2]
    return f"{second}.{first}" if _REGION.fullmatch(first) else f"{first}-{second}"


def _read_host(account: str, host: str) -> Address:
    try:
        parts = urlsplit(host if "//" in host else f"https://{host}")
        name, port = parts.hostname or "", parts.port
    except ValueError:
        name, port, parts = "", None, urlsplit("")
    is_plain = parts.scheme == "http"
    if not name or parts.path.strip("/") or parts.username or parts.scheme not in ("http", "https"):
        raise _bad_host(f"{host!r} is not a host.", "Give a name such as xy12345.us-east-2.privatelink.example.com.")
    if is_plain and not _is_loopback(name):
        raise _bad_host(
            "The host is written with http, which would send the credentials in the clear.",
            "Use https. Only a stand-in of Snowflake on this machine may be spoken to without TLS.",
        )
    return Address(account, name, port or (80 if is_plain else 443), parts.scheme)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _bad_host(message: str, hint: str) -> InvalidField:
    return InvalidField(message, hint=hint, context={"field": "host"})
