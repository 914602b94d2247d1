"""Snowflake's vocabulary stops here: its error numbers and texts become errors of the tree."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.errors import (
    CoreError,
    CredentialsRejected,
    NotReadOnly,
    PermissionMissing,
    QueryCancelled,
    QueryError,
    QueryTimeout,
    SqlSyntaxError,
    Unreachable,
)
from core.warehouses.snowflake.connection import Refused
from core.warehouses.snowflake.names import Names
from core.warehouses.state_session import STATE_SCHEMA

_PLACE = re.compile(r"(?:error )?line (\d+) at position (\d+)")
_NO_OBJECT = re.compile(r"(Object|Table|View|Schema|Database) '(.+?)' does not exist or not authorized")
_NO_PRIVILEGE = re.compile(r"Insufficient privileges to operate on ([a-z ]+?) '(.+?)'", re.IGNORECASE)
_NO_FUNCTION = re.compile(r"Unknown (?:user-defined )?functions? (.+?)\.?$", re.IGNORECASE | re.MULTILINE)
_NO_COLUMN = re.compile(r"invalid identifier '(.+?)'")
_UNEXPECTED = re.compile(r"unexpected '(.*?)'\.?", re.DOTALL)
_TIMEOUT = re.compile(r"timeout of ([\d,]+) second")
_STATUS = re.compile(r"status:? (\d{3})")

_SESSION_GONE = frozenset({390104, 390111, 390112, 390113, 390114, 390115})
_SYNTAX = frozenset({1003, 900, 904, 939, 979, 1007, 1044, 2028, 2140, 2141})


def translate_error(refusal: Refused, names: Names, sql: str = "") -> CoreError:
    """Return the error for what the driver raised.

    Args:
        refusal: What the driver raised.
        names: What the person typed, for the grant that is missing.
        sql: The text that was sent, for line and column.
    """
    number, text = refusal.number, refusal.text
    found = _translate_login(number, text, names) or _translate_query(number, text, names, sql)
    found.context |= {"engine_message": text, "engine_error": number}
    if refusal.query_id:
        found.context["query_id"] = refusal.query_id
    return found


def is_session_lost(refusal: Refused) -> bool:
    """Say whether the session cannot take another statement."""
    return refusal.number < 100 or refusal.number == 250_001 or refusal.number in _SESSION_GONE


def _translate_login(number: int, text: str, names: Names) -> CoreError | None:
    if number == 250_001 or number < 100:
        return None if "statement count" in text else _unreachable(text)
    match number:
        case 390100:
            return CredentialsRejected(
                f"Snowflake refused the username {names.user} or its password.",
                hint="Check both, and that the account is the right one.",
            )
        case 390144:
            return CredentialsRejected(
                f"Snowflake refused the key of the user {names.user}: it is not the one that the user has, it was "
                "replaced, or the clock of this machine is wrong.",
                hint="Set RSA_PUBLIC_KEY of the user to the public half of this key, and check this machine's time.",
            )
        case 390101 | 390102:
            return CredentialsRejected(
                f"The user {names.user} is locked or disabled.", hint="Ask an administrator to unlock the user."
            )
        case 390106:
            return CredentialsRejected(
                "The password has expired.", hint="Set a new one in Snowflake, then type it here."
            )
        case 390189:
            return PermissionMissing(
                f"The role {names.role} does not exist, or the user {names.user} may not take it.",
                hint="Grant the role to the user, or choose another role.",
                context={"grant": names.grant_role(), "field": "role"},
            )
        case 390201:
            return _no_warehouse(names)
        case 390420 | 390422 | 390432:
            return PermissionMissing(
                "A network policy of the account does not let this machine in.",
                hint="Ask an administrator to allow the address of this machine.",
            )
    if number in _SESSION_GONE:
        return Unreachable("Snowflake ended the session.", hint="Run it again; Onramp logs in anew.")
    if 390_000 <= number < 400_000:
        return CredentialsRejected(
            f"Snowflake refused the login of the user {names.user}.", hint="The text of Snowflake below says why."
        )
    return None


def _unreachable(text: str) -> CoreError:
    lowered = text.lower()
    status = _STATUS.search(text)
    if status is not None and status[1] in ("403", "404"):
        return Unreachable(
            "There is no Snowflake account at this address.",
            hint="Check the account identifier; a locator needs its region, as in xy12345.us-east-2.aws.",
            context={"field": "account"},
        )
    if "lookup" in lowered or "dns" in lowered:
        return Unreachable(
            "The address of the account cannot be found.",
            hint="Check the account identifier, and that this machine reaches the internet.",
            context={"field": "account"},
        )
    if "refused" in lowered and "connection" in lowered:
        return Unreachable(
            "Nothing answers at the account's address.", hint="Check the host, and the firewall between."
        )
    if any(word in lowered for word in ("certificate", "corrupt message", "tls", "handshake", "invalidcontenttype")):
        return Unreachable(
            "What answers does not speak TLS as Snowflake does.",
            hint="Check the host; a proxy between that opens TLS has to be known to this machine.",
        )
    if "timed out" in lowered or "timeout" in lowered:
        return Unreachable("Snowflake does not answer.", hint="Check the network between, then try again.")
    if status is None and any(word in lowered for word in ("invalid snowflake response", "closed before", "reset by")):
        return Unreachable(
            "The connection broke off, or what answered is not Snowflake.",
            hint="Try again; check the host if it stays.",
        )
    detail = f" It answered with the status {status[1]}." if status else ""
    return Unreachable(f"Snowflake cannot be used at the moment.{detail}", hint="Try again in a while.")


def _translate_query(number: int, text: str, names: Names, sql: str) -> CoreError:
    if number == 3001 or "Insufficient privileges" in text:
        return _no_privilege(text, names)
    if number in (606, 90073, 608) or ("Warehouse" in text and ("suspended" in text or "cannot be resumed" in text)):
        return _translate_warehouse(text, names)
    match number:
        case 630:
            seconds = _TIMEOUT.search(text)
            limit = f" {seconds[1]} s" if seconds else " it may"
            return QueryTimeout(
                f"The query took longer than{limit} and was stopped by Snowflake.",
                hint="Filter or aggregate more, or allow it more time; the warehouse has a limit of its own.",
            )
        case 604:
            return QueryCancelled("The query was stopped in Snowflake.", hint="Run it again when you like.")
        case 8:
            return NotReadOnly(
                "The text holds more than one statement.",
                code="two_statements",
                hint="Keep one SELECT; remove the others and their `;`.",
            )
        case 90105:
            return _no_database(names)
        case 90106:
            return QueryError(
                "A table is named without its schema, and the warehouse has none to begin with.",
                code="no_schema",
                hint="Write schema.table, or fill in Schema in the warehouse's settings.",
            )
    return _translate_text(number, text, names, sql)


def _translate_text(number: int, text: str, names: Names, sql: str) -> CoreError:
    place = _read_place(text)
    if missing := _NO_OBJECT.search(text):
        return _no_object(missing[1], missing[2], names, sql)
    if column := _NO_COLUMN.search(text):
        name = _as_written(sql, column[1])
        return _at(place, f'there is no column "{name}".', "unknown_column", "Look it up in the table list.")
    if function := _NO_FUNCTION.search(text):
        name = function[1].strip("'\"").lower()
        return _at(
            _find(sql, name), f"there is no function {name}().", "unknown_function", "Snowflake has no such one."
        )
    if number in _SYNTAX or number == 2043 or place is not None:
        unexpected = _UNEXPECTED.search(text)
        what = f'the text "{unexpected[1]}" is not expected there.' if unexpected else _last_line(text)
        return _at(place, what, "sql_syntax_error", "Correct the SQL at that place; Snowflake's SQL is expected.")
    if 100_000 <= number < 101_000:
        return QueryError(
            _last_line(text),
            code="value_failed",
            hint="Use TRY_CAST or NULLIF to turn values that do not fit into NULL, or filter them out.",
        )
    return QueryError(_last_line(text), hint="Change the SQL, or select fewer rows to find the cause.")


def _no_object(kind: str, name: str, names: Names, sql: str) -> CoreError:
    last = name.replace('"', "").split(".")[-1]
    if kind == "Database":
        return _no_database(names)
    if kind == "Schema" and last.upper() != STATE_SCHEMA.upper():
        return PermissionMissing(
            f"The schema {name} does not exist, or the role {names.role} may not use it.",
            hint="Check its name, or grant it.",
            context={"grant": names.grant_usage_of_schema(name)},
        )
    error = _at(
        _find(sql, last),
        f'there is no table "{_as_written(sql, name)}", or the role {names.role} may not read it.',
        "unknown_table",
        "Look it up in the table list, or grant SELECT on it.",
    )
    error.context["grant"] = names.grant_reading(name)
    return error


def _no_privilege(text: str, names: Names) -> CoreError:
    found = _NO_PRIVILEGE.search(text)
    kind, name = (found[1].lower(), found[2]) if found else ("object", "")
    is_ours = name.replace('"', "").split(".")[-1].upper() == STATE_SCHEMA.upper()
    if kind == "database":
        what, grant = f"make the schema {STATE_SCHEMA} in {names.database}", names.grant_schema_creation()
    elif kind == "schema" and is_ours:
        what, grant = f"make tables in {names.state_schema}", names.grant_table_creation()
    elif kind == "schema":
        what, grant = f"use the schema {name}", names.grant_usage_of_schema(name)
    elif kind == "warehouse":
        what, grant = f"use the warehouse {name}", names.grant_usage_of_warehouse()
    else:
        what, grant = f"read {name}" if name else "do this", names.grant_reading(name) if name else ""
    context = {"grant": grant} if grant else {}
    hint = "Let the owner of the database run the grant."
    return PermissionMissing(f"The role {names.role} may not {what}.", hint=hint, context=context)


def _translate_warehouse(text: str, names: Names) -> CoreError:
    if "resource monitor" in text:
        return QueryError(
            f"The warehouse {names.warehouse} is suspended: its resource monitor has used up its credits.",
            code="warehouse_suspended",
            hint="Ask an administrator for more credits, or wait until the monitor begins anew.",
        )
    if "suspended" in text:
        return QueryError(
            f"The warehouse {names.warehouse} is suspended and does not resume by itself.",
            code="warehouse_suspended",
            hint=f"Run ALTER WAREHOUSE {names.warehouse} SET AUTO_RESUME = TRUE, or resume it.",
        )
    return _no_warehouse(names)


def _no_warehouse(names: Names) -> CoreError:
    return PermissionMissing(
        f"The warehouse {names.warehouse} does not exist, or the role {names.role} may not use it.",
        hint="Check its name, or grant it.",
        context={"grant": names.grant_usage_of_warehouse(), "field": "warehouse"},
    )


def _no_database(names: Names) -> CoreError:
    return PermissionMissing(
        f"The database {names.database} does not exist, or the role {names.role} may not use it.",
        hint="Check its name, or grant it.",
        context={"grant": names.grant_usage_of_database(), "field": "database"},
    )


def _at(place: tuple[int, int] | None, message: str, code: str, hint: str) -> SqlSyntaxError:
    if place is None:
        return SqlSyntaxError(message[:1].upper() + message[1:], code=code, hint=hint)
    line, column = place
    context = {"line": line, "column": column}
    return SqlSyntaxError(f"Line {line}, column {column}: {message}", code=code, hint=hint, context=context)


def _read_place(text: str) -> tuple[int, int] | None:
    found = _PLACE.search(text)
    return (int(found[1]), int(found[2]) + 1) if found else None


def _find(sql: str, name: str) -> tuple[int, int] | None:
    """Return line and column of the only place where `name` stands; Snowflake does not say where it is."""
    found = list(_search(sql, name))
    if len(found) != 1:
        return None
    before = sql[: found[0].start()]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _as_written(sql: str, name: str) -> str:
    """Return `name` as the text has it: Snowflake tells it in upper case."""
    found = next(_search(sql, name), None)
    return found[0] if found else name


def _search(sql: str, name: str) -> Iterator[re.Match[str]]:
    return re.finditer(rf"(?<![\w$]){re.escape(name)}(?![\w$])", sql, re.IGNORECASE)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[-1] if lines else "Snowflake gave no reason."
    return line if line.endswith((".", "!", "?")) else f"{line}."
