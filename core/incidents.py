"""Failures of Onramp itself: each has a number, which a person is told and by which the log holds the trace."""

from __future__ import annotations

import logging
from datetime import datetime

from core.errors import InternalError
from core.ids import new_id
from core.log import LOG_NAME

_LOG = logging.getLogger("onramp.incidents")


def report_incident(error: Exception, now: datetime, doing: str = "", *, number: str | None = None) -> Incident:
    """Log an unexpected failure with its trace, once, and return what to tell a person.

    Args:
        error: What happened; an incident that is logged already is returned as it is.
        now: When.
        doing: What was being done, after the word "while".
        number: The number to tell, where the person has one already; else one is made.
    """
    if isinstance(error, Incident):
        return error
    number = number or new_id("inc", now)
    during = f" while {doing}" if doing else ""
    _LOG.error("incident %s%s: %s", number, during, error, exc_info=error)
    return Incident(number, during)


class Incident(InternalError):
    """A failure that nobody foresaw; `number` names its entry in the log."""

    def __init__(self, number: str, during: str = "") -> None:
        super().__init__(
            f"Something went wrong in Onramp itself{during} ({number}).",
            hint=f"Report it with what logs/{LOG_NAME} in the workspace's folder says under this number.",
            context={"incident": number},
        )
        self.number = number
