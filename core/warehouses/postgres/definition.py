"""What a Postgres connection asks for, and what the database's owner runs once."""

from __future__ import annotations

from collections.abc import Mapping

from core.fields import Field
from core.warehouses.definition import TIME_ZONE, SetupGuide, WarehouseDefinition
from core.warehouses.tunnel_fields import TUNNEL_FIELDS
from core.warehouses.wire.address import SSL_CA, server_fields
from core.warehouses.wire.guide import write_guides


def write_guide(settings: Mapping[str, object]) -> tuple[SetupGuide, ...]:
    """Return the statements for a login of its own that reads, and writes nothing but our schema."""
    return write_guides(
        settings,
        create_user="CREATE ROLE {user} LOGIN PASSWORD '{password}' NOSUPERUSER NOCREATEDB NOCREATEROLE;",
        connect="GRANT CONNECT ON DATABASE {database} TO {user};",
    )


DEFINITION = WarehouseDefinition(
    name="postgres",
    label="Postgres",
    summary="A PostgreSQL database, version 12 or later, wherever it runs: your own, Amazon RDS, Heroku and others.",
    docs_url="https://www.postgresql.org/docs/current/",
    settings=(
        *server_fields(host="db.example.com", port=5432, database="crm"),
        Field(
            "ssl_mode",
            "Encryption",
            "Whether the connection is encrypted, and whether the server has to prove who it is.",
            default="require",
            choices=(
                ("require", "Encrypted (require)"),
                ("verify-full", "Encrypted, and the server proves its name (verify-full)"),
                ("prefer", "Encrypted where the server can (prefer)"),
                ("disable", "Not encrypted (disable)"),
            ),
        ),
        SSL_CA,
        *TUNNEL_FIELDS,
        TIME_ZONE,
    ),
    dialect="postgres",
    default_schema="public",
    write_guide=write_guide,
)
