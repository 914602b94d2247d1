"""A value that a person edits in the browser while the page also holds it: who wins, and when."""

from __future__ import annotations

from typing import Generic, TypeVar, cast

from components.state import EDITOR

T = TypeVar("T")


class Controlled(Generic[T]):
    """The value an editor shows in this run, with a revision that grows when it was changed from outside.

    A page passes its saved value on every run. That value lags behind what is being typed, so it only counts as a
    change from outside when it is neither what the page passed before nor what the editor showed or reports.

    Args:
        key: The editor's session key.
        given: What the page passes in this run.
        reported: What the browser reports in this run; None before it has reported anything.

    Attributes:
        value: What to show and to return.
        revision: Grows by one with each change from outside.
        is_replaced: Whether `given` has just taken the place of what the editor held.
        is_changed: Whether the person has changed the value since the last run.
    """

    def __init__(self, key: str, given: T, reported: object) -> None:
        memory = EDITOR.read(key)
        revision = cast(int, memory.get("revision", 0))
        shown = memory["current"] if memory else given
        current = shown if reported is None else reported
        self.is_replaced = bool(memory) and given not in (memory["given"], memory["current"], current)
        self.is_changed = bool(memory) and not self.is_replaced and current != shown
        self.value = given if self.is_replaced else cast(T, current)
        self.revision = revision + self.is_replaced
        EDITOR.write({"given": given, "current": self.value, "revision": self.revision}, key)
