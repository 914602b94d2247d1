from __future__ import annotations

from typing import Any

import pytest

from core.errors import InvalidField, MissingField
from core.predictions.prediction import KINDS, WINDOWS_DAYS, parse_definition, parse_name
from core.predictions.store import create_prediction
from core.traits.store import create_trait
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace


def test_the_four_kinds_the_two_recommended_ones_and_the_windows_are_those_of_the_product() -> None:
    """spec/profiles.md 3, W73."""
    assert [kind.label for kind in KINDS if kind.is_recommended] == ["Likelihood to Churn", "Predicted Lifetime Value"]
    assert len(KINDS) == 4
    assert WINDOWS_DAYS == (15, 30, 60, 90, 120)
    assert {kind.window_days for kind in KINDS if kind.kind == "lifetime_value"} == {120}


def test_a_definition_is_the_same_after_it_was_kept() -> None:
    document: dict[str, Any] = {
        "window_days": 60,
        "targets": [{"event": "Trial Started", "property": "plan", "operator": "equals", "value": "pro"}, "Upgraded"],
        "performs": True,
        "minimum": 3,
        "excluded_events": ["Noise"],
    }
    definition = parse_definition("churn", document)
    assert parse_definition("churn", definition.to_document()) == definition
    assert definition.target_label == "“Trial Started” or “Upgraded”"


@pytest.mark.parametrize(
    ("kind", "document", "problem", "says"),
    [
        ("fortune", {"targets": ["A"]}, InvalidField, "no prediction of the kind 'fortune'"),
        ("churn", {}, MissingField, "No event is chosen"),
        ("churn", {"targets": ["A", "B", "C"]}, InvalidField, "3 events are chosen"),
        ("churn", {"targets": ["A", "A"]}, InvalidField, "same event is chosen twice"),
        ("churn", {"targets": ["A"], "window_days": 45}, InvalidField, "cannot be 45 days"),
        ("churn", {"targets": ["A"], "minimum": 0}, InvalidField, "at least 0 times"),
        ("churn", {"targets": [{"event": "A", "property": "p", "operator": "is"}]}, InvalidField, "unknown operator"),
        ("lifetime_value", {"targets": ["A"]}, MissingField, "property that holds the amount"),
        ("lifetime_value", {"targets": ["A"], "amount_property": "r", "currency": "€"}, InvalidField, "no currency"),
        ("purchase", {"targets": ["A"], "excluded_events": "A"}, InvalidField, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    kind: str, document: dict[str, Any], problem: type[Exception], says: str
) -> None:
    with pytest.raises(problem, match=says):
        parse_definition(kind, document)


def test_a_name_without_letters_makes_no_key() -> None:
    assert parse_name("churn", None) == ("Likelihood to Churn", "likelihood_to_churn")
    with pytest.raises(InvalidField, match="cannot have this name"):
        parse_name("churn", "!!!")


def test_a_computed_trait_takes_no_key_that_a_prediction_writes_and_the_other_way_round(workspace: Workspace) -> None:
    space_id = ensure_space(workspace).id
    counted = {"event": "Bought"}
    create_prediction(workspace, space_id, "churn", {"targets": ["Bought"]})
    for name in ("Likelihood to churn", "Likelihood to churn amount"):
        with pytest.raises(InvalidField, match="A prediction writes"):
            create_trait(workspace, space_id, name=name, kind="event_counter", definition=counted)
    create_trait(workspace, space_id, name="Worth amount", kind="event_counter", definition=counted)
    with pytest.raises(InvalidField, match="already a prediction or a computed trait"):
        create_prediction(workspace, space_id, "purchase", {"targets": ["Bought"]}, name="Worth")
