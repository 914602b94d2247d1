"""redshift-connector's vocabulary stops here."""

from __future__ import annotations

import socket
import ssl

from redshift_connector.error import Error

from core.errors import CoreError, Unreachable
from core.warehouses.wire.address import Address
from core.warehouses.wire.errors import ServerReport, translate_report

LOST = "08006"


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


def translate_reach(error: OSError, address: Address) -> CoreError:
    """Return the error of a server that cannot be reached at all."""
    match error:
        case socket.gaierror():
            message, hint, field = f"There is no server named {address.host}.", "Check the host's spelling.", "host"
        case ConnectionRefusedError():
            message, hint, field = f"Nothing listens at {address.place}.", "Check host and port: 5439 is usual.", "port"
        case _:
            message, field = f"{address.place} does not answer.", "host"
            hint = "Check host and port, and that the cluster's security group lets this computer in."
    return Unreachable(message, hint=hint, context={"engine_message": str(error), "field": field})


def translate_connect(error: Exception, address: Address) -> CoreError:
    """Return the error for a connection that was reached and did not come about."""
    report = read_report(error)
    context: dict[str, object] = {"engine_message": report.message.replace(address.password, "…"), "field": "ssl_mode"}
    causes = [error, error.__cause__, error.__context__, *error.args]
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Unreachable(
            f"The certificate of {address.host} is not one of Amazon's for this name.",
            code="tls_refused",
            hint="Use the cluster's own name as the host.",
            context=context | {"field": "host"},
        )
    if "refuses SSL" in report.message or any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Unreachable(
            f"{address.host} does not offer an encrypted connection.",
            code="tls_refused",
            hint="Check the port, or choose another encryption.",
            context=context,
        )
    if report.sqlstate == LOST:
        return Unreachable(
            f"What answers at {address.place} does not speak as a Redshift cluster does.",
            hint="Check the port: 5439 is usual.",
            context=context | {"field": "port"},
        )
    return translate_report(report, "", address)
