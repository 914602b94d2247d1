"""Credentials at rest: Fernet, with a key that only this user can read."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import orjson
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, delete, insert, select

from core.errors import StoreUnreadable
from core.ids import new_id
from core.storage.home import Home
from core.storage.tables import secrets


class SecretBox:
    """Encrypts and decrypts credentials. Its repr shows nothing."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    def __repr__(self) -> str:
        """Return a text without the key."""
        return "SecretBox(…)"

    def seal(self, values: dict[str, str]) -> str:
        """Return `values` as a text that only this workspace can read, and that nobody else can make; URL-safe."""
        return self._fernet.encrypt(orjson.dumps(values)).decode().rstrip("=")

    def unseal(self, text: str) -> dict[str, str] | None:
        """Return what was sealed; None for a text that this workspace did not make."""
        try:
            values: dict[str, str] = orjson.loads(self._fernet.decrypt(text + "=" * (-len(text) % 4)))
        except (InvalidToken, ValueError):
            return None
        return values

    def save(self, connection: Connection, values: dict[str, str], now: datetime) -> str:
        """Encrypt `values` into a new row and return the secret's id."""
        secret_id = new_id("sec", now)
        token = self._fernet.encrypt(orjson.dumps(values))
        connection.execute(insert(secrets).values(id=secret_id, ciphertext=token, created_at=now))
        return secret_id

    def read(self, connection: Connection, secret_id: str) -> dict[str, str]:
        """Return the values saved under `secret_id`.

        Raises:
            StoreUnreadable: The secret is gone, or was encrypted with another key.
        """
        row = connection.execute(select(secrets.c.ciphertext).where(secrets.c.id == secret_id)).first()
        if row is None:
            raise StoreUnreadable("The saved credentials are gone.", hint="Enter them again and save.")
        try:
            values: dict[str, str] = orjson.loads(self._fernet.decrypt(row.ciphertext))
        except InvalidToken as error:
            raise StoreUnreadable(
                "The saved credentials were encrypted with another key.",
                hint="Put the original secret.key (or ONRAMP_SECRET_KEY) back, or enter the credentials again.",
            ) from error
        return values

    def read_old(self, connection: Connection, secret_id: str | None, typed: dict[str, str]) -> dict[str, str]:
        """Return the values saved under `secret_id`, which what was `typed` changes; nothing where none are saved.

        Nothing either where they can no longer be read but something was typed: then that is all there is.

        Raises:
            StoreUnreadable: They cannot be read, and nothing was typed in their place.
        """
        try:
            return self.read(connection, secret_id) if secret_id else {}
        except StoreUnreadable:
            if not typed:
                raise
            return {}

    def drop(self, connection: Connection, secret_id: str) -> None:
        """Forget the secret."""
        connection.execute(delete(secrets).where(secrets.c.id == secret_id))


def open_secret_box(home: Home) -> SecretBox:
    """Return the box for `ONRAMP_SECRET_KEY`, else for the key file, which is made on first use with mode 0600.

    Raises:
        StoreUnreadable: The key is not a Fernet key, or others than its owner can read the file.
    """
    key = os.environ.get("ONRAMP_SECRET_KEY", "").encode() or _read_key_file(home)
    try:
        return SecretBox(key)
    except ValueError as error:
        raise StoreUnreadable(
            "The encryption key is not valid.", hint="It must be 32 bytes in URL-safe base64 (a Fernet key)."
        ) from error


def _read_key_file(home: Home) -> bytes:
    path = home.secret_key
    try:
        if not path.exists():
            _make_key_file(path)
        mode = path.stat().st_mode & 0o777
        if not mode & 0o077:
            return path.read_bytes().strip()
    except OSError as error:
        raise StoreUnreadable(
            f"The key file {path.name} cannot be used ({error.strerror}).",
            hint=f"Free space on the disk of {path.parent}, or check its permissions.",
        ) from error
    raise StoreUnreadable(
        f"The key file {path.name} can be read by others (mode {mode:04o}).", hint=f"Run: chmod 600 {path}"
    )


def _make_key_file(path: Path) -> None:
    # Written whole under another name, then linked: a full disk or a kill leaves no half key under the real name, and
    # of two processes that start together one wins and both read the same key.
    descriptor, draft = tempfile.mkstemp(prefix=".key-", dir=path.parent)  # made exclusively, with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
