from __future__ import annotations

import threading

import pytest

from components.running_query import Queries
from core.errors import QueryError
from core.warehouses.cancel import CancelToken


def test_the_same_question_is_asked_once_and_its_answer_is_kept() -> None:
    queries = Queries()
    first = queries.start("slot", "a", lambda _cancel: object())
    assert queries.start("slot", "a", lambda _cancel: object()) is first
    assert first.result() is first.result()


def test_a_newer_query_stops_the_older_of_its_slot_and_does_not_wait_for_it() -> None:
    queries = Queries()
    stopped = threading.Event()

    def wait_to_be_stopped(cancel: CancelToken) -> str:
        cancel.on_cancel(stopped.set)
        stopped.wait(30)
        return "old"

    old = queries.start("slot", "old", wait_to_be_stopped)
    assert queries.start("another slot", "new", lambda _cancel: "elsewhere").result() == "elsewhere"
    assert not stopped.is_set()
    assert queries.start("slot", "new", lambda _cancel: "new").result() == "new"
    assert old.result() == "old"
    assert stopped.is_set()


def test_a_failure_is_raised_again_until_it_is_forgotten() -> None:
    queries = Queries()

    def fail(_cancel: CancelToken) -> int:
        raise QueryError("The warehouse is away.", code="away", hint="Wait.")

    for _ in range(2):
        with pytest.raises(QueryError, match="away"):
            queries.start("slot", "a", fail).result()
    queries.forget("slot")
    assert queries.start("slot", "a", lambda _cancel: 7).result() == 7


def test_closing_stops_every_query() -> None:
    queries = Queries()
    reasons: list[str | None] = []
    ended = threading.Barrier(3, timeout=30)

    def wait_to_be_stopped(cancel: CancelToken) -> None:
        stopped = threading.Event()
        cancel.on_cancel(stopped.set)
        stopped.wait(30)
        reasons.append(cancel.reason)
        ended.wait()

    for slot in ("one", "two"):
        queries.start(slot, slot, wait_to_be_stopped)
    queries.close()
    ended.wait()
    assert reasons == ["The browser tab was closed."] * 2
