"""How large a request and an event may be (docs/tracking-api.md).

Real clients send batches of 2 MB and lose them whole on a 400, so by default a large body is taken and only the events
that are too large, or too many, are refused. `ONRAMP_LIMITS=strict` answers as Segment documents.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from core.errors import InvalidField

KIB = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The sizes in force. Bytes are counted after decompression.

    Attributes:
        call_bytes: The body of a request with one event.
        batch_bytes: The body of a request with many events.
        event_bytes: One event.
        batch_events: Events of one request.
        is_strict: An event that is too large refuses its whole request, and one event too many refuses all.
    """

    call_bytes: int
    batch_bytes: int
    event_bytes: int = 32 * KIB
    batch_events: int = 2_500
    is_strict: bool = False


DEFAULT_LIMITS = Limits(call_bytes=5 * KIB * KIB, batch_bytes=5 * KIB * KIB)
STRICT_LIMITS = Limits(call_bytes=32 * KIB, batch_bytes=500 * KIB, is_strict=True)


def read_limits() -> Limits:
    """Return the limits that `ONRAMP_LIMITS` asks for.

    Raises:
        InvalidField: The setting is neither `default` nor `strict`.
    """
    wanted = os.environ.get("ONRAMP_LIMITS", "default")
    if wanted not in ("default", "strict"):
        raise InvalidField(f"ONRAMP_LIMITS cannot be {wanted!r}.", hint="Use strict, or leave it out.")
    return STRICT_LIMITS if wanted == "strict" else DEFAULT_LIMITS
