from __future__ import annotations

from core.warehouses.cancel import CancelToken


def test_callbacks_run_once_with_the_first_reason() -> None:
    token = CancelToken()
    calls: list[str] = []
    token.on_cancel(lambda: calls.append("a"))
    assert not token.cancelled and token.reason is None
    token.cancel("first")
    token.cancel("second")
    assert calls == ["a"] and token.reason == "first" and token.cancelled


def test_a_callback_that_was_taken_back_does_not_run() -> None:
    token = CancelToken()
    calls: list[str] = []
    take_back = token.on_cancel(lambda: calls.append("a"))
    token.on_cancel(lambda: calls.append("b"))
    take_back()
    take_back()
    token.cancel()
    assert calls == ["b"]


def test_a_callback_given_after_the_cancel_runs_at_once() -> None:
    token = CancelToken()
    token.cancel()
    calls: list[str] = []
    token.on_cancel(lambda: calls.append("a"))()
    assert calls == ["a"]
