"""Text that came from data, made safe to stand inside Markdown."""

from __future__ import annotations

import html
import re

import streamlit as st

# What Markdown would read as a mark-up; an underscore inside a word is none.
_SIGNS = re.compile(r"([\\`*\[\]<$~]|(?<![^\W_])_|_(?![^\W_])|:(?=[a-zA-Z])|^[-+#>]|(?<=^\d)[.)](?=\s))")


def escape_markdown(text: str) -> str:
    r"""Return `text` so that Streamlit's Markdown shows it as it is, on one line.

    Example:
        >>> escape_markdown("a_b *c*")
        'a_b \\*c\\*'
    """
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def draw_heading(text: str) -> None:
    """Draw text from data as a heading of the second level; Markdown would make a link of an e-mail address."""
    st.html(f'<h2 style="font-size:1.25rem;font-weight:600;margin:0;padding:0">{html.escape(text)}</h2>')


def draw_strong(text: str) -> None:
    """Draw text from data in bold, as it is."""
    st.html(f"<strong>{html.escape(text)}</strong>")
