"""The contract of a destination: a batch of records in, one outcome a record out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, NamedTuple, overload

import pyarrow as pa

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


class DeliveryBatch(Sequence[DeliveryRecord]):
    """Records to deliver, kept as the columns that they come in; `columns` are named as the fields of a record.

    A destination that writes whole columns never makes an object of each record; any other takes them one by one.
    """

    def __init__(self, columns: pa.Table) -> None:
        self.columns = columns

    @classmethod
    def of(cls, records: Sequence[DeliveryRecord]) -> DeliveryBatch:
        """Return `records` as a batch; a batch is returned as it is."""
        return (
            records
            if isinstance(records, DeliveryBatch)
            else cls(
                pa.Table.from_pylist(
                    [{**record._asdict(), "payload": record.payload.decode()} for record in records], _COLUMNS
                )
            )
        )

    def __len__(self) -> int:
        """Return how many records there are."""
        return int(self.columns.num_rows)

    def __iter__(self) -> Iterator[DeliveryRecord]:
        """Yield the records in their order."""
        for key, operation, version, message_id, payload in zip(
            *(column.to_pylist() for column in self.columns.columns), strict=True
        ):
            yield DeliveryRecord(key, Operation(operation), version, message_id, payload.encode())

    @overload
    def __getitem__(self, index: int) -> DeliveryRecord: ...
    @overload
    def __getitem__(self, index: slice) -> DeliveryBatch: ...
    def __getitem__(self, index: int | slice) -> DeliveryRecord | DeliveryBatch:
        """Return one record, or those of a range as a batch."""
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        return next(iter(self.take([range(len(self))[index]])))

    def take(self, indices: Sequence[int]) -> DeliveryBatch:
        """Return the records at these places."""
        return DeliveryBatch(self.columns.take(pa.array(indices, pa.int64())))


_COLUMNS = pa.schema(
    {
        "key": pa.string(),
        "operation": pa.string(),
        "version": pa.int64(),
        "idempotency_key": pa.string(),
        "payload": pa.string(),
    }
)


class Outcome(NamedTuple):
    """What became of one record, with a code and a sentence unless it was delivered."""

    status: OutcomeStatus
    code: str | None = None
    message: str | None = None


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

    def prepare(self, records: Sequence[DeliveryRecord], context: DeliveryContext) -> object:
        """Return what `write` can make of the records beforehand, or None.

        Called in a thread of its own while the batch before is written; what it raises is taken for raised by `write`.
        """
        return None

    @abstractmethod
    def write(
        self, records: Sequence[DeliveryRecord], context: DeliveryContext, prepared: object = None
    ) -> list[Outcome]:
        """Deliver the records and return one outcome each, in the order of the records.

        Args:
            records: What to deliver.
            context: Where it comes from.
            prepared: What `prepare` returned for these records; None where it was not asked.

        Raises:
            DeliveryError: Nothing of the batch was taken. `SchemaRefused` makes the engine split the batch until the
                bad record stands alone; a retryable error makes it wait and send the same batch again.
        """
