"""What a page keeps in its address, so that a refresh, a link and the Back button show the same thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from components.state import read_widget, write_widget

MAX_DIGITS = 18


def draw_views(views: Mapping[str, str], *, name: str, default: str | None = None) -> str:
    """Draw the views of a page side by side; return the chosen one: `default`, or else the first, at the beginning."""
    asked = st.query_params.get(name)
    chosen = asked if asked in views else default or next(iter(views))
    key = f"{name}_choice"
    write_widget(key, chosen)
    st.segmented_control(
        "View",
        list(views),
        required=True,
        format_func=lambda view: views[view],
        key=key,
        on_change=_keep,
        args=(name, key),
        label_visibility="collapsed",
    )
    return chosen


def draw_select(
    label: str,
    options: Sequence[str],
    *,
    name: str,
    describe: Callable[[str], str],
    placeholder: str | None = None,
    width: int | str = "stretch",
    resets: Sequence[str] = (),
) -> str | None:
    """Draw a choice of one option that the address keeps as `name`.

    Args:
        label: The field's label.
        options: The values, as the address has them.
        name: The query parameter.
        describe: What a person reads for an option.
        placeholder: What stands there while nothing is chosen; without it, the first option is chosen.
        width: As of `st.selectbox`.
        resets: Query parameters that another choice makes meaningless, such as a page.
    """
    asked = st.query_params.get(name)
    chosen = asked if asked in options else (None if placeholder else options[0])
    key = f"{name}_choice"
    write_widget(key, chosen)
    st.selectbox(
        label,
        options,
        index=None if placeholder else 0,
        placeholder=placeholder,
        format_func=describe,
        key=key,
        on_change=_keep,
        args=(name, key, resets),
        width=width,
    )
    return chosen


def read_number(name: str) -> int | None:
    """Return a number that the address keeps; None where there is none, or something else."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else None


def keep(name: str, value: object | None) -> None:
    """Keep `value` in the address; None takes it out."""
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != str(value):
        st.query_params[name] = str(value)


def forget(*names: str) -> None:
    """Take several values out of the address."""
    for name in names:
        keep(name, None)


def draw_older_newer(name: str, *, oldest: object, has_older: bool) -> None:
    """Draw **Newest** and **Older**: pages by where the page before ended, which the address keeps."""
    is_newest = name not in st.query_params
    if is_newest and not has_older:
        return
    with st.container(horizontal=True):
        if st.button("Newest", icon=":material/first_page:", disabled=is_newest, key=f"{name}_newest"):
            keep(name, None)
            st.rerun()
        if st.button("Older", icon=":material/chevron_right:", disabled=not has_older, key=f"{name}_older"):
            keep(name, oldest)
            st.rerun()


def _keep(name: str, key: str, resets: Sequence[str] = ()) -> None:
    keep(name, read_widget(key))
    forget(*resets)
