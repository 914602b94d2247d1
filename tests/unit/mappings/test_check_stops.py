"""The check over all rows ends early in our own words, whoever ends it."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from core.destinations.segment_profiles import SEND_IDENTIFY
from core.errors import QueryCancelled, QueryTimeout, Unreachable
from core.mappings.check import check_mapping
from core.warehouses.cancel import CancelToken
from tests import guided

MAPPING = guided.make_mapping("spa_1")
BATCH = pa.record_batch({name: ["x"] * 2000 for name in ("id", "email", "plan", "phone")})


def read_endlessly(started: CancelToken | None = None) -> Iterator[pa.RecordBatch]:
    for number in range(1_000_000):
        if number == 3 and started is not None:
            started.cancel()
        yield BATCH


def test_what_cuts_the_reading_short_is_raised_as_it_is() -> None:
    def read() -> Iterator[pa.RecordBatch]:
        yield BATCH
        raise Unreachable("The connection was cut.", hint="Try again.")

    with pytest.raises(Unreachable, match=r"^The connection was cut\. Try again\.$"):
        check_mapping(read(), MAPPING, SEND_IDENTIFY.fields, "id")


def test_cancel_stops_the_judging() -> None:
    cancel = CancelToken()
    with pytest.raises(QueryCancelled, match="A person stopped the query"):
        check_mapping(read_endlessly(cancel), MAPPING, SEND_IDENTIFY.fields, "id", cancel=cancel)


def test_its_time_is_up_after_the_time_out() -> None:
    with pytest.raises(QueryTimeout, match=r"longer than 0\.2 s"):
        check_mapping(read_endlessly(), MAPPING, SEND_IDENTIFY.fields, "id", timeout_s=0.2)
