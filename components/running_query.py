"""Queries that a person waits for: while one runs, its time, its time-out and a Cancel button are on the screen.

A session has one query at a time in each slot. The answer is kept until the slot is asked about something else or is
forgotten, and no longer than the browser is connected: a tab that is closed stops its queries.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import streamlit as st

from components.progress import Progress, draw_progress
from core.errors import QueryCancelled
from core.warehouses.cancel import CancelToken

T = TypeVar("T")

QUICK_S = 0.4
"""A query that ends within this time shows no progress, so that nothing flickers."""


class Query(Generic[T]):
    """One question in a thread of its own, which a later run of the page picks up."""

    def __init__(self, about: Hashable, ask: Callable[[CancelToken], T]) -> None:
        self.about = about
        self.cancel = CancelToken()
        self._ask = ask
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._answer: T | None = None
        self._error: BaseException | None = None
        # a daemon: a query that takes long must not keep the server from stopping
        threading.Thread(target=self._run, name="onramp-query", daemon=True).start()

    @property
    def waited_s(self) -> float:
        """How long ago it was asked."""
        return time.monotonic() - self._started

    @property
    def was_stopped(self) -> bool:
        """Whether it has ended because somebody asked it to."""
        return isinstance(self._error, QueryCancelled)

    def wait(self, timeout_s: float) -> bool:
        """Return whether it has ended, after waiting for it up to `timeout_s`."""
        return self._ended.wait(timeout_s)

    def result(self) -> T:
        """Return the answer, or raise what asking raised; waits for the end."""
        self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._answer  # type: ignore[return-value]  # set by the thread

    def _run(self) -> None:
        try:
            self._answer = self._ask(self.cancel)
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is asked for
            self._error = error
        finally:
            self._ended.set()


class Queries:
    """The newest query of every slot. A newer one stops the older, whose answer nobody waits for."""

    def __init__(self) -> None:
        self._by_slot: dict[str, Query[Any]] = {}

    def start(self, slot: str, about: Hashable, ask: Callable[[CancelToken], T]) -> Query[T]:
        """Return the slot's query about exactly this, going on or ended; else ask anew."""
        if not self.has(slot, about):
            self.forget(slot)
            self._by_slot[slot] = Query(about, ask)
        return self._by_slot[slot]

    def has(self, slot: str, about: Hashable) -> bool:
        """Say whether this very question has been asked and not been forgotten."""
        query = self._by_slot.get(slot)
        return query is not None and query.about == about

    def forget(self, *slots: str, reason: str = "Another query took its place.") -> None:
        """Forget the answers of these slots; what still runs is stopped."""
        for slot in slots:
            query = self._by_slot.pop(slot, None)
            if query is not None:
                query.cancel.cancel(reason)

    def close(self) -> None:
        """Forget all of them: the browser has gone."""
        self.forget(*self._by_slot, reason="The browser tab was closed.")


@st.cache_resource(scope="session", show_spinner=False, on_release=Queries.close)
def get_queries() -> Queries:
    """Return the queries of this session; Streamlit releases them when its browser disconnects."""
    return Queries()


def draw_query(
    ask: Callable[[CancelToken], T],
    *,
    slot: str,
    about: Hashable,
    label: str,
    timeout_s: float,
    quick_s: float | None = None,
) -> Query[T] | None:
    """Return the query once it has ended; while it runs, draw how long it has taken and Cancel, and return None.

    None as well after Cancel, with a sentence and a button to ask again.

    Args:
        ask: Runs in a thread of its own: it opens what it needs, hands the token on, and draws nothing.
        slot: The question's place on the page.
        about: What the answer depends on. Another value stops the query that runs and starts anew.
        label: What is being done, for the person who waits.
        timeout_s: After how long the warehouse stops it; shown, not enforced here.
        quick_s: How long to wait for the end before progress is drawn; None: `QUICK_S`.
    """
    query = get_queries().start(slot, about, ask)
    is_quick = query.wait(QUICK_S if quick_s is None else quick_s)
    if not is_quick and not _draw_running(query, slot, label, timeout_s):
        return None
    if not query.was_stopped:
        return query
    with st.container(horizontal=True, vertical_alignment="center"):  # what a person asked for is no failure
        st.info("The query was stopped. Run it again when you like.", icon=":material/stop_circle:")
        draw_again(slot)
    return None


def run_query(ask: Callable[[CancelToken], T], *, slot: str, about: Hashable, label: str, timeout_s: float) -> T:
    """Return what `ask` returns, for a page that cannot go on without it; as `draw_query`, which it stops with.

    Raises:
        Exception: What `ask` raised, again on every run of the page until the query is forgotten.
    """
    query = draw_query(ask, slot=slot, about=about, label=label, timeout_s=timeout_s)
    if query is None:
        st.stop()
    return query.result()


def draw_again(slot: str) -> None:
    """Draw the button that asks the slot's question once more."""
    st.button(
        "Run again", icon=":material/refresh:", key=f"query_{slot}_again", on_click=get_queries().forget, args=(slot,)
    )


def _draw_running(query: Query[Any], slot: str, label: str, timeout_s: float) -> bool:
    """Draw time and Cancel; return whether the query has ended meanwhile, in which case nothing is drawn."""

    def read() -> Progress:
        waited_s = min(round(query.waited_s), round(timeout_s))
        return Progress(label, waited_s, round(timeout_s), "allowed second", is_finished=query.wait(0))

    return draw_progress(read, key=f"query_{slot}", on_cancel=query.cancel.cancel, every_s=0.5)
