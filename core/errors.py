"""The error tree. Every public failure of `core` is one of these.

```
CoreError                  message = what happened, with which object; hint = what to do; code = stable
|- ConfigurationError      MissingField, InvalidField, UnknownConnector, NotFound, LimitExceeded
|- ConnectivityError       Unreachable (retryable), CredentialsRejected, PermissionMissing
|- QueryError              SqlSyntaxError, NotReadOnly, PrimaryKeyMissing, PrimaryKeyNotUnique,
|                          QueryTimeout (retryable), QueryCancelled, ResultTooLarge
|- MappingError            UnknownColumn, RequiredFieldUnmapped, TypeMismatch
|- DeliveryError           RateLimited (retryable), DestinationUnavailable (retryable), SchemaRefused
|- EventError              InvalidEvent, PayloadTooLarge, UnknownWriteKey, EventNotPlanned
|- IdentityError           MergeLimitExceeded, IdentifierBlocked, MergeConflict
|- PredictionError         NotEnoughData, LeakageSuspected, PredictionOutOfDate
|- StateError            RunInProgress, IllegalTransition, VersionConflict, StorageFull, StoreUnreadable,
|                          Overloaded (retryable)
`- InternalError           our bug: shown as an incident id, full trace in the log
```

A bad *record* is an `Outcome`, a bad *run* is an exception. A context never holds a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class CoreError(Exception):
    """A failure a person can act on.

    Args:
        message: What happened, naming the object it happened to. One sentence.
        code: Stable identifier, documented in `docs/errors.md`; defaults to the class's own code.
        hint: What to do next. One sentence, imperative.
        context: Facts for the log and for `--json` output; never a secret.
    """

    code = "error"
    hint = ""
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        context: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if hint is not None:
            self.hint = hint
        self.context: dict[str, object] = dict(context or {})

    def __str__(self) -> str:
        """Return the sentence, with the hint where there is one."""
        return f"{self.message} {self.hint}".strip()

    def to_dict(self) -> dict[str, object]:
        """Return the error as plain JSON types, for the command line and the store."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
            "context": self.context,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> CoreError:
        """Return what `to_dict` wrote, to be shown."""
        error = CoreError(
            str(stored.get("message", "")),
            code=str(stored.get("code", "")),
            hint=str(stored.get("hint", "")),
            context=stored.get("context"),
        )
        error.retryable = bool(stored.get("retryable"))
        return error


class ConfigurationError(CoreError):
    """Something a person set up is missing, wrong or not allowed."""

    code = "configuration_error"


class MissingField(ConfigurationError):
    """A required setting has no value."""

    code = "missing_field"


class InvalidField(ConfigurationError):
    """A setting has a value that cannot be used; the hint lists what can."""

    code = "invalid_field"


class UnknownConnector(ConfigurationError):
    """No source, warehouse, destination or check has this name."""

    code = "unknown_connector"


class NotFound(ConfigurationError):
    """The named object does not exist in this workspace."""

    code = "not_found"


class LimitExceeded(ConfigurationError):
    """An entitlement or a size limit would be exceeded; the message names the limit."""

    code = "limit_exceeded"


class ConnectivityError(CoreError):
    """A warehouse or a destination could not be used."""

    code = "connectivity_error"


class Unreachable(ConnectivityError):
    """Nothing answered; trying again later may help."""

    code = "unreachable"
    retryable = True


class CredentialsRejected(ConnectivityError):
    """The other side refused the credentials."""

    code = "credentials_rejected"


class PermissionMissing(ConnectivityError):
    """The login works but lacks a permission; the hint names the grant."""

    code = "permission_missing"


class QueryError(CoreError):
    """A SQL model could not be run."""

    code = "query_error"


class SqlSyntaxError(QueryError):
    """The SQL is not valid in the warehouse's dialect."""

    code = "sql_syntax_error"


class NotReadOnly(QueryError):
    """The SQL is more than one read-only query; `code` says which rule refused it."""

    code = "not_read_only"


class PrimaryKeyMissing(QueryError):
    """The unique identifier column is not set, or not in the result, or empty in some row."""

    code = "primary_key_missing"


class PrimaryKeyNotUnique(QueryError):
    """Several rows share one value of the unique identifier column."""

    code = "primary_key_not_unique"


class QueryTimeout(QueryError):
    """The query ran longer than its time limit and was stopped."""

    code = "query_timeout"
    retryable = True


class QueryCancelled(QueryError):
    """A person stopped the query."""

    code = "query_cancelled"


class ResultTooLarge(QueryError):
    """The result breaks a limit: columns, name length, record or value size, memory."""

    code = "result_too_large"


class MappingError(CoreError):
    """A mapping cannot be used as it stands."""

    code = "mapping_error"


class UnknownColumn(MappingError):
    """The mapping names a column that the SQL model does not return."""

    code = "unknown_column"


class RequiredFieldUnmapped(MappingError):
    """A field that the destination needs has no column and no constant."""

    code = "required_field_unmapped"


class TypeMismatch(MappingError):
    """A column's values cannot become the type that the field takes."""

    code = "type_mismatch"


class DeliveryError(CoreError):
    """A whole batch could not be delivered."""

    code = "delivery_error"


class RateLimited(DeliveryError):
    """The destination asked for a pause of `retry_after_s` seconds."""

    code = "rate_limited"
    retryable = True

    def __init__(self, message: str, *, retry_after_s: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, context={"retry_after_s": retry_after_s})
        self.retry_after_s = retry_after_s


class DestinationUnavailable(DeliveryError):
    """The destination does not answer; the batch stays due."""

    code = "destination_unavailable"
    retryable = True


class SchemaRefused(DeliveryError):
    """The destination does not take records of this shape."""

    code = "schema_refused"


class EventError(CoreError):
    """An event was refused; it is kept with its reason."""

    code = "event_error"


class InvalidEvent(EventError):
    """The event breaks the message specification."""

    code = "invalid_event"


class PayloadTooLarge(EventError):
    """The event or the batch is larger than the limit."""

    code = "payload_too_large"


class UnknownWriteKey(EventError):
    """No enabled source has this write key."""

    code = "unknown_source"


class EventNotPlanned(EventError):
    """The event is not part of the tracking plan."""

    code = "event_not_planned"


class IdentityError(CoreError):
    """An identity rule refused an identifier or a merge."""

    code = "identity_error"


class MergeLimitExceeded(IdentityError):
    """A merge would give a profile more values of an identifier than its limit."""

    code = "merge_limit_exceeded"


class IdentifierBlocked(IdentityError):
    """The value is on the identifier's block list."""

    code = "identifier_blocked"


class MergeConflict(IdentityError):
    """Two profiles are kept apart by a rule."""

    code = "merge_conflict"


class PredictionError(CoreError):
    """A prediction cannot be made."""

    code = "prediction_error"


class NotEnoughData(PredictionError):
    """The history is too short or too small; the message gives the counts."""

    code = "not_enough_data"


class LeakageSuspected(PredictionError):
    """A feature knows the future."""

    code = "leakage_suspected"


class PredictionOutOfDate(PredictionError):
    """The prediction was trained on events that no longer arrive."""

    code = "prediction_out_of_date"


class StateError(CoreError):
    """The workspace's own state does not allow this now."""

    code = "state_error"


class RunInProgress(StateError):
    """Another run holds the lease on this work."""

    code = "run_in_progress"
    retryable = True


class IllegalTransition(StateError):
    """The setup or a run cannot go from its present state to the one asked for."""

    code = "illegal_transition"


class VersionConflict(StateError):
    """Somebody else saved a change first; nothing of this change was written."""

    code = "version_conflict"


class StorageFull(StateError):
    """The disk under `ONRAMP_HOME` is full; what was acknowledged before is safe."""

    code = "storage_full"
    retryable = True


class Overloaded(StateError):
    """More arrives than can be taken; what was not taken can be sent again after `retry_after_s` seconds."""

    code = "overloaded"
    retryable = True

    def __init__(self, message: str, *, retry_after_s: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, context={"retry_after_s": retry_after_s})
        self.retry_after_s = retry_after_s


class StoreUnreadable(StateError):
    """The state store cannot be opened with this version or with these permissions."""

    code = "store_unreadable"


class InternalError(CoreError):
    """Our own bug. The page shows an incident id; the trace is in the log."""

    code = "internal_error"
