"""A value that a person edits in the browser while the page also holds it: who wins, and when."""

from __future__ import annotations

from typing import Generic, TypeVar

from components.state import EDITOR, read_component, write_component

T = TypeVar("T")


class Controlled(Generic[T]):
    """The value an editor shows in this run, with a revision that grows when it was changed from outside.

    A page passes its saved value on every run. That value lags behind what is being typed, so it only counts as a
    change from outside when it is neither what the page passed before nor what the editor last reported.
    """

    def __init__(self, key: str, name: str, given: T) -> None:
        memory = EDITOR.read(key)
        reported = read_component(key, name)
        known = memory.get("current") if memory else given
        current = known if reported is None else reported
        revision = int(memory.get("revision", 0))  # type: ignore[call-overload]
        if memory and given not in (memory.get("given"), memory.get("current"), current):
            current, revision = given, revision + 1
            write_component(key, name, given)
        EDITOR.write({"given": given, "current": current, "revision": revision}, key)
        self.value: T = current  # type: ignore[assignment]
        self.revision = revision
        self.is_changed = bool(memory) and current != memory.get("current")


def forget_edits(key: str) -> None:
    """Drop what the editor under `key` holds; its next run starts from the page's value."""
    EDITOR.clear(key)
