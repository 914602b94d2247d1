"""The names that a person typed, as SQL writes them: in the guide, and in the one grant that is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from core.warehouses.state_session import STATE_SCHEMA

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


@dataclass(frozen=True, slots=True)
class Names:
    """Each is an identifier; one that is not typed yet has a name to begin with."""

    user: str
    role: str
    warehouse: str
    database: str
    schema: str

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Self:
        """Return the names in these settings."""

        def read(name: str, default: str) -> str:
            return write_name(str(settings.get(name) or "").strip() or default)

        return cls(
            read("user", "onramp_user"),
            read("role", "onramp_role"),
            read("warehouse", "onramp_wh"),
            read("database", "my_database"),
            read("schema", ""),
        )

    @property
    def state_schema(self) -> str:
        """Our own schema, with its database."""
        return f"{self.database}.{STATE_SCHEMA}"

    def grant_usage_of_warehouse(self) -> str:
        """Return the statement that lets the role run queries."""
        return f"GRANT USAGE ON WAREHOUSE {self.warehouse} TO ROLE {self.role};"

    def grant_usage_of_database(self) -> str:
        """Return the statement that lets the role see the database."""
        return f"GRANT USAGE ON DATABASE {self.database} TO ROLE {self.role};"

    def grant_schema_creation(self) -> str:
        """Return the statement that lets the role make our schema."""
        return f"GRANT CREATE SCHEMA ON DATABASE {self.database} TO ROLE {self.role};"

    def grant_table_creation(self) -> str:
        """Return the statement that lets the role make our tables."""
        return f"GRANT USAGE, CREATE TABLE ON SCHEMA {self.state_schema} TO ROLE {self.role};"

    def grant_role(self) -> str:
        """Return the statement that lets the user take the role."""
        return f"GRANT ROLE {self.role} TO USER {self.user};"

    def grant_usage_of_schema(self, schema: str) -> str:
        """Return the statement that lets the role see a schema, named as Snowflake named it."""
        name = schema if "." in schema else f"{self.database}.{schema}"
        return f"GRANT USAGE ON SCHEMA {name} TO ROLE {self.role};"

    def grant_reading(self, table: str) -> str:
        """Return the statement that lets the role read a table or a view, named as Snowflake named it."""
        return f"GRANT SELECT ON TABLE {table} TO ROLE {self.role};"


def write_name(name: str) -> str:
    """Return `name` as SQL takes it: plain names fold to upper case as Snowflake folds them, others are quoted."""
    if not name or _PLAIN.fullmatch(name) or (len(name) > 2 and name[0] == name[-1] == '"'):
        return name
    return '"' + name.replace('"', '""') + '"'


def write_text(text: str) -> str:
    """Return `text` as a string literal; Snowflake reads a backslash as an escape."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
