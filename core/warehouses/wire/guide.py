"""What the owner of a Postgres or Redshift database runs once, filled with the names typed."""

from __future__ import annotations

from collections.abc import Mapping

from core.warehouses.definition import SetupGuide
from core.warehouses.state_session import STATE_SCHEMA
from core.warehouses.wire.names import quote

PASSWORD = "choose-a-password"  # noqa: S105 - a placeholder that a person replaces
READ_SCHEMA = "public"


def write_guides(
    settings: Mapping[str, object], *, create_user: str, connect: str = "", login_note: str = ""
) -> tuple[SetupGuide, ...]:
    """Return the guide: a login of its own, what it may read, and the one schema that it may write.

    Args:
        settings: What is typed so far.
        create_user: The engine's statement for the login, with {user} and {password}.
        connect: Its statement that lets a login into a {database}, where it has one.
        login_note: What else is to be known about the login.
    """
    user = quote(str(settings.get("user") or "onramp"))
    database = quote(str(settings.get("database") or "your_database"))
    login = create_user.format(user=user, password=PASSWORD)
    return (
        SetupGuide(
            "Create the login",
            f"{login}\n{connect.format(user=user, database=database)}".strip(),
            note=f"Run this as an administrator of the database, with a password of your own. {login_note}".strip(),
        ),
        SetupGuide(
            "Let it read",
            f"GRANT USAGE ON SCHEMA {READ_SCHEMA} TO {user};\n"
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {READ_SCHEMA} TO {user};\n"
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {READ_SCHEMA} GRANT SELECT ON TABLES TO {user};",
            note=f"Repeat it for each schema that your SQL models read, with its name instead of {READ_SCHEMA}. "
            "The last line is for tables that are made later by the user who runs it.",
        ),
        SetupGuide(
            "Let it keep the state of syncs",
            f"CREATE SCHEMA IF NOT EXISTS {STATE_SCHEMA};\nGRANT USAGE, CREATE ON SCHEMA {STATE_SCHEMA} TO {user};",
            note="Optional. With it, only rows that changed leave the database; without it, Onramp keeps the state of "
            "syncs beside the workspace.",
        ),
    )
