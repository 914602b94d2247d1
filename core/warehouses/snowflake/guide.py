"""What the owner of an account runs once: a key pair, a role, a user, a small warehouse and the grants."""

from __future__ import annotations

from collections.abc import Mapping

from core.warehouses.definition import SetupGuide
from core.warehouses.snowflake.names import Names
from core.warehouses.state_session import STATE_SCHEMA

_KEY_PAIR = """\
# A private key with a passphrase; it goes into the form
openssl genrsa 2048 | openssl pkcs8 -topk8 -v2 aes-256-cbc -out onramp_key.p8
# Its public half, as one line; it goes into RSA_PUBLIC_KEY below
openssl rsa -in onramp_key.p8 -pubout -outform DER | base64 | tr -d '\\n'
"""


def write_guide(settings: Mapping[str, object]) -> tuple[SetupGuide, ...]:
    """Return the guide for the names typed so far."""
    names = Names.of(settings)
    has_password = settings.get("authentication") == "password"
    login = (
        "PASSWORD = '<password>' MUST_CHANGE_PASSWORD = FALSE" if has_password else "RSA_PUBLIC_KEY = '<public key>'"
    )
    kind = "LEGACY_SERVICE" if has_password else "SERVICE"
    scripts = (
        SetupGuide(
            "Role, user and warehouse",
            _LOGIN.format(names=names, login=login, kind=kind),
            note="Run as ACCOUNTADMIN. A warehouse that exists already serves as well.",
        ),
        SetupGuide(
            "What the role may read",
            _write_reading(names),
            note="Onramp reads with this role alone. Snowflake has no read-only sessions, so grant SELECT and no more.",
        ),
        SetupGuide(
            "Where sync state is kept",
            f"{names.grant_schema_creation()}\n",
            note=f"Onramp makes the schema {STATE_SCHEMA} and owns it. Without this grant its syncs keep their state "
            "beside the workspace.",
        ),
    )
    key_pair = SetupGuide("Key pair", _KEY_PAIR, language="bash", note="On your own computer. The key stays with you.")
    return scripts if has_password else (key_pair, *scripts)


_LOGIN = """\
CREATE ROLE IF NOT EXISTS {names.role};

CREATE USER IF NOT EXISTS {names.user}
  TYPE = {kind}
  DEFAULT_ROLE = {names.role}
  {login};
GRANT ROLE {names.role} TO USER {names.user};

CREATE WAREHOUSE IF NOT EXISTS {names.warehouse}
  WAREHOUSE_SIZE = XSMALL
  AUTO_SUSPEND = 60
  AUTO_RESUME = TRUE
  INITIALLY_SUSPENDED = TRUE;
GRANT USAGE ON WAREHOUSE {names.warehouse} TO ROLE {names.role};
"""


def _write_reading(names: Names) -> str:
    lines = [names.grant_usage_of_database()]
    if names.schema:
        place, plural = f"SCHEMA {names.database}.{names.schema}", ""
    else:
        place, plural = f"DATABASE {names.database}", "ALL SCHEMAS IN "
    lines.append(f"GRANT USAGE ON {plural}{place} TO ROLE {names.role};")
    for kind in ("TABLES", "VIEWS"):
        for when in ("ALL", "FUTURE"):
            lines.append(f"GRANT SELECT ON {when} {kind} IN {place} TO ROLE {names.role};")
    return "\n".join(lines) + "\n"
