"""redshift-connector's vocabulary stops here."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator

from redshift_connector.error import Error

from core.errors import CoreError, Unreachable
from core.warehouses.wire.address import Address
from core.warehouses.wire.errors import LOST, ServerReport, translate_report

_OTHER_NAME, _EXPIRED = (62, 64), 10  # X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH, _CERT_HAS_EXPIRED


class WrongName(Exception):
    """The certificate of the server behind a tunnel is for another name."""


def read_report(error: Exception) -> ServerReport:
    """Return what the server said; what the driver found by itself has the SQLSTATE 08006."""
    told = error.args[0] if isinstance(error, Error) and error.args else None
    if not isinstance(told, dict):
        return ServerReport(LOST, str(error))
    position = str(told.get("P", ""))
    return ServerReport(
        str(told.get("C", LOST)),
        str(told.get("M", "")),
        str(told.get("D", "")),
        int(position) if position.isdigit() else None,
    )


def translate_connect(error: Exception, address: Address) -> CoreError:
    """Return the error for a connection that did not come about."""
    report = read_report(error)
    context: dict[str, object] = {"engine_message": report.message.replace(address.password, "…")}
    for cause in _causes(error):
        match cause:
            case WrongName() | ssl.SSLError():
                return _translate_tls(cause, address, context)
            case OSError():
                return _translate_reach(cause, address, context)
    if "server socket closed" in report.message or isinstance(error, struct.error):  # before a message, or within one
        return _translate_reach(ConnectionResetError(), address, context)
    if "refuses SSL" in report.message:
        return Unreachable(
            f"{address.host} does not offer an encrypted connection.",
            code="tls_refused",
            hint="Check the port: 5439 is usual. Only a server of your own goes without encryption.",
            context=context | {"field": "ssl_mode"},
        )
    if report.sqlstate == LOST:
        return Unreachable(
            f"What answers at {address.place} does not speak as a Redshift cluster does.",
            hint="Check host and port: 5439 is usual. For a Postgres server, choose Postgres.",
            context=context | {"field": "port"},
        )
    if "pg_hba.conf" in report.message:
        return Unreachable(
            f"{address.host} does not let the user {address.user} in over this kind of connection.",
            hint="Choose an encrypted connection; the cluster may ask for one.",
            context=context | {"field": "ssl_mode"},
        )
    return translate_report(report, "", address)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it was made of: the driver puts its cause into the arguments."""
    yield error
    yield from (part for part in error.args if isinstance(part, BaseException))


def _translate_tls(error: BaseException, address: Address, context: dict[str, object]) -> CoreError:
    code = getattr(error, "verify_code", None)
    field = "ssl_mode"
    if isinstance(error, WrongName) or code in _OTHER_NAME:
        message, field = f"The certificate of the server is not for the name {address.host}.", "host"
        hint = "Use the cluster's own name as the host, or verify-ca, which does not check it."
    elif code == _EXPIRED:
        message = f"The certificate of {address.host} has expired."
        hint = "Let whoever runs the cluster renew it; check this computer's clock."
    elif isinstance(error, ssl.SSLCertVerificationError):
        message = f"The certificate of {address.host} is not signed by Amazon or by an authority trusted here."
        hint = "Check the host. Something between may open the connection: add its authority to this computer's."
    else:
        message, field = f"What answers at {address.place} does not speak TLS as a Redshift cluster does.", "port"
        hint = "Check host and port: 5439 is usual."
    return Unreachable(message, code="tls_refused", hint=hint, context=context | {"field": field})


def _translate_reach(error: OSError, address: Address, context: dict[str, object]) -> CoreError:
    match error:
        case socket.gaierror():
            message, field = f"There is no server named {address.host}.", "host"
            hint = "Check the host's spelling, and that this computer finds an IPv4 address for it."
        case ConnectionRefusedError():
            message, field = f"Nothing listens at {address.place}.", "port"
            hint = "Check host and port: 5439 is usual."
        case ConnectionResetError() | BrokenPipeError():
            message, field = f"What answers at {address.place} ended the connection.", "port"
            hint = "Check host and port: 5439 is usual."
        case _:
            message, field = f"{address.place} does not answer.", "host"
            hint = "Check host and port, that the cluster is not paused, and that its security group lets us in."
    return Unreachable(message, hint=hint, context=context | {"field": field})
