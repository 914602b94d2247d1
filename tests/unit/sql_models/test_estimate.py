from __future__ import annotations

import pytest

from core.errors import NotReadOnly
from core.sql_models.estimate import EXPENSIVE_BYTES, estimate_cost, is_expensive
from core.warehouses.definition import CostEstimate
from core.warehouses.embedded import EmbeddedWarehouse


def test_an_estimate_is_of_the_guarded_text_and_nothing_else_is_asked_about(warehouse: EmbeddedWarehouse) -> None:
    assert estimate_cost(warehouse, "SELECT id FROM people -- all;\n;").rows == 5
    with pytest.raises(NotReadOnly):
        estimate_cost(warehouse, "DELETE FROM people")


@pytest.mark.parametrize(
    ("estimate", "answer"),
    [
        (CostEstimate("", scanned_bytes=EXPENSIVE_BYTES), True),
        (CostEstimate("", scanned_bytes=EXPENSIVE_BYTES - 1), False),
        (CostEstimate("", rows=10**15), False),
        (CostEstimate("Cannot tell."), False),
    ],
)
def test_only_what_is_known_to_read_very_much_is_expensive(estimate: CostEstimate, answer: bool) -> None:
    assert is_expensive(estimate) is answer
