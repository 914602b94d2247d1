"""When a message happened, by the three clocks it knows: the caller's, the device's at sending, and ours.

Source: tracking API, timestamps: timestamp = receivedAt - (sentAt - originalTimestamp).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from core.clock import to_iso
from core.events.message import Message, parse_time

FLAGS = "onrampFlags"
"""The key of a message under which it is said what is odd about its times."""

CLOCK_OFF = "clock_off"
TIMESTAMP_AHEAD = "timestamp_ahead"
TIMESTAMP_UNREADABLE = "timestamp_unreadable"
ODD = timedelta(hours=24)
_NO_SKEW = timedelta(0)


def fill_times(message: Message, received_at: datetime, skew: timedelta | None, *, received: str | None = None) -> None:
    """Set `originalTimestamp`, `timestamp` and `receivedAt` of `message`, and flag what is odd.

    Args:
        message: Is changed.
        received_at: When the message came.
        skew: How far the sender's clock is ahead of ours; None where it did not say when it sent.
        received: `received_at` as text, for whoever has it already.
    """
    original = message.get("originalTimestamp") or message.get("timestamp")
    received = received or to_iso(received_at)
    message["receivedAt"] = received
    happened_at = parse_time(original)
    flags = []
    if happened_at is None:
        message["timestamp"] = received
        message["originalTimestamp"] = original or received
        if original:
            flags.append(TIMESTAMP_UNREADABLE)
    else:
        corrected_at = _subtract(happened_at, skew or _NO_SKEW)
        message["originalTimestamp"] = original
        message["timestamp"] = to_iso(corrected_at)
        if _subtract(corrected_at, ODD) > received_at:
            flags.append(TIMESTAMP_AHEAD)
    if skew is not None and abs(skew) > ODD:
        flags.append(CLOCK_OFF)
    if flags:
        message[FLAGS] = flags
    else:
        message.pop(FLAGS, None)


def measure_skew(sent_at: object, received_at: datetime) -> timedelta | None:
    """Return how far the clock that wrote `sent_at` is ahead of ours, or None if it is no time."""
    at = parse_time(sent_at)
    return None if at is None else at - received_at


def _subtract(at: datetime, span: timedelta) -> datetime:
    try:
        return at - span
    except OverflowError:
        return at
