from __future__ import annotations

import threading

import pytest

from components.background import Background
from core.errors import QueryError
from core.warehouses.cancel import CancelToken


def test_the_same_work_is_started_once_and_its_result_is_kept() -> None:
    background: Background[object] = Background()
    first = background.start("a", lambda _cancel: object())
    assert background.start("a", lambda _cancel: object()) is first
    assert first.result() is first.result()


def test_newer_work_stops_the_older_and_does_not_wait_for_it() -> None:
    background: Background[str] = Background()
    stopped = threading.Event()

    def wait_to_be_stopped(cancel: CancelToken) -> str:
        cancel.on_cancel(stopped.set)
        stopped.wait(30)
        return "old"

    old = background.start("old", wait_to_be_stopped)
    assert background.start("new", lambda _cancel: "new").result() == "new"
    assert old.result() == "old"
    assert stopped.is_set()


def test_a_failure_is_raised_where_the_result_is_asked_for_and_tried_again_next_time() -> None:
    background: Background[int] = Background()

    def fail(_cancel: CancelToken) -> int:
        raise QueryError("The warehouse is away.", code="away", hint="Wait.")

    job = background.start("a", fail)
    with pytest.raises(QueryError, match="away"):
        job.result()
    assert background.start("a", lambda _cancel: 7).result() == 7
