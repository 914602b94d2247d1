"""What a Postgres or Redshift server says, by its SQLSTATE, as an error of the tree.

The codes are the same on both and in every language that a server may be set to; its words are read only for names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.errors import (
    CoreError,
    CredentialsRejected,
    InvalidField,
    NotReadOnly,
    PermissionMissing,
    QueryError,
    QueryTimeout,
    ResultTooLarge,
    SqlSyntaxError,
    Unreachable,
)
from core.warehouses.state_session import STATE_SCHEMA
from core.warehouses.wire.address import Address
from core.warehouses.wire.names import quote

LOST, STOPPED, SYNTAX = "08006", "57014", "42601"
_LOOK_UP = "Look it up in the table list."
_READS_ONLY = "A SQL model may only read the tables of its warehouse."
_TOKEN = re.compile(r'"(?:[^"]|"")+"|[\w$]+(?:\.[\w$]+|\."(?:[^"]|"")+")*|\'[^\']*\'|\S')
_QUOTED = re.compile(r"[\"«„“]([^\"»“”]+)[\"»“”]")
_DENIED = re.compile(r"permission denied for (?P<kind>[a-z ]+?) \"?(?P<name>[^\"]+?)\"?$")
_SYNTAX = {
    "42703": ("there is no column {name}", "unknown_column", _LOOK_UP),
    "42P01": ("there is no table {name}", "unknown_table", _LOOK_UP),
    "3F000": ("there is no schema {name}", "unknown_table", _LOOK_UP),
    "42883": (
        "there is no function or operator {name} for values of these types",
        "unknown_function",
        "Check its name, and cast its arguments where needed.",
    ),
    "42702": ("the column {name} is in more than one table", None, "Put the table's name or alias in front of it."),
    "42P02": ("the query has the parameter {name}", "parameter", "Write the value itself instead of $1."),
    "42803": ("{name} is neither grouped nor aggregated", None, "Add it to GROUP BY, or put it in an aggregate."),
}


@dataclass(frozen=True, slots=True)
class ServerReport:
    """One error as the server sent it. `position` counts characters of the text sent, from 1."""

    sqlstate: str
    message: str
    detail: str = ""
    position: int | None = None

    @property
    def context(self) -> dict[str, object]:
        """The vendor's own words, to be folded below ours."""
        text = self.message if not self.detail else f"{self.message}\n{self.detail}"
        return {"engine_message": text, "engine_error": self.sqlstate}


class Refused(Exception):
    """The server answered with an error; `sent` is the text that it was about."""

    def __init__(self, report: ServerReport, sent: str) -> None:
        super().__init__(report.message)
        self.report = report
        self.sent = sent


class OutOfTime(Exception):
    """The query took longer than it may."""


def translate_report(report: ServerReport, sql: str, address: Address, *, offset: int = 0) -> CoreError:
    """Return the error for what the server said about a statement.

    Args:
        report: What it said.
        sql: The person's text; names and the place are looked for in it.
        address: Whom it was said to.
        offset: How many characters of ours stand before `sql` in the text that was sent.
    """
    at = None if report.position is None else report.position - 1 - offset
    at = at if at is not None and 0 <= at <= len(sql) else None
    error = _choose(report, sql, at, address)
    if at is not None and isinstance(error, QueryError):
        line, column = sql.count("\n", 0, at) + 1, at - (sql.rfind("\n", 0, at) + 1) + 1
        error.message = f"Line {line}, column {column}: {error.message}"
        error.context |= {"line": line, "column": column}
    elif isinstance(error, SqlSyntaxError):
        error.message = error.message[:1].upper() + error.message[1:]
    error.args = (error.message,)
    error.context.update(report.context)
    return error


def _choose(report: ServerReport, sql: str, at: int | None, address: Address) -> CoreError:
    state, name = report.sqlstate, _find_name(report, sql, at)
    if state in _SYNTAX:
        message, code, hint = _SYNTAX[state]
        return SqlSyntaxError(f"{message.format(name=name).rstrip()}.", code=code, hint=hint)
    if state == SYNTAX:
        what = "the text ends too early" if at is not None and not sql[at:].strip() else f"{name} is not expected here"
        return SqlSyntaxError(f"{what}.", hint="Correct the SQL at that place.")
    if state.startswith("25"):  # writing, or asking to, inside of a read-only transaction
        return NotReadOnly("The query tries to write.", code="writes", hint=_READS_ONLY)
    if state == "42501":
        return _denied(report, sql, address)
    if state.startswith("22"):
        value = _QUOTED.findall(report.message)
        return QueryError(
            f'the value "{value[-1]}" does not fit the type that the SQL wants.'
            if value
            else "a value does not fit the type that the SQL wants, or cannot be computed.",
            code="value_failed",
            hint="Turn the values that do not fit into NULL with CASE, or filter them out.",
        )
    if state in ("53200", "54000", "54001", "54011"):
        return ResultTooLarge(
            "The query needs more memory or columns than the server gives to one query.",
            code="out_of_memory",
            hint="Select fewer columns, filter earlier, or aggregate before joining.",
        )
    return _choose_connection(report, address) or _other(report)


def _choose_connection(report: ServerReport, address: Address) -> CoreError | None:
    state = report.sqlstate
    if state.startswith("28"):
        return rejected(address)
    if state == "3D000":
        return no_database(address)
    if state == "53300":
        return Unreachable(
            f"The server {address.place} has no connection to spare.",
            hint="Try again later, or raise its limit of connections.",
        )
    if state.startswith(("08", "57P")):
        return Unreachable(
            f"The server {address.place} ended the connection.",
            code="connection_lost",
            hint="Run it again; a sync continues from what was acknowledged.",
        )
    return None


def _other(report: ServerReport) -> QueryError:
    if report.sqlstate.startswith(("42", "0A")):
        return SqlSyntaxError("the server does not accept this SQL.", hint="Correct the SQL; its own words are below.")
    if report.sqlstate.startswith(("53", "58")):
        return QueryError(
            "the server could not run the query for want of disk space or another resource.",
            hint="Ask whoever runs the server; its own words are below.",
        )
    return QueryError("the server could not run the query.", hint="Change the SQL; the server's own words are below.")


def _denied(report: ServerReport, sql: str, address: Address) -> CoreError:
    found = _DENIED.search(report.message.splitlines()[0])
    kind, name = (found["kind"], found["name"]) if found else ("object", "")
    user = quote(address.user)
    if kind == "schema":
        grant = f"GRANT USAGE ON SCHEMA {quote(name)} TO {user};"
    elif kind == "database":
        grant = f"GRANT CREATE ON DATABASE {quote(name)} TO {user};"
    elif kind in ("table", "view", "relation", "materialized view", "foreign table"):
        grant = f"GRANT SELECT ON {_qualify(name, sql)} TO {user};"
    else:
        return NotReadOnly(
            f"The login {address.user} may not do what this query asks for.", code="writes", hint=_READS_ONLY
        )
    return PermissionMissing(
        f"The login {address.user} may not use the {kind} {name}.",
        hint=f"Let the owner run: {grant}",
        context={"grant": grant},
    )


def _qualify(name: str, sql: str) -> str:
    # The server names the table alone; the person's text knows its schema.
    found = re.search(rf'(?:"((?:[^"]|"")+)"|([A-Za-z_][\w$]*))\s*\.\s*"?{re.escape(name)}"?(?![\w$])', sql)
    return f"{quote(found[1] or found[2].lower())}.{quote(name)}" if found else quote(name)


def rejected(address: Address) -> CoreError:
    """Return the error of a login that the server does not accept."""
    return CredentialsRejected(
        f"{address.host} refused the user {address.user} with this password.",
        hint="Check user and password, and that the password has not expired.",
        context={"field": "password"},
    )


def no_database(address: Address) -> CoreError:
    """Return the error of a database that does not exist."""
    return InvalidField(
        f"There is no database {address.database!r} on {address.host}.",
        hint="Check the database's name, in upper and lower case.",
        context={"field": "database"},
    )


def has_parameter() -> CoreError:
    """Return the error of a query with a $1."""
    return SqlSyntaxError(
        "The query has a parameter, and nothing gives it a value.",
        code="parameter",
        hint="Write the value itself instead of $1.",
    )


def gives_no_columns() -> CoreError:
    """Return the error of a text that is understood and is no query."""
    return NotReadOnly(
        "The text is not a query that reads.", code="not_a_query", hint="Write one SELECT (or WITH … SELECT)."
    )


def stopped_by_server(report: ServerReport) -> CoreError:
    """Return the error of a query that was stopped and not by us."""
    return QueryTimeout(
        "The server stopped the query: by a time limit of its own, or because an administrator ended it.",
        hint="Ask whoever runs the server, then run it again.",
        context=report.context,
    )


def state_denied(address: Address, *, has_schema: bool, report: ServerReport) -> CoreError:
    """Return the error of a login that may not write its state; the grant is the one that is missing."""
    user = quote(address.user)
    grant = (
        f"GRANT USAGE, CREATE ON SCHEMA {STATE_SCHEMA} TO {user};"
        if has_schema
        else f"CREATE SCHEMA {STATE_SCHEMA} AUTHORIZATION {user};"
    )
    return PermissionMissing(
        f"The login {address.user} reads, but may not write the state of syncs into the schema {STATE_SCHEMA}.",
        hint=f"Let the owner of the database run: {grant}",
        context={"grant": grant, **report.context},
    )


def schema_denied(address: Address, schema: str, *, may_use: bool, may_read: bool) -> CoreError:
    """Return the error of a schema whose tables this login may not read; the grant is what is missing."""
    user, name = quote(address.user), quote(schema)
    missing = [] if may_use else [f"GRANT USAGE ON SCHEMA {name} TO {user};"]
    missing += [] if may_read else [f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO {user};"]
    return PermissionMissing(
        f"The login {address.user} may not {'read the tables of' if may_use else 'use'} the schema {schema}.",
        hint="Let its owner run the grant, then press Refresh.",
        context={"grant": "\n".join(missing)},
    )


def _find_name(report: ServerReport, sql: str, at: int | None) -> str:
    token = None if at is None else _TOKEN.match(sql, at)
    if token is not None:
        text = token[0]
        return text if text.startswith(('"', "'")) else f'"{text}"'
    quoted = _QUOTED.findall(report.message)
    return f'"{quoted[0]}"' if quoted else ""
