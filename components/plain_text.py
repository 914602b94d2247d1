"""Text that came from data, made safe to stand inside Markdown."""

from __future__ import annotations

import re

# What Markdown would read as a mark-up; an underscore inside a word is none.
_SIGNS = re.compile(r"([\\`*\[\]<$~]|(?<![^\W_])_|_(?![^\W_])|:(?=[a-zA-Z])|^[-+#>]|(?<=^\d)[.)](?=\s))")


def escape_markdown(text: str) -> str:
    r"""Return `text` so that Streamlit's Markdown shows it as it is, on one line.

    Example:
        >>> escape_markdown("a_b *c*")
        'a_b \\*c\\*'
    """
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
