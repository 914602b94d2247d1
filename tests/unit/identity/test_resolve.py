from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from core.identity.kept_apart import KeptApart
from core.identity.resolve import Caps, KnownProfile, Resolution, Sighting, ViolationRule, choose_survivor, resolve
from core.identity.rule import Identifier, IdentifierRule, Period

DAY = 86_400_000
NOW = 1_000 * DAY
RULES = {
    rule.type: rule
    for rule in (
        IdentifierRule("user_id", 1, 1),
        IdentifierRule("email", 2, 2),
        IdentifierRule("anonymous_id", 3, 2, Period.WEEKLY),
    )
}


def known(profile_id: str, created_at: int = 0, seen_at: int = NOW, merges: int = 0, **values: object) -> KnownProfile:
    profile = KnownProfile(profile_id, created_at, merges)
    for type_, texts in values.items():
        profile.identifiers[type_] = {
            text: Sighting(seen_at, seen_at, 1, "s") for text in (texts if isinstance(texts, list) else [texts])
        }
    return profile


def run(
    event: list[tuple[str, str]],
    *profiles: KnownProfile,
    at: int = NOW,
    rules: Mapping[str, IdentifierRule] = RULES,
    **options: object,
) -> Resolution:
    owners = {
        Identifier(type_, value): profile
        for profile in profiles
        for type_, values in profile.identifiers.items()
        for value in values
    }
    return resolve([Identifier(*pair) for pair in event], at, owners, rules, **options)  # type: ignore[arg-type]


def ids(resolution: Resolution) -> list[str]:
    return [profile.id for profile in resolution.profiles]


def test_unknown_identifiers_make_a_new_profile() -> None:
    found = run([("user_id", "u"), ("email", "e")])
    assert (ids(found), len(found.identifiers), found.violations) == ([], 2, [])


def test_one_known_profile_takes_the_event_and_its_new_identifiers() -> None:
    found = run([("user_id", "u"), ("email", "e")], known("use_a", user_id="u"))
    assert (ids(found), len(found.identifiers)) == (["use_a"], 2)


def test_two_known_profiles_are_merged() -> None:
    found = run([("user_id", "u"), ("email", "e")], known("use_a", user_id="u"), known("use_b", email="e"))
    assert (ids(found), found.violations) == (["use_a", "use_b"], [])


def test_the_worked_example_of_the_documentation() -> None:
    """Profile {abc123, jane}; event {abc456, jane}: two user ids are too many, so jane is dropped: a new profile."""
    jane = known("use_a", user_id="abc123", email="jane@example.com")
    found = run([("user_id", "abc456"), ("email", "jane@example.com")], jane)
    assert ids(found) == []
    assert found.identifiers == [("user_id", "abc456")]
    (violation,) = found.violations
    assert violation.rule == ViolationRule.VALUE_LIMIT
    assert (violation.detail["type"], violation.detail["count"], violation.detail["limit"]) == ("user_id", 2, 1)
    assert violation.detail["dropped"] == {"type": "email", "value": "jane@example.com"}


def test_identifiers_are_dropped_from_the_lowest_priority_until_the_rest_fits() -> None:
    one, two, three = known("a", user_id="u1"), known("b", user_id="u2", email="e"), known("c", anonymous_id="x")
    found = run([("user_id", "u1"), ("email", "e"), ("anonymous_id", "x")], one, two, three)
    assert ids(found) == ["a"]
    assert [violation.detail["dropped"] for violation in found.violations] == [
        {"type": "anonymous_id", "value": "x"},
        {"type": "email", "value": "e"},
    ]


def test_the_last_identifier_resolves_whatever_the_limits_say() -> None:
    over = known("a", user_id=["u1", "u2", "u3"])
    assert ids(run([("user_id", "u3")], over)) == ["a"]


def test_a_profile_above_its_limit_goes_on_as_long_as_it_does_not_grow() -> None:
    """Tightening a limit applies to new data only."""
    over = known("a", user_id="u", email=["e1", "e2", "e3"])
    found = run([("user_id", "u"), ("email", "e3"), ("anonymous_id", "new")], over)
    assert (ids(found), found.violations) == (["a"], [])
    assert run([("user_id", "u"), ("email", "e4")], over).violations != []


def test_two_values_on_one_message_count_as_well() -> None:
    found = run([("user_id", "u"), ("user_id", "v")])
    assert (found.identifiers, len(found.violations)) == ([("user_id", "u")], 1)


def test_a_merge_is_refused_when_the_would_be_profile_breaks_a_limit_of_a_type_not_on_the_message() -> None:
    one, two = known("a", user_id="u1", email=["e1", "e2"]), known("b", anonymous_id="x", email=["e3"])
    found = run([("user_id", "u1"), ("anonymous_id", "x")], one, two)
    assert ids(found) == ["a"]
    assert found.violations[0].detail["type"] == "email"


@pytest.mark.parametrize(("period", "days"), [("daily", 1), ("weekly", 7), ("monthly", 30), ("annually", 365)])
def test_a_period_counts_only_values_seen_within_it(period: str, days: int) -> None:
    rules = {**RULES, "anonymous_id": replace(RULES["anonymous_id"], period=Period(period))}
    event = [("user_id", "u"), ("anonymous_id", "z")]
    old = known("a", seen_at=NOW - days * DAY - 1, user_id="u", anonymous_id=["x", "y"])
    assert run(event, old, rules=rules).violations == []
    recent = known("a", seen_at=NOW - days * DAY, user_id="u", anonymous_id=["x", "y"])
    (violation,) = run(event, recent, rules=rules).violations
    assert (violation.rule, violation.detail["period"]) == (ViolationRule.TIME_LIMIT, period)


def test_alias_resolves_by_its_first_identifier_and_never_merges() -> None:
    found = run(
        [("user_id", "u"), ("anonymous_id", "x")], known("a", user_id="u"), known("b", anonymous_id="x"), is_alias=True
    )
    assert (ids(found), found.identifiers) == (["a"], [("user_id", "u")])


def test_the_hundredth_merge_is_made_and_the_next_is_refused() -> None:
    event = [("user_id", "u"), ("email", "e")]
    assert len(run(event, known("a", user_id="u", merges=99), known("b", email="e")).profiles) == 2
    found = run(event, known("a", user_id="u", merges=98), known("b", email="e", merges=2))
    assert (ids(found), found.violations[0].rule) == (["a"], ViolationRule.MERGE_LIMIT)


def test_a_full_profile_takes_events_but_no_more_identifiers() -> None:
    full = known("a", user_id="u", email=["e1"])
    found = run([("user_id", "u"), ("email", "e2")], full, caps=Caps(identifiers=2))
    assert (ids(found), found.identifiers) == (["a"], [("user_id", "u")])
    assert found.violations[0].rule == ViolationRule.MAPPING_LIMIT
    found = run(
        [("user_id", "u"), ("email", "e")], known("a", user_id="u"), known("b", email="e"), caps=Caps(identifiers=1)
    )
    assert (ids(found), found.violations[0].rule) == (["a"], ViolationRule.MAPPING_LIMIT)


def test_the_older_profile_survives_and_of_equal_age_the_smaller_id() -> None:
    assert choose_survivor([known("a", 2), known("b", 1)]).id == "b"
    assert choose_survivor([known("b", 1), known("a", 1)]).id == "a"


def test_a_type_whose_rule_is_gone_has_no_limit() -> None:
    old = known("a", user_id="u", phone=["1", "2", "3"])
    assert ids(run([("user_id", "u"), ("email", "e")], old, known("b", email="e", phone=["4"]))) == ["a", "b"]


def test_resolving_changes_nothing() -> None:
    one, two = known("a", user_id="u"), known("b", email="e")
    event = [Identifier("user_id", "u"), Identifier("email", "e")]
    owners = {event[0]: one, event[1]: two}
    resolve(event, NOW, owners, RULES)
    assert (len(event), owners, one.identifiers.keys()) == (2, {event[0]: one, event[1]: two}, {"user_id"})


def test_profiles_kept_apart_are_not_merged_though_no_limit_forbids_it() -> None:
    event = [("user_id", "u"), ("email", "e")]
    found = run(event, known("a", user_id="u"), known("b", email="e"), apart=KeptApart([("b", "a")]))
    assert (ids(found), found.identifiers) == (["a"], [("user_id", "u")])
    (refused,) = found.violations
    assert (refused.rule, refused.identifier, refused.detail["pair"]) == (
        "profiles_kept_apart",
        ("email", "e"),
        ["a", "b"],
    )
    assert ids(run(event, known("a", user_id="u"), known("c", email="e"), apart=KeptApart([("b", "a")]))) == ["a", "c"]


def test_profiles_stay_apart_when_they_have_gone_into_others() -> None:
    event = [("user_id", "u"), ("email", "e"), ("anonymous_id", "x")]
    people = known("c", user_id="u"), known("d", email="e"), known("f", anonymous_id="x")
    apart = KeptApart([("a", "b")], {"a": "c", "b": "b"})
    assert ids(run(event, *people, apart=apart)) == ["c", "d", "f"]
    apart.merge("g", "b")
    apart.merge("d", "g")
    found = run(event, *people, apart=apart)
    assert (ids(found), len(found.violations)) == (["c"], 2)
    assert found.violations[0].detail["pair"] == ["a", "b"]
