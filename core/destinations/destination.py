"""The contract of a destination: a batch of records in, one outcome a record out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, NamedTuple

from core.destinations.definition import DestinationDefinition


class Operation(StrEnum):
    """What happened to a record since it was last acknowledged."""

    ADDED = "added"
    UPDATED = "updated"
    DELETED = "deleted"


class OutcomeStatus(StrEnum):
    """What became of one record."""

    DELIVERED = "delivered"
    REJECTED = "rejected"
    RETRYABLE = "retryable"
    SKIPPED = "skipped"


class DeliveryRecord(NamedTuple):
    """One record to deliver.

    `payload` is the mapped fields as JSON, canonical; for a deleted record the payload last acknowledged. Sending the
    same `idempotency_key` again must have no second effect.
    """

    key: str
    operation: Operation
    version: int
    idempotency_key: str
    payload: bytes


class Outcome(NamedTuple):
    """What became of one record, with a code and a sentence unless it was delivered."""

    status: OutcomeStatus
    code: str | None = None
    message: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """Where a batch comes from; goes into the message so that every value leads back to its row."""

    source_id: str
    sync_id: str
    run_id: str
    sql_model_id: str
    action: str
    is_test: bool = False


class Destination(ABC):
    """One destination, ready to take records."""

    definition: ClassVar[DestinationDefinition]

    @abstractmethod
    def test_connection(self) -> None:
        """Return if records can be written.

        Raises:
            ConnectivityError: They cannot; the hint says what to do.
        """

    @abstractmethod
    def write(self, records: Sequence[DeliveryRecord], context: DeliveryContext) -> list[Outcome]:
        """Deliver the records and return one outcome each, in the order of the records.

        Raises:
            DeliveryError: Nothing of the batch was taken. `SchemaRefused` makes the engine split the batch until the
                bad record stands alone; a retryable error makes it wait and send the same batch again.
        """
