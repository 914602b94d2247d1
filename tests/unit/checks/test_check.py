from __future__ import annotations

import pytest

from core.checks.check import CheckState, combine, failed, passed, warning, worst_state

P, W, F, R, N = CheckState.PASSED, CheckState.WARNING, CheckState.FAILED, CheckState.RUNNING, CheckState.PENDING
B = CheckState.BLOCKED


@pytest.mark.parametrize(
    ("states", "overall"),
    [([], P), ([P, P], P), ([P, W], W), ([W, F, P], F), ([F, R], R), ([P, B, F, W], F), ([B, W], F), ([P, N], R)],
)
def test_the_worst_state_speaks_for_all(states: list[CheckState], overall: CheckState) -> None:
    assert worst_state(states) is overall


def test_one_finding_stands_for_itself() -> None:
    finding = warning("Careful.", "3 rows", "Mend it.")
    assert combine([("Customers", finding)]) is finding


def test_several_findings_become_one_that_names_each_object() -> None:
    found = combine(
        [("A", passed("Fine.", "1 row")), ("B", failed("Broken.", "0 rows", "Mend B.")), ("C", passed("Fine."))]
    )
    assert (found.state, found.cause, found.fix) == (F, "Broken.", "Mend B.")
    assert found.evidence == "A: Fine. 1 row\nB: Broken. 0 rows\nC: Fine."
