"""BigQuery's vocabulary stops here: what the client raises becomes an error of the tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from core.errors import (
    ConnectivityError,
    CoreError,
    CredentialsRejected,
    InvalidField,
    QueryCancelled,
    QueryError,
    QueryTimeout,
    ResultTooLarge,
    Unreachable,
)
from core.warehouses.bigquery import grants
from core.warehouses.bigquery.grants import Login
from core.warehouses.bigquery.sql_errors import explain_sql
from core.warehouses.stopping import timed_out

CLIENT_ERRORS = (api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException, ConnectionError)
"""Everything that the client and what lies below it raise when BigQuery cannot be asked or refuses."""

_BYTES = re.compile(r"bytes billed: (\d+)\. (\d+) or higher")
_QUOTA = ("quotaExceeded", "rateLimitExceeded", "jobRateLimitExceeded", "userRateLimitExceeded")


@dataclass(frozen=True, slots=True)
class Failure:
    """What BigQuery said: its reason, its sentence, and the status of the reply where there was one."""

    reason: str
    message: str
    status: int = 0


def read_failure(error: Exception) -> Failure:
    """Return reason and sentence of an exception of the API."""
    details = list(getattr(error, "errors", None) or ())
    first: Any = details[0] if details and isinstance(details[0], dict) else {}
    message = str(first.get("message") or getattr(error, "message", None) or error)
    status = getattr(error, "code", 0)
    return Failure(str(first.get("reason") or ""), message.split("\n\nLocation:")[0], int(status or 0))


def translate_error(error: Exception, sql: str, login: Login) -> CoreError:
    """Return the error for what the client raised.

    Args:
        error: One of `CLIENT_ERRORS`.
        sql: The text that was sent, for line and column; it may be empty.
        login: For the texts of grants.
    """
    if isinstance(error, api.RetryError) and isinstance(error.cause, Exception):
        return translate_error(error.cause, sql, login)
    if isinstance(error, auth.GoogleAuthError):
        found = _explain_login(error)
        found.context.setdefault("engine_message", str(error.args[0] if error.args else error))
        return found
    if not isinstance(error, api.GoogleAPICallError):
        return _explain_network(error, login)
    failure = read_failure(error)
    if not failure.reason and failure.status in (400, 404, 405):
        return not_bigquery(login)
    return translate_failure(failure, sql, login)


def not_bigquery(login: Login) -> CoreError:
    """Return the error for an answer that BigQuery never gives."""
    return ConnectivityError(
        f"{login.host} answers, but not as BigQuery does.", hint="Check the API endpoint; most projects need none."
    )


def translate_failure(failure: Failure, sql: str, login: Login) -> CoreError:
    """Return the error for what BigQuery said, in a reply or as the end of a job."""
    found = _choose(failure, sql, login)
    found.context |= {"engine_message": failure.message, "engine_error": failure.reason or str(failure.status)}
    return found


def _choose(failure: Failure, sql: str, login: Login) -> CoreError:
    reason, message = failure.reason, failure.message
    lowered = message.lower()
    if failure.status == 401 or reason == "authError":
        return CredentialsRejected(
            "Google refused the login of the service account.",
            hint="Check that the account exists and is enabled, then paste a new key.",
        )
    if reason in _QUOTA or failure.status == 429:
        return QueryError(
            "A quota of the project is used up.",
            code="quota_exceeded",
            hint="Wait, or raise the quota under IAM & Admin, Quotas.",
        )
    if "billing" in lowered and (reason == "billingNotEnabled" or "not been enabled" in lowered):
        return ConnectivityError(
            f"The project {login.project} has no billing account, and BigQuery refuses this without one.",
            code="billing_not_enabled",
            hint="Link a billing account to the project.",
        )
    if reason == "bytesBilledLimitExceeded" or "exceeded limit for bytes billed" in lowered:
        return _over_cap(message)
    if reason in ("stopped", "timeout") or "job timed out" in lowered:
        return _stopped(lowered)
    if reason in ("responseTooLarge", "resourcesExceeded"):
        return ResultTooLarge(
            "The query needs more of BigQuery than one query may use.",
            code="out_of_memory",
            hint="Select fewer columns, filter earlier, or leave out ORDER BY over all rows.",
        )
    if failure.status == 403 or reason in ("accessDenied", "accessNotConfigured", "forbidden"):
        return grants.explain_denial(message, login)
    if failure.status >= 500 or reason in ("backendError", "internalError", "jobBackendError", "jobInternalError"):
        return Unreachable("BigQuery has a failure of its own.", hint="Try again in a minute.")
    if failure.status == 404 or reason == "notFound":
        found = _missing_project(message, login)
        if found is not None:
            return found
    return explain_sql(message, sql, login)


def _over_cap(message: str) -> CoreError:
    numbers = _BYTES.search(message)
    told = (
        f"would bill {int(numbers[2]):,} bytes; the limit of this warehouse is {int(numbers[1]):,}"
        if numbers
        else ("would bill more bytes than the limit of this warehouse allows")
    )
    return QueryError(
        f"The query {told}. It did not run.",
        code="bytes_billed_limit",
        hint="Select fewer columns, filter by the partition column, or raise the limit in the connection's settings.",
    )


def _stopped(lowered: str) -> CoreError:
    seconds = re.search(r"timed out after (\d+(?:\.\d+)?) ?s", lowered)
    if "timed out" in lowered:
        return timed_out(float(seconds[1])) if seconds else QueryTimeout("BigQuery ended the query: it took too long.")
    return QueryCancelled("The query was stopped: somebody cancelled its job in BigQuery.", hint="Run it again.")


def _missing_project(message: str, login: Login) -> CoreError | None:
    if not re.search(r"Not found: Project|Project \S+ (is|was) not found|Unknown project", message):
        return None
    return InvalidField(
        f"There is no project {login.project!r} that this service account can see.",
        hint="Use the project's ID, not its name or number.",
        context={"field": "project"},
    )


def _explain_login(error: auth.GoogleAuthError) -> CoreError:
    text = str(error.args[0] if error.args else error)
    lowered = text.lower()
    if isinstance(error, auth.TransportError):
        return Unreachable(
            "Google's login service did not answer.", hint="Check that this machine reaches the network."
        )
    if "reasonable timeframe" in lowered or "iat and exp" in lowered:
        return CredentialsRejected(
            "Google refused the login because this machine's clock is wrong.", hint="Set the clock, then try again."
        )
    if isinstance(error, auth.RefreshError) and getattr(error, "retryable", False):
        return Unreachable("Google's login service has a failure of its own.", hint="Try again in a minute.")
    if "jwt signature" in lowered or "account not found" in lowered or "invalid_grant" in lowered:
        return CredentialsRejected(
            "Google no longer accepts this key: it expired, was deleted or rotated, or its account is gone.",
            hint="Make a new key for the service account and paste it.",
        )
    return CredentialsRejected(
        "Google refused the login of the service account.",
        hint="Make a new key for the service account and paste it.",
    )


def _explain_network(error: Exception, login: Login) -> CoreError:
    context = {"engine_message": type(error).__name__}
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return not_bigquery(login)
    if isinstance(error, requests.exceptions.SSLError):
        return Unreachable(
            f"The TLS connection to {login.host} was refused: its certificate is not trusted here.",
            code="tls_refused",
            hint="Check the API endpoint, and whether a proxy puts its own certificate in between.",
            context=context,
        )
    if isinstance(error, requests.Timeout):
        told = f"{login.host} did not answer in time."
    elif isinstance(error, requests.exceptions.ChunkedEncodingError):
        told = f"The connection to {login.host} was cut in the middle of a reply."
    elif "NameResolutionError" in repr(error):
        told = f"There is no host {login.host}."
    else:
        told = f"{login.host} cannot be reached, or it ended the connection."
    return Unreachable(told, hint="Check the API endpoint and that this machine reaches it.", context=context)
