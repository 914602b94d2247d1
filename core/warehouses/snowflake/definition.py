"""What Snowflake asks of a person: the form, with the validation that its fields can do."""

from __future__ import annotations

from core.fields import Field, FieldType
from core.warehouses.definition import TIME_ZONE, WarehouseDefinition
from core.warehouses.snowflake.guide import write_guide

KEY_PAIR = "key_pair"
PASSWORD = "password"  # noqa: S105 - the name of a choice

DEFINITION = WarehouseDefinition(
    name="snowflake",
    label="Snowflake",
    summary="A database in your Snowflake account, read with a role and a virtual warehouse of its own.",
    docs_url="https://docs.snowflake.com/en/user-guide/admin-account-identifier",
    settings=(
        Field(
            "account",
            "Account identifier",
            "As in the account's address: myorg-account1, or a locator with its region such as xy12345.us-east-2.aws. "
            "The whole address may be pasted.",
            required=True,
            placeholder="myorg-account1",
        ),
        Field("user", "Username", "The user that Onramp logs in as.", required=True, placeholder="onramp_user"),
        Field(
            "authentication",
            "Authentication",
            "A key pair, or a password. Snowflake asks people who log in with a password for a second factor; a user "
            "of the type LEGACY_SERVICE is exempt.",
            required=True,
            choices=((KEY_PAIR, "Key pair"), (PASSWORD, "Password")),
            default=KEY_PAIR,
        ),
        Field(
            "private_key",
            "Private key",
            "The whole .p8 file (PKCS#8, PEM), at least 2048 bits, from -----BEGIN to END-----.",
            type=FieldType.TEXT,
            required=True,
            secret=True,
            depends_on=("authentication", KEY_PAIR),
            placeholder="-----BEGIN ENCRYPTED PRIVATE KEY-----",
        ),
        Field(
            "private_key_passphrase",
            "Passphrase",
            "What the private key is encrypted with; empty for a key that is not.",
            type=FieldType.PASSWORD,
            secret=True,
            depends_on=("authentication", KEY_PAIR),
        ),
        Field(
            "password",
            "Password",
            "The user's password.",
            type=FieldType.PASSWORD,
            required=True,
            secret=True,
            depends_on=("authentication", PASSWORD),
        ),
        Field("role", "Role", "The role that reads; empty for the user's default role.", placeholder="onramp_role"),
        Field(
            "warehouse",
            "Warehouse",
            "The virtual warehouse that runs the queries; XSMALL is enough to begin with.",
            required=True,
            placeholder="onramp_wh",
        ),
        Field(
            "database",
            "Database",
            "The database that SQL models read, and in which sync state is kept.",
            required=True,
            placeholder="analytics",
        ),
        Field(
            "schema", "Schema", "The schema of names without one in SQL models; may stay empty.", placeholder="public"
        ),
        Field(
            "host",
            "Host",
            "Only for private connectivity or a proxy: the host that answers in place of the account's own, as "
            "SYSTEM$GET_PRIVATELINK_CONFIG() gives it.",
            placeholder="xy12345.us-east-2.privatelink.snowflakecomputing.com",
        ),
        TIME_ZONE,
    ),
    dialect="snowflake",
    write_guide=write_guide,
)
