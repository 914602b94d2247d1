"""Numbers, shares, sizes, durations and times as people read them."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo

from components.state import viewer_zone

NONE = "—"
_SMALL_SHARE = 0.001


def format_number(value: float | None) -> str:
    """Return a count or measure with thousands separated.

    Example:
        >>> format_number(12480), format_number(0.12345), format_number(None)
        ('12,480', '0.123', '—')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.3g}" if abs(value) < 1 else f"{value:,.2f}".rstrip("0").rstrip(".")


def format_count(count: int | None, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun.

    Example:
        >>> format_count(1, "row"), format_count(12480, "row"), format_count(2, "entry", "entries")
        ('1 row', '12,480 rows', '2 entries')
    """
    return f"{format_number(count)} {noun if count == 1 else plural or noun + 's'}"


def format_share(share: float | None) -> str:
    """Return a share of one as per cent. Only nothing is 0 %, only all is 100 %.

    Example:
        >>> format_share(0.123), format_share(0.99999), format_share(0.00001), format_share(1)
        ('12.3 %', '> 99.9 %', '< 0.1 %', '100 %')
    """
    if share is None or not math.isfinite(share):
        return NONE
    if 0 < share < _SMALL_SHARE:
        return "< 0.1 %"
    if 1 - _SMALL_SHARE < share < 1:
        return "> 99.9 %"
    return f"{share * 100:.1f}".removesuffix(".0") + " %"


def format_change(count: int, before: int) -> str:
    """Return how much a count has changed.

    Example:
        >>> format_change(15, 10), format_change(9, 10), format_change(3, 0), format_change(0, 0), format_change(7, 7)
        ('+50 %', '-10 %', 'new', '—', '±0 %')
        >>> format_change(99, 10), format_change(38_371, 50)
        ('+890 %', '× 767')
    """
    if not before:
        return "new" if count else NONE
    if count >= 10 * before:
        return f"× {round(count / before):,}"
    change = round((count - before) / before * 100)
    return f"{change:+,} %" if change else "±0 %"


def format_duration(seconds: float | None) -> str:
    """Return a duration with the two largest units that matter.

    Example:
        >>> format_duration(0.0421), format_duration(3.21), format_duration(200), format_duration(7260)
        ('42 ms', '3.2 s', '3 min 20 s', '2 h 1 min')
    """
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next(index for index, (value, _) in enumerate(units) if value)
    return " ".join(f"{value} {unit}" for value, unit in units[first : first + 2] if value)


def format_bytes(size_bytes: int | None) -> str:
    """Return a size.

    Example:
        >>> format_bytes(900), format_bytes(131072), format_bytes(5_500_000)
        ('900 B', '128 KB', '5.2 MB')
    """
    if size_bytes is None:
        return NONE
    size, units = float(size_bytes), ["B", "KB", "MB", "GB", "TB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.1f}".removesuffix(".0") + f" {units[0]}"


def format_time(at: datetime | None, *, zone: tzinfo | None = None) -> str:
    """Return a moment as date and time in the person's own time zone (`zone` else the browser's).

    Example:
        >>> from datetime import UTC
        >>> format_time(datetime(2026, 11, 24, 9, 5, tzinfo=UTC), zone=UTC)
        '24 Nov 2026, 09:05 UTC'
    """
    if at is None:
        return NONE
    local = at.astimezone(zone or viewer_zone())
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


def format_date(at: datetime, *, zone: tzinfo | None = None) -> str:
    """Return the day of a moment in the person's own time zone.

    Example:
        >>> from datetime import UTC
        >>> format_date(datetime(2026, 11, 24, 9, 5, tzinfo=UTC), zone=UTC)
        '24 Nov 2026'
    """
    local = at.astimezone(zone or viewer_zone())
    return f"{local.day} {local:%b %Y}"


def format_moment(at: datetime | None, *, zone: tzinfo | None = None) -> str:
    """Return a moment to the second, for lists where many fall into one minute.

    Example:
        >>> from datetime import UTC
        >>> format_moment(datetime(2026, 11, 24, 9, 5, 7, tzinfo=UTC), zone=UTC)
        '24 Nov, 09:05:07'
    """
    if at is None:
        return NONE
    local = at.astimezone(zone or viewer_zone())
    return f"{local.day} {local:%b, %H:%M:%S}"


def format_ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago, or in how long, `at` is; a date when it is more than four weeks away.

    Example:
        >>> from datetime import UTC
        >>> format_ago(datetime(2026, 11, 24, 9, 5, tzinfo=UTC), datetime(2026, 11, 24, 9, 12, tzinfo=UTC))
        '7 minutes ago'
    """
    if at is None:
        return NONE
    seconds = (now - at).total_seconds()
    if abs(seconds) < 45:
        return "now" if seconds >= -5 else "in a moment"
    count, noun = _largest_unit(abs(seconds))
    if noun == "day" and count > 28:
        local = at.astimezone(viewer_zone())
        return f"{local.day} {local:%b %Y}"
    text = format_count(count, noun)
    return f"{text} ago" if seconds > 0 else f"in {text}"


def _largest_unit(seconds: float) -> tuple[int, str]:
    for size_s, noun in ((86_400, "day"), (3600, "hour")):
        if seconds >= size_s * 0.95:
            return round(seconds / size_s), noun
    return max(1, round(seconds / 60)), "minute"


def shorten(text: str, limit_chars: int = 60) -> str:
    """Return `text` on one line, cut in its middle where it is longer than `limit_chars`.

    Example:
        >>> shorten("a" * 100, 11)
        'aaaaa…aaaaa'
    """
    line = " ".join(text.split())
    if len(line) <= limit_chars:
        return line
    head = (limit_chars - 1 + 1) // 2
    return f"{line[:head]}…{line[len(line) - (limit_chars - 1 - head) :]}"
