"""What predictions read: only known people, only the past, nothing they wrote themselves; bad input in its place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from core.clock import to_millis
from core.errors import LeakageSuspected
from core.predictions.facts import DAY_MS, Facts, open_facts
from core.predictions.features import MAX_EVENTS, Feature, plan_features, read_features
from core.predictions.outcomes import find_eligible, read_examples
from core.predictions.prediction import parse_definition
from core.predictions.requirements import measure_requirements
from core.predictions.scores import PersonScore, send_scores
from core.predictions.store import create_prediction, list_unused_traits
from core.predictions.training import train
from core.profiles.lookup import get_profile
from core.sources.store import list_sources
from core.workspaces.workspace import Workspace
from tests.conftest import NOW
from tests.past import Past, define
from tests.shop import CHURN, Shop

pytestmark = pytest.mark.xdist_group("shop")  # so that it is made once


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


def test_an_event_that_is_left_out_changes_no_feature(workspace: Workspace) -> None:
    """What is read without it is the same as where it never happened, activity of any kind included."""
    past = Past(workspace)
    for user, noises in {"ada": 6, "grace": 0}.items():
        past.send(20, userId=user)
        past.send(12, "Product Viewed", userId=user)
        for number in range(noises):
            past.send(9 - number, "Noise", userId=user)
    people, at = np.arange(2, dtype=np.int32), to_millis(NOW)
    with past.open(define()) as facts:
        plans = [plan_features(facts, define(excluded_events=left_out), 30, at, []) for left_out in ([], ["Noise"])]
        assert [plan.events for plan in plans] == [
            ("Order Completed", "Product Viewed", "Noise"),
            ("Order Completed", "Product Viewed"),
        ]
        before = [read_features(facts, plan, at, people) for plan in plans]
        facts.database.execute("DELETE FROM facts WHERE event = 'Noise'")
        after = [read_features(facts, plan, at, people) for plan in plans]
    assert (before[0] != after[0]).sum() > 4, "counts, recency and activity of one of them"
    np.testing.assert_array_equal(before[1], after[1])


def test_of_very_many_events_those_that_most_people_do_are_used_one_by_one(workspace: Workspace) -> None:
    past = Past(workspace)
    past.send(5, userId="ada")
    with past.open(define()) as facts:
        facts.database.execute(  # event n is done by n people, and the first one most often
            "INSERT INTO facts SELECT w.range, 'Event ' || e.range, ?, 0 FROM range(1, 51) e, range(50) w, range(99) t"
            " WHERE w.range < e.range AND (t.range = 0 OR e.range = 1)",
            [to_millis(NOW) - DAY_MS],
        )
        plan = plan_features(facts, define(), 30, to_millis(NOW), [])
    assert plan.events == tuple(f"Event {number}" for number in range(50, 50 - MAX_EVENTS, -1))


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


def test_the_lifetime_value_asks_about_who_bought_twice_whenever_that_was(workspace: Workspace) -> None:
    """spec/profiles.md 3: only customers with at least two purchases."""
    past = Past(workspace)
    for user, days in {"twice": (90, 31), "long ago": (300, 290), "once": (40,), "again later": (40, 10)}.items():
        for day in days:
            past.send(day, userId=user, properties={"revenue": 7 if day == 10 else 5})
    past.send(50, userId="once", properties={"revenue": "unknown"})
    definition = define("lifetime_value", amount_property="revenue", window_days=15)
    with past.open(definition) as facts:
        asked = [read_examples(facts, definition, 30, to_millis(NOW) - days * DAY_MS) for days in (30, 15, 0)]
        ((later,),) = read_table(facts, "SELECT person FROM target WHERE amount = 7")
    assert [len(examples.people) for examples in asked] == [2, 2, 3]
    assert [later in examples.people for examples in asked] == [False, False, True]


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
