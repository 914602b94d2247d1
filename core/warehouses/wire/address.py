"""Where a Postgres or Redshift server is, and as whom we go there: the form's fields and their judgement."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core.errors import InvalidField
from core.fields import Field, FieldType

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9.])?|[0-9A-Fa-f:.]{2,45}")
_PEM = "-----BEGIN CERTIFICATE-----"

SSL_CA = Field(
    "ssl_ca",
    "Certificate of the authority",
    "The PEM text of the certificate authority that signed the server's certificate; empty means those that this "
    "computer trusts.",
    type=FieldType.TEXT,
    placeholder=_PEM,
    depends_on=("ssl_mode", "verify-full"),
)


@dataclass(frozen=True, slots=True)
class Address:
    """One server, one database, one login. `reached_at` is the near end of a tunnel to it."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    ssl_mode: str = "require"
    ssl_ca: str = ""
    reached_at: tuple[str, int] | None = None

    @property
    def place(self) -> str:
        """The server in words: `db.example.com, port 5432`."""
        return f"{self.host}, port {self.port}"

    def through(self, host: str, port: int) -> Address:
        """Return the same server, reached through the near end of a tunnel."""
        return replace(self, reached_at=(host, port))


def server_fields(*, host: str, port: int, database: str) -> tuple[Field, ...]:
    """Return the fields of the server and the login, with an engine's own examples."""
    return (
        Field("host", "Host", "The name or address of the server.", required=True, placeholder=host),
        Field(
            "port", "Port", "The server's TCP port.", type=FieldType.INTEGER, required=True, default=port, unit="port"
        ),
        Field("database", "Database", "The database to read.", required=True, placeholder=database),
        Field("user", "User", "The login that Onramp uses.", required=True, placeholder="onramp"),
        Field("password", "Password", "Its password.", type=FieldType.PASSWORD, required=True, secret=True),
    )


def read_address(settings: Mapping[str, object], secrets: Mapping[str, str], *, ssl_mode: str) -> Address:
    """Return the address that the settings name; `ssl_mode` is the one of an engine that offers no choice.

    Raises:
        InvalidField: A value that no server can have; `context["field"]` names the field.
    """
    host = str(settings.get("host", "")).strip()
    if _HOST.fullmatch(host) is None:
        raise InvalidField(
            f"{host!r} is not the name of a server.",
            hint="Give the host alone, such as db.example.com: no protocol, port, path or spaces.",
            context={"field": "host"},
        )
    database, user = str(settings.get("database", "")), str(settings.get("user", ""))
    for name, value in (("database", database), ("user", user), ("password", secrets.get("password", ""))):
        if "\0" in value or not value:
            raise InvalidField(
                f"The {name} is empty or holds a character that cannot be sent.",
                hint=f"Type the {name} again.",
                context={"field": name},
            )
    ca = str(settings.get("ssl_ca") or "").strip()
    if ca and _PEM not in ca:
        raise InvalidField(
            "The certificate of the authority is not in PEM form.",
            hint=f"Paste the whole text, from {_PEM} to the last line.",
            context={"field": "ssl_ca"},
        )
    port = int(str(settings.get("port", 0)))
    return Address(host, port, database, user, secrets["password"], str(settings.get("ssl_mode", ssl_mode)), ca)
