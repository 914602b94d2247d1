"""The signature of Twilio's webhooks: who sent a request, and that its body is the one that was sent.

Written here and not taken from the package twilio, which brings an HTTP client, an asynchronous one and JWT with it for
twelve lines; the tests compare both.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"
_HASHES: Mapping[str, str] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}


def is_signed(url: str, body: bytes, signature: str, auth_token: str, settings: str = "") -> bool:
    """Say whether `signature` is that of a JSON request to `url` with this body.

    Twilio signs the whole address, which holds the SHA-256 of the body as `bodySHA256`. The port of the address may or
    may not be part of what was signed. An address without `bodySHA256` leaves the body unsigned, and is refused.

    Args:
        url: As Twilio asked for it, with its query.
        body: As it came, before anything was unpacked.
        signature: Of the header X-Twilio-Signature.
        auth_token: Of the account; a secret.
        settings: Of the header X-Twilio-Webhooks-Signature-Settings, which may name another hash.

    Source: https://www.twilio.com/docs/usage/security#validating-requests; differs in: only JSON requests.
    """
    digests = parse_qs(urlsplit(url).query).get("bodySHA256", [])
    if len(digests) != 1 or not hmac.compare_digest(hashlib.sha256(body).hexdigest(), digests[0]):
        return False
    algorithm = _HASHES.get(_read_algorithm(settings))
    if algorithm is None:
        return False
    return any(hmac.compare_digest(_sign(each, auth_token, algorithm), signature) for each in _spell(url))


def _sign(url: str, auth_token: str, algorithm: str) -> str:
    return base64.b64encode(hmac.digest(auth_token.encode(), url.encode(), algorithm)).decode()


def _spell(url: str) -> Iterator[str]:
    """Yield the address without and with its port."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    port = parts.port or (443 if parts.scheme == "https" else 80)
    yield parts._replace(netloc=host).geturl()
    yield parts._replace(netloc=f"{host}:{port}").geturl()


def _read_algorithm(settings: str) -> str:
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"
