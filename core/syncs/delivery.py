"""Carrying out a committed plan: batches, retries, and the one bad record that would spoil its batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.destinations.destination import (
    DeliveryBatch,
    DeliveryContext,
    Destination,
    Outcome,
    OutcomeStatus,
)
from core.errors import DeliveryError, InternalError
from core.syncs.state import SyncState, Undelivered

BACK_OFF_S = (0.5, 1.0, 2.0, 4.0)


@dataclass(slots=True)
class Delivery:
    """One destination at work on one plan. `sleep` is an argument so that tests need not wait."""

    destination: Destination
    context: DeliveryContext
    is_cancelled: Callable[[], bool]
    is_stopping: Callable[[], bool]
    on_progress: Callable[[int], None]
    sleep: Callable[[float], None] = time.sleep

    def carry_out(self, state: SyncState) -> None:
        """Send what is left of the plan; commit each batch's outcomes before the next is sent."""
        capabilities = self.destination.definition.capabilities
        for last_seq, records in state.iterate_plan(capabilities.max_batch_records):
            if self.is_stopping():
                return  # the plan stays as it is, for the next process to carry out
            if self.is_cancelled():
                state.hold_rest("cancelled", "The run was cancelled before this record was sent.")
                return
            outcomes = self._send(records)
            first_seq = last_seq - len(records) + 1
            state.acknowledge(last_seq, _list_undelivered(first_seq, outcomes))
            self.on_progress(last_seq)
            if all(outcome.status is OutcomeStatus.RETRYABLE for outcome in outcomes):
                state.hold_rest("destination_unavailable", outcomes[0].message or "The destination did not answer.")
                return

    def _send(self, records: DeliveryBatch) -> list[Outcome]:
        outcomes = self._try(records)
        for pause_s in BACK_OFF_S:
            due = [index for index, outcome in enumerate(outcomes) if outcome.status is OutcomeStatus.RETRYABLE]
            if not due or self.is_cancelled() or self.is_stopping():
                break
            self.sleep(pause_s)
            for index, outcome in zip(due, self._try(records.take(due)), strict=True):
                outcomes[index] = outcome
        return outcomes

    def _try(self, records: DeliveryBatch) -> list[Outcome]:
        try:
            outcomes = self.destination.write(records, self.context)
        except DeliveryError as error:
            if error.retryable:
                return [Outcome(OutcomeStatus.RETRYABLE, error.code, str(error))] * len(records)
            if len(records) == 1:
                return [Outcome(OutcomeStatus.REJECTED, error.code, str(error))]
            middle = len(records) // 2
            return self._try(records[:middle]) + self._try(records[middle:])
        if len(outcomes) != len(records):
            raise InternalError(
                f"{self.destination.definition.label} answered {len(outcomes)} outcomes for {len(records)} records.",
                hint="Report this; the run can be repeated without sending anything twice.",
            )
        return outcomes


def _list_undelivered(first_seq: int, outcomes: Sequence[Outcome]) -> list[Undelivered]:
    found = []
    for seq, outcome in enumerate(outcomes, start=first_seq):
        if outcome.status is OutcomeStatus.DELIVERED:
            continue
        is_held = outcome.status is not OutcomeStatus.REJECTED
        code = outcome.code or ("destination_unavailable" if is_held else "destination_rejected")
        found.append(Undelivered(seq, "held" if is_held else "rejected", code, outcome.message or ""))
    return found
