"""What a Redshift connection asks for, and what the database's owner runs once."""

from __future__ import annotations

from collections.abc import Mapping

from core.fields import Field
from core.warehouses.definition import TIME_ZONE, SetupGuide, WarehouseDefinition
from core.warehouses.tunnel_fields import TUNNEL_FIELDS
from core.warehouses.wire.address import server_fields
from core.warehouses.wire.guide import write_guides


def write_guide(settings: Mapping[str, object]) -> tuple[SetupGuide, ...]:
    """Return the statements for a login of its own that reads, and writes nothing but our schema."""
    return write_guides(
        settings,
        create_user="CREATE USER {user} PASSWORD '{password}' NOCREATEDB NOCREATEUSER;",
        login_note="Redshift wants 8 to 64 characters with upper and lower case and a digit.",
    )


DEFINITION = WarehouseDefinition(
    name="redshift",
    label="Redshift",
    summary="An Amazon Redshift cluster or serverless workgroup.",
    docs_url="https://docs.aws.amazon.com/redshift/latest/dg/",
    settings=(
        *server_fields(host="examplecluster.abc123.us-west-2.redshift.amazonaws.com", port=5439, database="dev"),
        Field(
            "ssl_mode",
            "Encryption",
            "Whether the connection is encrypted, and whether the cluster has to prove its name.",
            default="verify-full",
            choices=(
                ("verify-full", "Encrypted, and the cluster proves its name (verify-full)"),
                ("verify-ca", "Encrypted, with a certificate of a trusted authority (verify-ca)"),
                ("disable", "Not encrypted (disable)"),
            ),
        ),
        *TUNNEL_FIELDS,
        TIME_ZONE,
    ),
    dialect="redshift",
    default_schema="public",
    write_guide=write_guide,
)
