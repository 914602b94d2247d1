"""How many examples the property tests try: a third of their full number, or all of it with `EXAMPLES=all`.

Each run draws others, so what a third of them misses is found by one of the next runs.
"""

from __future__ import annotations

import os

_FEWEST = 4


def examples(number: int) -> int:
    """Return how many of `number` examples to try."""
    return number if os.environ.get("EXAMPLES") == "all" else max(_FEWEST, number // 3)
