"""Carrying out a committed plan: batches, retries, and the one bad record that would spoil its batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

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
AHEAD = 1
"""How many batches are prepared, in a thread of its own, while the one before is written and acknowledged."""


class _Batch(NamedTuple):
    records: DeliveryBatch
    prepared: Future[object]


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
        with ThreadPoolExecutor(AHEAD, "prepare delivery") as pool:
            for last_seq, batch in self._prepare(state.iterate_plan(capabilities.max_batch_records), pool):
                if not self._deliver(state, last_seq, batch):
                    return

    def _prepare(self, plan: Iterable[tuple[int, DeliveryBatch]], pool: Executor) -> Iterator[tuple[int, _Batch]]:
        """Yield the batches of the plan; the next ones are being prepared meanwhile."""
        ahead: deque[tuple[int, _Batch]] = deque()
        for last_seq, records in plan:
            ahead.append((last_seq, _Batch(records, pool.submit(self.destination.prepare, records, self.context))))
            if len(ahead) > AHEAD:
                yield ahead.popleft()
        while ahead:
            yield ahead.popleft()

    def _deliver(self, state: SyncState, last_seq: int, batch: _Batch) -> bool:
        """Send one batch and commit its outcomes; return whether to go on."""
        if self.is_stopping():
            return False  # the plan stays as it is, for the next process to carry out
        if self.is_cancelled():
            state.hold_rest("cancelled", "The run was cancelled before this record was sent.")
            return False
        outcomes = self._send(batch)
        first_seq = last_seq - len(outcomes) + 1
        state.acknowledge(last_seq, _list_undelivered(first_seq, outcomes))
        self.on_progress(last_seq)
        if all(outcome.status is OutcomeStatus.RETRYABLE for outcome in outcomes):
            state.hold_rest("destination_unavailable", outcomes[0].message or "The destination did not answer.")
            return False
        return True

    def _send(self, batch: _Batch) -> list[Outcome]:
        records = batch.records
        outcomes = self._try(records, batch.prepared)
        for pause_s in BACK_OFF_S:
            due = [index for index, outcome in enumerate(outcomes) if outcome.status is OutcomeStatus.RETRYABLE]
            if not due or self.is_cancelled() or self.is_stopping():
                break
            self.sleep(pause_s)
            for index, outcome in zip(due, self._try(records.take(due)), strict=True):
                outcomes[index] = outcome
        return outcomes

    def _try(self, records: DeliveryBatch, prepared: Future[object] | None = None) -> list[Outcome]:
        try:
            made = prepared.result() if prepared else self.destination.prepare(records, self.context)
            outcomes = self.destination.write(records, self.context, made)
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
