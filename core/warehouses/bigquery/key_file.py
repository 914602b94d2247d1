"""The JSON file of a service account's key: judged field by field, so that each slip of a paste has its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from core.errors import InvalidField

if TYPE_CHECKING:
    from google.oauth2 import service_account

SCOPES = ("https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/drive.readonly")
"""BigQuery, and reading the Google Sheets behind external tables that are shared with the service account."""

_NEEDED = ("project_id", "private_key_id", "private_key", "client_email", "token_uri")
_OTHER_FILES = {
    "authorized_user": "the login of a person",
    "external_account": "a workload identity",
    "impersonated_service_account": "an impersonation",
}
_AGAIN = "Paste the whole file again, from the first { to the last }."


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One key. Its secret part is inside `credentials`, which shows nothing of it."""

    project: str
    account: str
    credentials: service_account.Credentials = field(repr=False)


def read_key_file(text: str, *, may_use_loopback: bool = False) -> KeyFile:
    """Return the key that `text` holds.

    Args:
        text: The file as Google gave it.
        may_use_loopback: Whether the key's token may come from this machine, which only an API endpoint on this
            machine needs.

    Raises:
        InvalidField: It is no key file, or not the whole of it; no message shows a part of it.
    """
    info = _read_json(text)
    kind = info.get("type")
    if kind != "service_account":
        found = f"is {_OTHER_FILES[kind]}" if kind in _OTHER_FILES else "does not say that it is a service account's"
        raise _invalid(f"This file {found}.", "Use the JSON key of a service account: its type is service_account.")
    missing = [name for name in _NEEDED if not isinstance(info.get(name), str) or not info[name].strip()]
    if missing:
        raise _invalid(f"The key file lacks {', '.join(missing)}.", _AGAIN)
    _check_token_address(info, may_use_loopback)
    from google.oauth2 import service_account  # a form does not need Google's libraries, reading a key does

    try:
        credentials = service_account.Credentials.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, UnicodeError) as error:
        raise _invalid(
            "The private key in the file cannot be read.", f"{_AGAIN} The \\n inside the key are part of it."
        ) from error
    return KeyFile(info["project_id"].strip(), info["client_email"].strip(), credentials)


def _read_json(text: str) -> Mapping[str, Any]:
    try:
        info = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "PRIVATE KEY" in text and not text.lstrip().startswith("{"):
            raise _invalid("This is the private key alone.", _AGAIN) from None
        place = f"line {error.lineno}, column {error.colno}"
        # The decoder's own exception holds the document: it is not chained
        raise _invalid(f"The key is not JSON: it breaks off at {place}.", _AGAIN) from None
    if not isinstance(info, dict):
        raise _invalid("The key is JSON, but not the file of a key.", _AGAIN)
    return info


def _check_token_address(info: Mapping[str, Any], may_use_loopback: bool) -> None:
    # A signed assertion goes there: a changed file must not send it elsewhere
    parts = urlsplit(str(info["token_uri"]).strip())
    host = parts.hostname or ""
    domains = {"googleapis.com", "google.com", str(info.get("universe_domain") or "googleapis.com")}
    is_google = parts.scheme == "https" and any(host == name or host.endswith(f".{name}") for name in domains)
    if not is_google and not (may_use_loopback and host in ("127.0.0.1", "localhost", "::1")):
        raise _invalid("The token_uri of the key is no address of Google's.", "Use the file as Google gave it.")


def _invalid(message: str, hint: str) -> InvalidField:
    return InvalidField(message, hint=hint, context={"field": "credentials"})
