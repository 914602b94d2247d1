from __future__ import annotations

import logging

import pytest

from core.incidents import report_incident
from tests.conftest import NOW


def test_an_incident_is_logged_once_however_many_pass_it_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        try:
            raise ZeroDivisionError("oops")
        except ZeroDivisionError as error:
            incident = report_incident(error, NOW, "counting")
        assert report_incident(incident, NOW, "working") is incident
    (record,) = caplog.records
    assert incident.number in record.getMessage()
    assert record.exc_info is not None
    assert incident.message == f"Something went wrong in Onramp itself while counting ({incident.number})."
    assert "logs/onramp.log" in incident.hint
    assert incident.code == "internal_error"
