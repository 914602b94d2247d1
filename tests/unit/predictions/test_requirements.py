"""What is needed and what there is, both told before anything is trained (spec/profiles.md, section 3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.clock import to_millis
from core.errors import NotEnoughData
from core.predictions.facts import DAY_MS, Facts
from core.predictions.requirements import Requirement, check_requirements, measure_requirements
from core.predictions.training import train
from core.workspaces.workspace import Workspace
from tests.conftest import NOW
from tests.past import Past, define


def test_yesterdays_first_events_are_too_little_and_each_number_is_said(workspace: Workspace) -> None:
    past = Past(workspace)
    for number in range(37):
        past.send(0.5, userId=f"u{number}")
    with past.open(define()):
        pass
    found = check_requirements(workspace, past.feed.space_id, define(), NOW)
    assert not found.are_met
    (missing,) = [item for item in found.items if item.is_hard and not item.is_met]
    assert missing.sentence == "Needs 90 days of events, 3 times the window of 30 days; there are 0."
    with pytest.raises(NotEnoughData) as caught:
        found.require()
    assert caught.value.code == "history_too_short"
    value = define("lifetime_value", amount_property="revenue")
    said = {item.code: item.sentence for item in check_requirements(workspace, past.feed.space_id, value, NOW).items}
    assert said["event_never_seen"].endswith("no known customer has done it as you describe it.")
    assert said["too_few_buyers"] == "Needs 100 customers with at least 2 purchases; you have 0."
    past.send(400, "Product Viewed", userId="u1")
    bought = define("lifetime_value", amount_property="revenue", window_days=15)
    for number in range(120):
        for days in (29, 28) if number % 2 else (40, 31):
            past.send(days, userId=f"u{number}", properties={"revenue": 5})
    with past.open(bought) as facts:
        said = {item.code: item.sentence for item in measure_requirements(facts, bought).items}
    assert said["too_few_buyers"] == (
        "Needs 100 customers with at least 2 purchases 30 days ago, so that it is known what they spent since;"
        " you have 60."
    )


def test_one_class_only_is_refused_with_how_many_there_are(workspace: Workspace) -> None:
    past = Past(workspace)
    for number in range(120):
        for day in (95, 65, 40, 20, 1):
            past.send(day, userId=f"u{number}")
    definition = define("purchase")
    with past.open(definition) as facts, pytest.raises(NotEnoughData) as caught:
        train(facts, definition, [])
    assert caught.value.message == (
        "Needs 100 customers who did not do it within 30 days; you have 0 of 120 who count."
    )


def measure(facts: Facts, kind: str = "purchase", **document: object) -> dict[str, Requirement]:
    return {item.code: item for item in measure_requirements(facts, define(kind, **document)).items}


def test_too_few_on_one_side_is_told_with_how_many_there_are(workspace: Workspace) -> None:
    past = Past(workspace)
    for number in range(150):
        for day in (95, 65, 35):
            past.send(day, "Product Viewed", userId=f"u{number}")
        if number < 110:
            past.send(40, userId=f"u{number}")
        if number < 37:
            past.send(5, userId=f"u{number}")
    with past.open(define("purchase")) as facts:
        found = measure(facts)
        with pytest.raises(NotEnoughData) as caught:
            train(facts, define("purchase"), [])
        stayed = measure(facts, "churn")
    assert found["history_too_short"].is_met
    performers, others = found["too_few_performers"], found["too_few_non_performers"]
    sentence = "Needs 100 customers who did it within 30 days; you have 37 of 150 who count."
    assert (performers.sentence, performers.found, performers.is_met) == (sentence, 37, False)
    assert (others.sentence, others.is_met) == (
        "Needs 100 customers who did not do it within 30 days; you have 40 of 150 who count.",
        False,
    ), "of the two newest cut-offs, the one with fewer"
    assert (caught.value.code, caught.value.message) == ("too_few_performers", sentence)
    assert stayed["too_few_non_performers"].sentence.startswith("Needs 100 customers who stayed; you have ")


def test_kinds_of_events_are_counted_in_the_window_that_features_look_back_on(workspace: Workspace) -> None:
    """A history of 160 days leaves features 60 of them: not the 30 of the target."""
    past = Past(workspace)
    past.send(160, userId="ada")
    for days_ago, event in {61: "Too early", 59: "Signed Up", 45: "Viewed", 20: "Complaint", 1: "Noise"}.items():
        past.send(days_ago, event, userId="ada")
    past.send(2, userId="ada")
    with past.open(define("purchase")) as facts:
        met, unmet = (measure(facts, excluded_events=left_out)["few_event_types"] for left_out in ([], ["Noise"]))
        recent = measure(facts)["event_types"]
        assert facts.count("SELECT count(DISTINCT event) FROM facts") == 6
    assert (met.found, met.is_met) == (5, True)
    assert (unmet.is_met, unmet.is_hard, unmet.sentence) == (
        False,
        False,
        "Advised: 5 different events to learn from in the last 60 days; there are 4.",
    )
    assert recent.sentence == "Advised: 2 to 1,999 different events in the last 15 days; there are 2."


def test_advice_is_told_with_its_numbers_and_holds_nothing_up(workspace: Workspace) -> None:
    past = Past(workspace)
    for day in range(30):
        past.send(day + 0.5, userId="ada")
    newest = to_millis(NOW) - DAY_MS
    with past.open(define("purchase")) as facts:
        few = measure(facts)
        facts.database.execute("DELETE FROM target WHERE at_ms < ?", [newest - 20 * DAY_MS])
        gaps = measure(facts)
        facts.database.execute("INSERT INTO target SELECT range, ?, NULL FROM range(5000)", [newest])
        facts.database.execute("INSERT INTO facts SELECT 0, 'Event ' || range, ?, 0 FROM range(1998)", [newest])
        many = measure(replace(facts, profile_ids=["use_1"] * 50_000))
        facts.database.execute("INSERT INTO facts VALUES (0, 'Event 1998', ?, 0)", [newest])
        too_many = measure(replace(facts, profile_ids=["use_1"] * 10_000_000))
    advice = ("event_types", "target_each_day", "many_people", "many_performers")
    assert not any(found[code].is_hard for found in (few, many) for code in advice)
    assert [few[code].is_met for code in advice] == [False, True, False, False]
    assert [few[code].sentence for code in advice] == [
        "Advised: 2 to 1,999 different events in the last 15 days; there are 1.",
        "Advised: “Order Completed” at least once a day; it came on 30 of the last 30 days.",
        "Advised: 50,000 to 10,000,000 customers; there are 1.",
        "Advised: 5,000 customers who did it in the last 30 days; there are 1.",
    ]
    assert (gaps["target_each_day"].found, gaps["target_each_day"].is_met) == (21, False)
    assert [many[code].is_met for code in ("event_types", "many_people", "many_performers")] == [True, True, True]
    assert many["event_types"].sentence.endswith("there are 1,999. The 40 that most customers do are used.")
    assert (too_many["event_types"].found, too_many["event_types"].is_met) == (2_000, False)
    assert not too_many["many_people"].is_met
