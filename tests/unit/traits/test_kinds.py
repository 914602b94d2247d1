"""The seven kinds of computed traits and their values (spec/profiles.md 2.2), and what cannot be computed."""

from __future__ import annotations

import pytest

from core.errors import InvalidField
from core.traits.definition import CompiledTrait, compile_definition
from core.traits.recipes import RECIPES
from core.traits.states import observe_into
from core.traits.windows import DAY_MS, HOUR_MS, MAX_SESSIONS, MINUTE_MS

NOW_MS = 1_800_000_000_000


def make(kind: str, **definition: object) -> CompiledTrait:
    return compile_definition(kind, {"event": "Bought", "property": "total", **definition})


def value_of(trait: CompiledTrait, sent: list[object], *, step_ms: int = MINUTE_MS, now_ms: int = NOW_MS) -> object:
    """Return the value after these values of the property, oldest first, the last one `step_ms` ago."""
    state: dict[str, object] = {}
    for place, value in enumerate(sent):
        taken = trait.take({"total": value})
        if taken is not None:
            observe_into(state, trait, taken, NOW_MS - (len(sent) - place) * step_ms, place)
    return trait.window.read(state, now_ms) if state else None


@pytest.mark.parametrize(
    ("kind", "more", "sent", "value"),
    [
        ("event_counter", {}, [1, None, "x"], 3),
        ("aggregation", {"aggregate": "sum"}, [0.1, "0.2", 3, "NaN", None, True], 3.3),
        ("aggregation", {"aggregate": "average"}, [1, 2, "many"], 1.5),
        ("aggregation", {"aggregate": "minimum"}, [3, 1.5, -2.0], -2),
        ("aggregation", {"aggregate": "maximum"}, [3, "7.5", [9]], 7.5),
        ("most_frequent", {}, ["sms", "Voice", "voice", "SMS"], "SMS"),
        ("most_frequent", {}, ["sms", "voice"], None),
        ("most_frequent", {"minimum_frequency": 3}, ["sms", "sms"], None),
        ("most_frequent", {"value_type": "number"}, [10, "9", 9.0, 10], 9),
        ("first", {}, [None, "a", "b"], "a"),
        ("last", {}, ["a", "b", None, {}], "b"),
        ("last", {"value_type": "number"}, ["95", "a while"], 95),
        ("unique_list", {}, ["b", "a", "B", "", 7], ["7", "B", "a"]),
        ("unique_list", {"value_type": "number"}, [10, 9, "10", "ten"], [9, 10]),
        ("unique_list_count", {}, ["b", "a", "B"], 2),
    ],
)
def test_each_kind_makes_its_value(kind: str, more: dict[str, object], sent: list[object], value: object) -> None:
    found = value_of(make(kind, **more), sent)
    assert found == value
    assert isinstance(found, type(value))


def test_nothing_but_values_that_are_none_gives_no_value() -> None:
    for kind in ("first", "last", "unique_list", "unique_list_count", "most_frequent"):
        assert value_of(make(kind, property="absent"), ["a", "b"]) is None
        assert value_of(make(kind, value_type="number"), ["NaN", "inf", "x", [], None]) is None
    for aggregate in ("sum", "average", "minimum", "maximum"):
        assert value_of(make("aggregation", aggregate=aggregate), ["NaN", None, "ten"]) is None


def test_a_sum_does_not_depend_on_the_order_and_passes_64_bits() -> None:
    sent: list[object] = [0.1, 0.2, 0.3, 1e14, 999_999_999_999_999, 1e300] * 20
    total = make("aggregation", aggregate="sum")
    assert value_of(total, sent) == value_of(total, sent[::-1])
    assert value_of(total, sent) == 20 * (0.6 + 1e14 + 999_999_999_999_999)


def test_a_person_with_too_many_values_keeps_the_first_of_the_alphabet_in_any_order() -> None:
    sent: list[object] = [f"v{number:04}" for number in range(1_200)]
    unique = make("unique_list")
    assert value_of(unique, sent) == value_of(unique, sent[::-1]) == sent[:1_000]


def test_a_sliding_window_forgets_hour_by_hour_up_to_a_week_and_day_by_day_beyond() -> None:
    hours, days = (
        make("event_counter", window={"type": "sliding", "days": 1}),
        make("event_counter", window={"type": "sliding", "days": 30}),
    )
    assert value_of(hours, [1] * 30, step_ms=HOUR_MS) in (24, 25)
    assert value_of(days, [1] * 60, step_ms=DAY_MS) in (30, 31)
    assert value_of(days, [1] * 60, step_ms=DAY_MS, now_ms=NOW_MS + 31 * DAY_MS) is None
    state: dict[str, object] = {}
    observe_into(state, days, 1, NOW_MS, 1)
    due = days.window.find_due(state)
    assert due is not None
    assert NOW_MS + 30 * DAY_MS < due <= NOW_MS + 31 * DAY_MS
    assert days.window.read(state, due - 1) == 1
    assert days.window.read(state, due) is None


def test_a_session_counts_until_the_person_was_silent_and_then_its_value_goes() -> None:
    trait = make("event_counter", window={"type": "session", "inactivity_minutes": 30})
    assert value_of(trait, [1] * 5, step_ms=30 * MINUTE_MS) == 5
    assert value_of(trait, [1] * 5, step_ms=29 * MINUTE_MS, now_ms=NOW_MS + 2 * MINUTE_MS) is None
    assert value_of(trait, [1] * (MAX_SESSIONS + 5), step_ms=31 * MINUTE_MS, now_ms=NOW_MS - 5 * MINUTE_MS) == 1


def test_the_recipes_are_the_six_of_flex_two_of_them_recommended() -> None:
    """W67, W76-W81."""
    assert [recipe.name for recipe in RECIPES if recipe.recommended] == ["Total inbounds", "Frequent inbound channel"]
    sent = {"Direction": "inbound", "channelType": "voice", "lastKnownAgentWorkerSid": "WK1", "duration": 95.0}
    taken = [compile_definition(recipe.kind, recipe.definition).take(sent) for recipe in RECIPES]
    assert taken == [1, "voice", None, "WK1", 95.0, None]


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("median", {}),
        ("first", {"property": " "}),
        ("first", {"property": "x" * 300}),
        ("first", {"value_type": "date"}),
        ("aggregation", {}),
        ("aggregation", {"aggregate": "median"}),
        ("most_frequent", {"minimum_frequency": 1}),
        ("most_frequent", {"minimum_frequency": True}),
        ("event_counter", {"event": ""}),
        ("event_counter", {"event": 7}),
        ("event_counter", {"message_type": "identify"}),
        ("event_counter", {"conditions": [{}]}),
        ("event_counter", {"conditions": "direction"}),
        ("event_counter", {"scope": "team"}),
        ("event_counter", {"window": {"type": "tumbling"}}),
        ("event_counter", {"window": {"type": "sliding", "days": 366}}),
        ("event_counter", {"window": {"type": "session", "inactivity_minutes": 29}}),
        ("event_counter", {"window": {"type": "session", "inactivity_minutes": 90 * 1440 + 1}}),
    ],
)
def test_a_definition_that_cannot_be_computed_is_refused_with_a_hint(kind: str, definition: dict[str, object]) -> None:
    with pytest.raises(InvalidField) as caught:
        compile_definition(kind, {"event": "Bought", "property": "total", **definition})
    assert caught.value.hint
