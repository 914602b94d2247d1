"""Two browsers on one guided setup: a person is told, nothing is overwritten unseen, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

import streamlit as st

from components.state import SEEN_DRAFT, SEEN_SETUP
from core.errors import VersionConflict
from core.setup.guided_setup import Setup

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Seen:
    """The version that a person sees on this page, and a newer one that they have been told about."""

    page: str
    version: int
    told: int | None = None


def notice_others(setup: Setup, page: str) -> None:
    """Say so where the setup was changed elsewhere since this page was drawn; once for each change."""
    seen = cast("_Seen | None", SEEN_SETUP.read())
    if seen is None or seen.page != page or setup.version in (seen.version, seen.told):
        SEEN_SETUP.write(_Seen(page, setup.version))
        return
    SEEN_SETUP.write(replace(seen, told=setup.version))
    st.info(
        "The setup was changed in another browser or tab. What you typed here is kept.",
        icon=":material/devices:",
    )


@contextmanager
def saving() -> Iterator[int]:
    """Yield the version that the person has seen, for an action's `expected_version`.

    After a conflict, which tells them, the newer one counts: pressing again is deliberate, and keeps what they typed.
    """
    seen = cast(_Seen, SEEN_SETUP.read())
    try:
        yield seen.version
    except VersionConflict as error:
        SEEN_SETUP.write(_Seen(seen.page, cast(int, error.context["version"])))
        raise


def own(setup: Setup) -> Setup:
    """Take note of the setup after an action of this session, so that it does not count as somebody else's."""
    seen = cast(_Seen, SEEN_SETUP.read())
    SEEN_SETUP.write(_Seen(seen.page, setup.version))
    return setup


@dataclass(frozen=True, slots=True)
class Draft(Generic[T]):
    """What an editor shall show, and whether what it reports may be saved."""

    value: T
    may_save: bool = True


@dataclass(frozen=True, slots=True)
class _SeenDraft(Generic[T]):
    saved: T
    is_mine: bool


def settle_draft(saved: T, typed: T | None, key: str, show: Callable[[T], None]) -> Draft[T]:
    """Return the draft to edit: the saved one, but not in place of what a person has typed here unless they agree.

    Args:
        saved: The draft as it is stored now.
        typed: What the editor of this page reports; None before it has reported anything.
        key: The editor's session key.
        show: Draws a draft, so that a person can see what they choose between.
    """
    seen = cast("_SeenDraft[T] | None", SEEN_DRAFT.read(key))
    if seen is None or typed is None or not (seen.is_mine or typed != seen.saved):
        SEEN_DRAFT.write(_SeenDraft(saved, False), key)
        return Draft(saved)
    if saved in (seen.saved, typed):
        SEEN_DRAFT.write(_SeenDraft(saved, seen.is_mine), key)
        return Draft(saved)
    place = st.empty()
    with place.container(border=True):
        choice = _ask_whose(saved, key, show)
    if choice is None:
        return Draft(seen.saved, may_save=False)
    place.empty()
    SEEN_DRAFT.write(_SeenDraft(saved, choice == "mine"), key)
    return Draft(typed if choice == "mine" else saved)


def _ask_whose(other: T, key: str, show: Callable[[T], None]) -> str | None:
    st.warning(
        "This was changed in another browser or tab while you were editing it. Yours is shown, and not saved yet.",
        icon=":material/devices:",
    )
    with st.expander("Show the other one"):
        show(other)
    with st.container(horizontal=True):
        if st.button("Keep mine", key=f"{key}_keep_mine", type="primary"):
            return "mine"
        if st.button("Take the other one", key=f"{key}_take_other"):
            return "other"
    return None


def own_draft(saved: T, key: str) -> None:
    """Take note that this session has saved the draft."""
    SEEN_DRAFT.write(_SeenDraft(saved, True), key)
