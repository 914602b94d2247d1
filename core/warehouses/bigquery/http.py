"""The HTTP session of the client: every request has a limit, so that nothing hangs where nobody answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from google.auth import exceptions as auth_exceptions
from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud.bigquery import DEFAULT_RETRY

from core.warehouses.sandbox_process import OutOfTime
from core.warehouses.stopping import Budget

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
RETRY = DEFAULT_RETRY.with_timeout(6.0).with_delay(initial=0.2, maximum=2.0, multiplier=2.0)
"""For a first question: a wrong address is told within seconds."""
NO_RETRY = DEFAULT_RETRY.with_predicate(lambda error: False)
PAGE_RETRY = RETRY.with_timeout(30.0)
"""For the pages of a result that has begun to come: a short cut of the network loses nothing."""


class BoundedSession(AuthorizedSession):
    """A session that several threads share; each limits its own requests with `within`.

    The client asks for time-outs of its own, of two minutes and more or of none; they are cut down here.
    """

    def __init__(self, credentials: Credentials) -> None:
        super().__init__(credentials)  # type: ignore[no-untyped-call]
        self._mine = threading.local()

    @contextmanager
    def within(self, budget: Budget) -> Generator[None, None, None]:
        """Let the requests of this thread take what is left of the budget, and take off it what they took."""
        started = time.monotonic()
        outer = getattr(self._mine, "deadline", None)
        self._mine.deadline = started + budget.left_s
        try:
            yield
        finally:
            self._mine.deadline = outer
            budget.spend(time.monotonic() - started)

    def request(  # type: ignore[override]  # the signature is AuthorizedSession's
        self,
        method: str,
        url: str,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        max_allowed_time: float | None = None,
        timeout: object = None,
        **kwargs: Any,
    ) -> requests.Response:
        """Send one request, with the time that is left for it.

        Raises:
            OutOfTime: The budget is used up; the client does not try again after this.
        """
        deadline = getattr(self._mine, "deadline", None)
        left_s = READ_TIMEOUT_S if deadline is None else min(READ_TIMEOUT_S, deadline - time.monotonic())
        if left_s <= 0:
            raise OutOfTime
        limits = (min(CONNECT_TIMEOUT_S, left_s), left_s)
        try:
            response: requests.Response = super().request(  # type: ignore[no-untyped-call]
                method, url, data, dict(headers or {}), max_allowed_time, limits, **kwargs
            )
        except (requests.Timeout, requests.ConnectionError, auth_exceptions.TransportError) as error:
            if deadline is not None and time.monotonic() >= deadline:
                raise OutOfTime from error
            raise
        if _broke_off(response):
            raise requests.ConnectionError("The reply broke off in its headers.")
        return response


def _broke_off(response: requests.Response) -> bool:
    # A connection that ends among the headers reads like a reply without a body, and the client takes it for a success
    is_empty = response.ok and response.status_code != requests.codes.no_content and not response.content
    return is_empty and response.headers.get("Content-Length") != "0"
