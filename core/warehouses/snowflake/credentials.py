"""The private key of a key pair, read from what a person pasted."""

from __future__ import annotations

import re

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from core.errors import InvalidField

MIN_BITS = 2048
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_HEADER = re.compile(r"(?:Proc-Type|DEK-Info): ?\S+")  # an older kind of encryption names itself so


def read_private_key(text: str, passphrase: str = "") -> bytes:
    """Return the key as the driver takes it, in PKCS#8 without encryption; it is kept in memory only.

    Raises:
        InvalidField: The text is no private key, the passphrase is wrong or missing, or the key is too short.
    """
    found = _PEM.search(text)
    if found is None:
        raise _bad_key("The private key is not in PEM form.", "Paste the whole .p8 file, with its BEGIN and END lines.")
    kind = found[1]
    if "PUBLIC" in kind or "CERTIFICATE" in kind:
        raise _bad_key(
            "This is the public half of the key pair.", "Paste the private key; the public one goes to the user."
        )
    if "OPENSSH" in kind:
        raise _bad_key("The key is in OpenSSH form.", "Make one with the openssl commands of the guide.")
    key = _load(_tidy(found), passphrase)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _bad_key("The key is not an RSA key.", "Make one with the openssl commands of the guide.")
    if key.key_size < MIN_BITS:
        raise _bad_key(f"The key has {key.key_size} bits.", f"Snowflake takes RSA keys of {MIN_BITS} bits and more.")
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _tidy(found: re.Match[str]) -> bytes:
    # Through a form or a variable of the environment, line ends arrive as spaces or as the two characters \n
    inner = found[2].replace("\\n", "\n").replace("\\r", "")
    headers = _HEADER.findall(inner)
    body = "".join(_HEADER.sub("", inner).split())
    rows = [body[start : start + 64] for start in range(0, len(body), 64)]
    head = [*headers, ""] if headers else []
    return "\n".join([f"-----BEGIN {found[1]}-----", *head, *rows, f"-----END {found[1]}-----", ""]).encode()


def _load(pem: bytes, passphrase: str) -> object:
    is_encrypted = b"ENCRYPTED" in pem
    if is_encrypted and not passphrase:
        raise _bad_passphrase("The private key is encrypted, and the passphrase is missing.", "Fill in its passphrase.")
    password = passphrase.encode() if is_encrypted else None  # a passphrase for a plain key does no harm
    try:
        return serialization.load_pem_private_key(pem, password)
    except (ValueError, TypeError) as error:
        if is_encrypted:
            failure = _bad_passphrase(
                "The passphrase does not open the private key.",
                "Type the passphrase that the key was made with, or paste the other key.",
            )
        else:
            failure = _bad_key("The private key is damaged.", "Paste the whole .p8 file, from BEGIN to END.")
        raise failure from error


def _bad_key(message: str, hint: str) -> InvalidField:
    return InvalidField(message, hint=hint, context={"field": "private_key"})


def _bad_passphrase(message: str, hint: str) -> InvalidField:
    return InvalidField(message, hint=hint, context={"field": "private_key_passphrase"})
