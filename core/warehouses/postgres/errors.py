"""psycopg's vocabulary stops here."""

from __future__ import annotations

import psycopg
from psycopg import pq

from core.errors import CoreError, Unreachable
from core.warehouses.wire.address import Address
from core.warehouses.wire.errors import ServerReport, no_database, rejected

_TLS_HINT = "Choose another SSL mode, or set up TLS on the server."
_CONNECT_FAILURES: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    (
        ("resolve host", "translate host name", "Name or service not known", "nodename nor servname"),
        "There is no server named {host}.",
        "Check the host's spelling, and that this computer can look it up.",
        "host",
    ),
    (
        ("Connection refused",),
        "Nothing listens at {place}.",
        "Check host and port, and that the server runs and listens on its network address.",
        "port",
    ),
    (
        ("timeout expired", "timed out", "No route to host", "Network is unreachable"),
        "{place} does not answer.",
        "Check host and port, and that a firewall lets this computer through.",
        "host",
    ),
    (
        ("server does not support SSL",),
        "{host} does not offer an encrypted connection.",
        _TLS_HINT,
        "ssl_mode",
    ),
    (
        ("does not match host name",),
        "The certificate of the server is not for the name {host}.",
        "Use the name that is in the certificate as the host.",
        "host",
    ),
    (
        ("certificate verify failed", "unable to get local issuer"),
        "The certificate of {host} is not signed by an authority that is trusted here.",
        "Paste the certificate of the authority that signed it.",
        "ssl_ca",
    ),
    (
        ("root certificate", "could not read root", "no certificate or crl found"),
        "The certificate of the authority cannot be read.",
        "Paste the whole PEM text of the authority's certificate.",
        "ssl_ca",
    ),
    (
        ("SSL error", "invalid response to SSL negotiation", "received invalid response", "expected authentication"),
        "What answers at {place} does not speak as a Postgres server does.",
        "Check the port: 5432 is usual.",
        "port",
    ),
    (
        ("server closed the connection", "Connection reset", "Broken pipe"),
        "What answers at {place} ended the connection.",
        "Check host and port, 5432 is usual, and that the server runs; then try again.",
        "port",
    ),
    (
        ("no pg_hba.conf entry", "pg_hba.conf rejects"),
        "{host} does not let the user {user} in from this computer, or not over this kind of connection.",
        "Let whoever runs the server allow it in pg_hba.conf; it may ask for an encrypted connection.",
        "host",
    ),
)


def read_report(error: psycopg.Error) -> ServerReport:
    """Return what the server said; what psycopg found by itself has the SQLSTATE 08006."""
    diagnosis = error.diag
    if diagnosis.sqlstate is None:
        return ServerReport("08006", str(error))
    return _report(
        diagnosis.sqlstate, diagnosis.message_primary, diagnosis.message_detail, diagnosis.statement_position
    )


def read_result(result: pq.abc.PGresult) -> ServerReport:
    """Return what the server said in a failed result."""

    def read(field: pq.DiagnosticField) -> str:
        return (result.error_field(field) or b"").decode("utf-8", "replace")

    return _report(
        read(pq.DiagnosticField.SQLSTATE) or "08006",
        read(pq.DiagnosticField.MESSAGE_PRIMARY),
        read(pq.DiagnosticField.MESSAGE_DETAIL),
        read(pq.DiagnosticField.STATEMENT_POSITION),
    )


def _report(state: str, message: str | None, detail: str | None, position: str | None) -> ServerReport:
    place = int(position) if position and position.isdigit() else None
    return ServerReport(state, message or "", detail or "", place)


def translate_connect(error: psycopg.Error, address: Address) -> CoreError:
    """Return the error for a connection that did not come about; libpq tells the reason in words only."""
    text = str(error).replace(address.password, "…")
    context: dict[str, object] = {"engine_message": text}
    if "authentication failed" in text or "no password supplied" in text or "is not permitted to log in" in text:
        return _with(rejected(address), context)
    if 'database "' in text and "does not exist" in text:
        return _with(no_database(address), context)
    for needles, message, hint, field in _CONNECT_FAILURES:
        if any(needle in text for needle in needles):
            return Unreachable(
                message.format(host=address.host, place=address.place, user=address.user),
                hint=hint,
                context=context | {"field": field},
            )
    return Unreachable(
        f"The server {address.place} did not let us in.", hint="Its own words are below.", context=context
    )


def _with(error: CoreError, context: dict[str, object]) -> CoreError:
    error.context.update(context)
    return error
