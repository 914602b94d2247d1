"""Queries that a person waits for: while one runs, its time, its time-out and a Cancel button are on the screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import streamlit as st

from components.background import Job
from components.progress import Progress, draw_progress
from components.state import QUERIES
from core.errors import QueryCancelled
from core.warehouses.cancel import CancelToken

T = TypeVar("T")

QUICK_S = 0.4
"""A query that ends within this time shows no progress, so that nothing flickers."""


@dataclass(frozen=True, slots=True)
class _Asked:
    job: Job[Any]
    started: float


def run_query(ask: Callable[[CancelToken], T], *, slot: str, about: Hashable, label: str, timeout_s: float) -> T:
    """Return what `ask` returns; while it runs, draw how long it has taken and Cancel, and stop the page.

    The answer is kept for the session until `forget_queries`, or until the slot is asked about something else.

    Args:
        ask: Runs in a thread of its own: it opens what it needs, hands the token on, and draws nothing.
        slot: The question's place on the page; it has one query at a time.
        about: What the answer depends on. Another value cancels the query that runs and starts anew.
        label: What is being done, for the person who waits.
        timeout_s: After how long the warehouse stops it; shown, not enforced here.

    Raises:
        Exception: What `ask` raised, again on every run of the page until the query is forgotten. A query that was
            cancelled stops the page with a sentence instead.
    """
    if not has_query(slot, about):
        forget_queries(slot)
        QUERIES.write(_Asked(Job(about, ask), time.monotonic()), slot)
    asked = cast(_Asked, QUERIES.read(slot))
    if not asked.job.wait(QUICK_S) and not _draw_running(asked, slot, label, timeout_s):
        st.stop()
    try:
        return cast(T, asked.job.result())
    except QueryCancelled:  # what a person asked for is no failure
        st.info("The query was stopped. Run it again when you like.", icon=":material/stop_circle:")
        st.stop()


def has_query(slot: str, about: Hashable) -> bool:
    """Say whether this very question has been asked in this session and not been forgotten."""
    asked = cast("_Asked | None", QUERIES.read(slot))
    return asked is not None and asked.job.key == about


def forget_queries(*slots: str) -> None:
    """Forget the answers of these slots; what still runs is stopped."""
    for slot in slots:
        asked = cast("_Asked | None", QUERIES.take(slot))
        if asked is not None:
            asked.job.cancel.cancel("Another query took its place.")


def _draw_running(asked: _Asked, slot: str, label: str, timeout_s: float) -> bool:
    """Draw time and Cancel; return whether the query has ended meanwhile, in which case nothing is drawn."""

    def read() -> Progress:
        waited_s = min(round(time.monotonic() - asked.started), round(timeout_s))
        return Progress(label, waited_s, round(timeout_s), "allowed second", is_finished=asked.job.wait(0))

    return draw_progress(read, key=f"query_{slot}", on_cancel=asked.job.cancel.cancel, every_s=0.5)
