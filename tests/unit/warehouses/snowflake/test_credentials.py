"""The private key as people paste it, and each way in which it cannot be used."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from core.errors import InvalidField
from core.warehouses.snowflake.credentials import read_private_key

PEM, PKCS8, OLD = (
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.PrivateFormat.TraditionalOpenSSL,
)
PLAIN = serialization.NoEncryption()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write(key: rsa.RSAPrivateKey, passphrase: str = "", form: serialization.PrivateFormat = PKCS8) -> str:
    kind = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else PLAIN
    return key.private_bytes(PEM, form, kind).decode()


def is_the_key(der: bytes, key: rsa.RSAPrivateKey) -> bool:
    found = serialization.load_der_private_key(der, None)
    return isinstance(found, rsa.RSAPrivateKey) and found.private_numbers() == key.private_numbers()


@pytest.mark.parametrize(
    "damage",
    [
        str,
        lambda pem: f"\n  {pem}\n\n",
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: pem.replace("\n", " "),
        lambda pem: pem.replace("\n", "\\n"),
        lambda pem: f"here it is: {pem} regards",
    ],
    ids=["as it is", "spaces around", "windows", "one line", "escaped", "in a mail"],
)
@pytest.mark.parametrize("passphrase", ["", "staple ß"])
@pytest.mark.parametrize("form", [PKCS8, OLD])
def test_a_key_is_read_however_it_was_pasted(
    key: rsa.RSAPrivateKey, passphrase: str, damage: object, form: serialization.PrivateFormat
) -> None:
    pem = damage(write(key, passphrase, form))  # type: ignore[operator]
    assert is_the_key(read_private_key(pem, passphrase), key)


def test_a_passphrase_that_a_plain_key_does_not_need_does_no_harm(key: rsa.RSAPrivateKey) -> None:
    assert is_the_key(read_private_key(write(key), "unused"), key)


def test_each_key_that_cannot_be_used_says_why_and_names_the_field(key: rsa.RSAPrivateKey) -> None:
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    short = write(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505 - too short, which is the case
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, PLAIN).decode()
    openssh = key.private_bytes(PEM, serialization.PrivateFormat.OpenSSH, PLAIN).decode()
    cut = "\n".join([*write(key).splitlines()[:5], "-----END PRIVATE KEY-----"])
    for text, passphrase, words, field in (
        ("", "", "not in PEM form", "private_key"),
        ("MIIEvQIBADANBg", "", "not in PEM form", "private_key"),
        (public, "", "public half", "private_key"),
        (openssh, "", "OpenSSH", "private_key"),
        (curve, "", "not an RSA key", "private_key"),
        (short, "", "1024 bits", "private_key"),
        (cut, "", "damaged", "private_key"),
        (write(key, "staple"), "", "passphrase is missing", "private_key_passphrase"),
        (write(key, "staple"), "wrong", "does not open", "private_key_passphrase"),
        (write(key, "staple", OLD), "wrong", "does not open", "private_key_passphrase"),
    ):
        with pytest.raises(InvalidField, match=words) as caught:
            read_private_key(text, passphrase)
        assert caught.value.context == {"field": field} and caught.value.hint
        assert text[60:100] not in f"{caught.value!r}{caught.value.__cause__!r}" or not text[60:100]
