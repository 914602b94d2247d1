"""A number that a command is given: so many, or the number of something."""

from __future__ import annotations

import argparse

_MOST = (1 << 63) - 1  # what a store can hold


def whole_number(text: str) -> int:
    """Return the number of an argument.

    Raises:
        ArgumentTypeError: It is none, less than one, or larger than any that there is.
    """
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    if not 0 < number <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return number
