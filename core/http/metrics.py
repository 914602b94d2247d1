"""What a process counts of itself, for Prometheus; several processes on one port count together.

Where `PROMETHEUS_MULTIPROC_DIR` is set before this module is imported, the library keeps the numbers in files there for
each process, and whichever process is asked answers for all.
"""

from __future__ import annotations

import os
from collections import Counter as Counts
from collections.abc import Iterator, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from core.events.event_log import EventLog, LogEntry
from core.events.refused import Refusal

METRICS_TYPE = CONTENT_TYPE_LATEST
MULTIPROCESS_SETTING = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_EVENTS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000)


class Metrics:
    """The numbers of one process. No write key and no user id is ever a label."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self._requests = Counter("onramp_requests", "Tracking requests by status", ["status"], registry=registry)
        self._read = Counter("onramp_profile_requests", "Profile API requests by status", ["status"], registry=registry)
        self._taken = Counter("onramp_events_taken", "Events written, repeated ones included", registry=registry)
        self._refused = Counter("onramp_events_refused", "Events kept as refused, by code", ["code"], registry=registry)
        self._suppressed = Counter("onramp_events_suppressed", "Events of suppressed users, dropped", registry=registry)
        self._commit_s = Histogram(
            "onramp_commit_seconds", "Duration of one write of the log", buckets=_SECONDS, registry=registry
        )
        self._commit_events = Histogram(
            "onramp_commit_events", "Events of one write of the log", buckets=_EVENTS, registry=registry
        )
        self._waiting = Gauge(
            "onramp_events_waiting", "Events waiting to be written", multiprocess_mode="livesum", registry=registry
        )
        self._by_status: dict[int, Counter] = {}

    def count_request(self, status: int) -> None:
        """Count one answer."""
        counter = self._by_status.get(status)
        if counter is None:
            counter = self._by_status[status] = self._requests.labels(str(status))
        counter.inc()

    def count_profile_request(self, status: int) -> None:
        """Count one answer of the Profile API."""
        self._read.labels(str(status)).inc()

    def count_suppressed(self, events: int) -> None:
        """Count events that were dropped because their user is suppressed."""
        self._suppressed.inc(events)

    def count_commit(
        self, entries: Sequence[LogEntry], refusals: Sequence[Refusal], seconds: float, waiting: int
    ) -> None:
        """Count one write of the log."""
        self._taken.inc(len(entries))
        for code, number in Counts(refusal.code for refusal in refusals).items():
            self._refused.labels(code).inc(number)
        self._commit_s.observe(seconds)
        self._commit_events.observe(len(entries) + len(refusals))
        self._waiting.set(waiting)

    def describe(self, log: EventLog) -> bytes:
        """Return the numbers of all processes in Prometheus' text format, with what the log itself says."""
        registry = self.registry
        if MULTIPROCESS_SETTING in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        found: bytes = generate_latest(registry)
        return found + generate_latest(_of_log(log))


def _of_log(log: EventLog) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_LogCollector(log))
    return registry


class _LogCollector(Collector):
    def __init__(self, log: EventLog) -> None:
        self._log = log

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("onramp_log_offset", "Number of the newest event", value=self._log.last_offset())
        events = CounterMetricFamily("onramp_source_events", "Events of each source in the log", labels=["source"])
        for source_id, number in self._log.count_by_source().items():
            events.add_metric([source_id], number)
        yield events
