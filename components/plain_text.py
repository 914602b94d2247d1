"""Text that came from data, made safe to stand inside Markdown."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"([\\`*_{}\[\]()#+!<>|~$:])")


def escape_markdown(text: str) -> str:
    r"""Return `text` so that Streamlit's Markdown shows it as it is, on one line.

    Example:
        >>> escape_markdown("a_b *c*")
        'a\\_b \\*c\\*'
    """
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
