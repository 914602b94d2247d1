"""What predictions read: only known people, only the past, nothing they wrote themselves; bad input in its place."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import numpy as np
import pytest

from core.clock import to_iso, to_millis
from core.errors import LeakageSuspected, NotEnoughData
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.predictions.facts import DAY_MS, Facts, open_facts
from core.predictions.features import Feature, plan_features, read_features
from core.predictions.outcomes import find_eligible, read_examples
from core.predictions.prediction import PredictionDefinition, parse_definition
from core.predictions.requirements import check_requirements, measure_requirements
from core.predictions.scores import PersonScore, send_scores
from core.predictions.store import create_prediction, list_unused_traits
from core.predictions.training import train
from core.profiles.lookup import get_profile
from core.sources.store import list_sources
from core.workspaces.workspace import Workspace
from tests.conftest import NOW
from tests.feeding import SOURCE, Feed
from tests.shop import CHURN, Shop

pytestmark = pytest.mark.xdist_group("shop")  # so that it is made once


def define(kind: str = "churn", **document: Any) -> PredictionDefinition:
    return parse_definition(kind, {**CHURN, **document})


class Past:
    """Sends messages that happened some days before `NOW`."""

    def __init__(self, workspace: Workspace, types: tuple[str, ...] = ("user_id", "email", "anonymous_id")) -> None:
        self.workspace = workspace
        self.feed = Feed(workspace, types)
        self._sent = 0
        self._entries: list[Any] = []

    def send(self, days_ago: float, event: str = "Order Completed", type_: str = "track", **fields: Any) -> None:
        self._sent += 1
        message = {"type": type_, "messageId": f"p-{self._sent}", "timestamp": to_iso(NOW - timedelta(days=days_ago))}
        message |= {"event": event} if type_ == "track" else {}
        self._entries.append(to_log_entry(SOURCE, {**message, **fields}, NOW))

    def open(self, definition: PredictionDefinition) -> Any:
        if self._entries:
            open_event_log(self.workspace).append(self._entries)
            self._entries = []
        self.feed.build()
        return open_facts(self.workspace, self.feed.space_id, definition, NOW)


def read_table(facts: Facts, sql: str) -> list[tuple[Any, ...]]:
    return facts.database.execute(sql).fetchall()


def test_anonymous_people_the_future_and_other_types_are_left_out(workspace: Workspace) -> None:
    past = Past(workspace)
    past.send(3, userId="ada")
    past.send(-1, userId="ada")
    past.send(2, anonymousId="nobody")
    past.send(2, type_="page", name="Home", userId="ada")
    past.send(5, type_="identify", userId="ada", traits={"age": 36})
    with past.open(define()) as facts:
        assert len(facts.profile_ids) == 1
        assert sorted(row[0] for row in read_table(facts, "SELECT event FROM facts")) == [
            "Order Completed",
            "Page viewed",
        ]
        assert read_table(facts, "SELECT count(*) FROM target") == [(1,)]


def test_what_was_done_anonymously_counts_once_the_person_is_known(workspace: Workspace) -> None:
    past = Past(workspace)
    past.send(3, anonymousId="visitor")
    past.send(2, type_="identify", anonymousId="visitor", userId="ada")
    past.send(1, userId="ada")
    with past.open(define()) as facts:
        assert read_table(facts, "SELECT person, count(*) FROM facts GROUP BY 1") == [(0, 2)]


def test_amounts_that_are_no_numbers_and_other_currencies_are_left_out_and_counted(workspace: Workspace) -> None:
    past = Past(workspace)
    for number, properties in enumerate(
        [{"Revenue": "12.5"}, {"revenue": "NaN"}, {"revenue": None}, {}, {"revenue": 7, "currency": "EUR"}]
    ):
        past.send(number + 1, userId="ada", properties=properties)
    definition = define("lifetime_value", amount_property="revenue", window_days=15)
    with past.open(definition) as facts:
        assert read_table(facts, "SELECT amount FROM target") == [(12.5,)]
        assert facts.notes == [
            "3 events without a number in revenue left out.",
            "1 events in another currency than USD left out.",
        ]


def test_only_events_that_meet_the_condition_are_the_target(workspace: Workspace) -> None:
    past = Past(workspace)
    past.send(1, userId="ada", properties={"Category": "Solar"})
    past.send(2, userId="ada", properties={"category": "heat"})
    past.send(3, userId="ada")
    target = {"event": "Order Completed", "property": "category", "operator": "equals", "value": "solar"}
    with past.open(define(targets=[target])) as facts:
        assert facts.count("SELECT count(*) FROM target") == 1
    nowhere = {"event": "Order Completed", "property": "colour", "operator": "equals", "value": "red"}
    with past.open(define(targets=[nowhere])) as facts:
        found = {item.code: item for item in measure_requirements(facts, define(targets=[nowhere])).items}
        assert found["event_never_seen"].sentence.startswith("Needs the event “Order Completed”; no known customer")


def test_a_trait_whose_type_changes_is_unknown_from_then_on_and_infinity_is_no_number(workspace: Workspace) -> None:
    past = Past(workspace)
    for user in ("ada", "grace"):
        past.send(20, userId=user)
        past.send(9, type_="identify", userId=user, traits={"seats": 4, "is_pro": True, "plan": "gold"})
    past.send(5, type_="identify", userId="ada", traits={"seats": "many"})
    with past.open(define()) as facts:
        plan = plan_features(facts, define(), 30, to_millis(NOW), [])
        assert plan.traits == ("is_pro", "seats"), "texts teach nothing"
        columns = {feature: place for place, feature in enumerate(plan.list_features())}
        people = np.arange(2, dtype=np.int32)
        seats = columns[Feature("trait", "seats", "value")]
        now, earlier, before = (
            read_features(facts, plan, to_millis(NOW) - days * DAY_MS, people)[:, seats] for days in (0, 7, 12)
        )
    ada = int(np.isnan(now[1]))
    assert np.isnan(now[ada])
    assert now[1 - ada] == 4
    assert earlier.tolist() == [4, 4]
    assert np.isnan(before).all(), "at an earlier moment nobody knew"


def test_nothing_at_or_after_the_cut_off_changes_a_feature(shop: Shop) -> None:
    """Read with all that happened later, and without it: the same numbers, for every person and column."""
    definition = parse_definition("churn", CHURN)
    cut_off = NOW - timedelta(days=45)
    with open_facts(shop.workspace, shop.space_id, definition, cut_off) as past:
        plan = plan_features(
            past, definition, 60, to_millis(cut_off), list_unused_traits(shop.workspace, shop.space_id)
        )
        people = find_eligible(past, definition, 60, to_millis(cut_off))
        before = read_features(past, plan, to_millis(cut_off), people)
        known = past.count("SELECT count(*) FROM facts")
    with open_facts(shop.workspace, shop.space_id, definition, NOW) as everything:
        assert find_eligible(everything, definition, 60, to_millis(cut_off)).tolist() == people.tolist()
        after = read_features(everything, plan, to_millis(cut_off), people)
        assert everything.count("SELECT count(*) FROM facts") > known
    assert len(people) > 100
    assert plan.traits == (), "what predictions wrote teaches them nothing"
    np.testing.assert_array_equal(before, after)


def test_churn_is_told_by_the_window_after_and_asked_of_who_was_active_before(workspace: Workspace) -> None:
    """spec/profiles.md 3: at least N times within D days; only who did it in the last D days is eligible."""
    past = Past(workspace)
    for user, days in {
        "stays": (40, 20, 10),
        "once": (40, 20),
        "leaves": (40,),
        "long gone": (100,),
        "new": (5,),
    }.items():
        for day in days:
            past.send(day, userId=user)
    cut_off = to_millis(NOW) - 30 * DAY_MS
    churned = {}
    for minimum in (1, 2):
        definition = define(minimum=minimum)
        with past.open(definition) as facts:
            found = read_examples(facts, definition, 30, cut_off)
            assert len(found.people) == 3
            churned[minimum] = int(found.happened.sum())
    assert churned == {1: 1, 2: 2}
    performing = define(performs=True, targets=["Cancelled"])
    past.send(10, "Cancelled", userId="leaves")
    with past.open(performing) as facts:
        assert read_examples(facts, performing, 30, cut_off).happened.sum() == 1


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


def test_a_trait_that_was_written_afterwards_with_an_earlier_time_is_found_out(workspace: Workspace) -> None:
    past = Past(workspace)
    for number in range(260):
        stays = number % 2 == 0  # until 60 days ago everybody does the same
        for day in (95, 64, 45, 20, 3) if stays else (95, 64):
            past.send(day + number / 1_000, userId=f"u{number}")
        past.send(31 + number / 1_000, "Product Viewed", userId=f"u{number}")
        past.send(96, type_="identify", userId=f"u{number}", traits={"was_kept": stays, "height": number})
    definition = define("purchase", window_days=30)
    with past.open(definition) as facts:
        found = measure_requirements(facts, definition)
        assert found.are_met, [item.sentence for item in found.items if not item.is_met and item.is_hard]
        with pytest.raises(LeakageSuspected, match="The trait 'was_kept' alone tells who will do it") as caught:
            train(facts, definition, [])
    assert "Leave it out" in caught.value.hint
    without = define("purchase", excluded_traits=["was_kept"])
    with past.open(without) as facts:
        assert train(facts, without, []).report["trained_on"] == 260


def test_where_there_is_nothing_to_learn_the_quality_is_poor(workspace: Workspace) -> None:
    """Whether somebody orders in a window is a coin toss, whatever they did before."""
    chance, past = Random(3), Past(workspace)
    for number in range(300):
        for window in range(5):
            past.send(window * 30 + chance.uniform(1, 29), "Product Viewed", userId=f"u{number}")
            if chance.random() < 0.5:
                past.send(window * 30 + chance.uniform(0.1, 29), userId=f"u{number}")
    definition = define("purchase")
    with past.open(definition) as facts:
        report = train(facts, definition, []).report
    assert report["quality"] == "Poor"
    assert 0.4 < report[report["used"]]["auc"] < 0.6


def test_scores_reach_people_by_the_best_identifier_they_have_on_both_engines(store_workspace: Workspace) -> None:
    past = Past(store_workspace, ("user_id", "email"))
    past.send(3, userId="ada", context={"traits": {"email": "ada@example.com"}})
    past.send(
        2,
        context={"externalIds": [{"id": "g@example.com", "type": "email", "collection": "users", "encoding": "none"}]},
    )
    with past.open(define()) as facts:
        ids = facts.profile_ids
        assert facts.count("SELECT count(*) FROM facts") == 2
    made = create_prediction(store_workspace, past.feed.space_id, "churn", CHURN)
    (source,) = list_sources(store_workspace, kind="personas")
    changes = [PersonScore(ids[0], 0.5, 0.25), PersonScore(ids[1], 1.0, 0.75), PersonScore("use_gone", 1.0, 0.75)]
    sent = [send_scores(store_workspace, made, source.id, iter(changes)) for _ in range(2)]
    report = past.feed.build()
    assert sent == [2, 2]
    assert (report.read, report.applied, report.profiles_created) == (2, 2, 0), "done twice, written once"
    found = {id_: get_profile(store_workspace, past.feed.space_id, id_).traits for id_ in ids}
    assert {id_: trait.value for id_, traits in found.items() for trait in traits if trait.key == made.key} == {
        ids[0]: 0.5,
        ids[1]: 1.0,
    }
