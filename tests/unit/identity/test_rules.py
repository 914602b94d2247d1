from __future__ import annotations

import pytest

from core.errors import IllegalTransition, InvalidField, NotFound
from core.identity.caps import change_caps, get_caps
from core.identity.edits import RuleEdit
from core.identity.resolve import Caps
from core.identity.rules import (
    PERIODS,
    IdentifierRule,
    add_custom_identifier,
    add_external_types,
    add_identifiers,
    add_recommended_identifiers,
    delete_identifier,
    edit_identifier,
    import_rules,
    list_rules,
)
from core.workspaces.audit import list_changes
from core.workspaces.spaces import create_space, ensure_space
from core.workspaces.workspace import Workspace


@pytest.fixture
def space_id(store_workspace: Workspace) -> str:
    return ensure_space(store_workspace).id


def order(workspace: Workspace, space_id: str) -> list[str]:
    rules = list_rules(workspace, space_id)
    assert [rule.priority for rule in rules] == list(range(1, len(rules) + 1))
    return [rule.type for rule in rules]


def test_a_space_starts_without_identifiers(store_workspace: Workspace, space_id: str) -> None:
    assert list_rules(store_workspace, space_id) == []


def test_added_identifiers_have_the_default_limits_priorities_and_blocked_values(
    store_workspace: Workspace, space_id: str
) -> None:
    """W63, W64."""
    add_identifiers(store_workspace, space_id, ["ios.id", "email", "anonymous_id", "user_id"])
    assert order(store_workspace, space_id) == ["user_id", "email", "anonymous_id", "ios.id"]
    user_id, email, *_ = list_rules(store_workspace, space_id)
    assert (user_id.value_limit, email.value_limit, email.period) == (1, 5, "ever")
    assert email.blocked_exact == ("-1", "null", "anonymous")
    assert email.blocked_patterns == ("^[0-]*$",)


def test_the_default_order_is_kept_as_kinds_are_added_until_a_person_chooses_one(
    store_workspace: Workspace, space_id: str
) -> None:
    add_identifiers(store_workspace, space_id, ["email"])
    add_custom_identifier(store_workspace, space_id, "phone")
    add_identifiers(store_workspace, space_id, ["user_id", "group_id"])
    assert order(store_workspace, space_id) == ["user_id", "email", "group_id", "phone"]
    edit_identifier(store_workspace, space_id, RuleEdit("phone", priority=1))
    add_identifiers(store_workspace, space_id, ["anonymous_id"])
    assert order(store_workspace, space_id) == ["phone", "user_id", "email", "group_id", "anonymous_id"]


@pytest.mark.parametrize("types", [["phone"], ["email", "email"], ["user_id"], ["email", "nonsense"]])
def test_an_unknown_or_repeated_identifier_is_refused_and_nothing_is_added(
    store_workspace: Workspace, space_id: str, types: list[str]
) -> None:
    add_identifiers(store_workspace, space_id, ["user_id"])
    with pytest.raises(InvalidField):
        add_identifiers(store_workspace, space_id, types)
    assert order(store_workspace, space_id) == ["user_id"]


def test_a_custom_identifier_takes_the_key_in_camel_case_or_snake_case(
    store_workspace: Workspace, space_id: str
) -> None:
    """W71, W72."""
    rule = add_custom_identifier(store_workspace, space_id, "loyaltyId", value_limit=2, period="monthly")
    assert rule == IdentifierRule("loyalty_id", 1, 2, "monthly", custom=True)  # type: ignore[arg-type]
    with pytest.raises(InvalidField, match="there already"):
        add_custom_identifier(store_workspace, space_id, "loyalty_id")


def test_where_an_identifier_is_read_from_is_set_changed_and_imported(store_workspace: Workspace) -> None:
    """spec/profiles.md 1.1 and 1.2: a custom one has a name and a key; an e-mail in properties is an option."""
    one, other = (create_space(store_workspace, name).id for name in ("One", "Other"))
    add_identifiers(store_workspace, one, ["email", "user_id"])
    assert add_custom_identifier(store_workspace, one, "phone", key="phoneNumber").key == "phone_number"
    assert edit_identifier(store_workspace, one, RuleEdit("email", in_properties=True)).in_properties
    assert edit_identifier(store_workspace, one, RuleEdit("email", value_limit=2)).in_properties
    assert import_rules(store_workspace, other, one) == list_rules(store_workspace, other)
    assert [(rule.key, rule.in_properties) for rule in list_rules(store_workspace, other)] == [
        (None, False),
        (None, True),
        ("phone_number", False),
    ]
    before = list_rules(store_workspace, one)
    for type_, setting in (
        ("phone", {"key": "a b"}),
        ("phone", {"in_properties": True}),
        ("email", {"key": "mail"}),
        ("user_id", {"in_properties": True}),
    ):
        with pytest.raises(InvalidField):
            edit_identifier(store_workspace, one, RuleEdit(type_, **setting))  # type: ignore[arg-type]
    assert list_rules(store_workspace, one) == before
    assert edit_identifier(store_workspace, one, RuleEdit("phone", key="Phone")).key is None


@pytest.mark.parametrize("key", ["", "  ", "1st", "with space", "x" * 80, "émail", "a;b", "email", "userId"])
def test_a_key_that_cannot_be_an_identifier_is_refused(store_workspace: Workspace, space_id: str, key: str) -> None:
    with pytest.raises(InvalidField):
        add_custom_identifier(store_workspace, space_id, key)
    assert list_rules(store_workspace, space_id) == []


def test_editing_changes_what_is_given_and_nothing_else(store_workspace: Workspace, space_id: str) -> None:
    add_identifiers(store_workspace, space_id, ["user_id", "email"])
    before = list_rules(store_workspace, space_id)[1]
    after = edit_identifier(
        store_workspace,
        space_id,
        RuleEdit("email", value_limit=2, period="weekly", blocked_exact=[" void "], blocked_patterns=[]),
    )
    assert after == list_rules(store_workspace, space_id)[1]
    assert (after.value_limit, after.period, after.blocked_exact, after.blocked_patterns) == (
        2,
        "weekly",
        ("void",),
        (),
    )
    assert (after.priority, after.custom) == (before.priority, before.custom)


def test_a_priority_moves_the_identifier_and_shifts_the_others(store_workspace: Workspace, space_id: str) -> None:
    add_identifiers(store_workspace, space_id, ["user_id", "email", "anonymous_id"])
    edit_identifier(store_workspace, space_id, RuleEdit("anonymous_id", priority=1))
    assert order(store_workspace, space_id) == ["anonymous_id", "user_id", "email"]


@pytest.mark.parametrize(
    "settings",
    [
        {"value_limit": 0},
        {"value_limit": -1},
        {"value_limit": True},
        {"value_limit": 1.5},
        {"value_limit": 10_000},
        {"period": "hourly"},
        {"priority": 0},
        {"priority": 3},
        {"blocked_exact": [""]},
        {"blocked_exact": ["x" * 201]},
        {"blocked_exact": [str(number) for number in range(501)]},
        {"blocked_patterns": ["("]},
        {"blocked_patterns": ["(?!no)"]},
    ],
)
def test_a_setting_that_is_not_valid_is_refused_in_words_and_nothing_is_changed(
    workspace: Workspace, settings: dict[str, object]
) -> None:
    space_id = ensure_space(workspace).id
    add_identifiers(workspace, space_id, ["user_id", "email"])
    before = list_rules(workspace, space_id)
    with pytest.raises(InvalidField) as caught:
        edit_identifier(workspace, space_id, RuleEdit("email", **settings))  # type: ignore[arg-type]
    assert caught.value.hint
    assert list_rules(workspace, space_id) == before


def test_deleting_closes_the_gap_and_the_last_one_stays(store_workspace: Workspace, space_id: str) -> None:
    """W64: at least one identifier."""
    add_identifiers(store_workspace, space_id, ["user_id", "email", "anonymous_id"])
    delete_identifier(store_workspace, space_id, "email")
    assert order(store_workspace, space_id) == ["user_id", "anonymous_id"]
    delete_identifier(store_workspace, space_id, "user_id")
    with pytest.raises(IllegalTransition, match="last identifier"):
        delete_identifier(store_workspace, space_id, "anonymous_id")


def test_what_does_not_exist_is_not_found(workspace: Workspace) -> None:
    space_id = ensure_space(workspace).id
    add_identifiers(workspace, space_id, ["user_id"])
    for attempt in (
        lambda: edit_identifier(workspace, space_id, RuleEdit("email", value_limit=1)),
        lambda: delete_identifier(workspace, space_id, "email"),
        lambda: add_identifiers(workspace, "spa_none", ["user_id"]),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_every_change_is_in_the_audit_trail_with_before_and_after(store_workspace: Workspace, space_id: str) -> None:
    add_identifiers(store_workspace, space_id, ["user_id", "email"])
    edit_identifier(store_workspace, space_id, RuleEdit("email", value_limit=3))
    edit_identifier(store_workspace, space_id, RuleEdit("email", value_limit=3))
    delete_identifier(store_workspace, space_id, "email")
    changes = list_changes(store_workspace, object_type="identifier")
    assert [change.action for change in reversed(changes)] == ["created", "created", "updated", "deleted"]
    edit = changes[1]
    assert edit.before is not None
    assert edit.after is not None
    assert (edit.before["value_limit"], edit.after["value_limit"]) == (5, 3)


def test_types_seen_in_external_ids_take_their_place_in_the_default_order_and_a_person_can_make_them_full(
    store_workspace: Workspace, space_id: str
) -> None:
    """spec/profiles.md 1.2: the rest is alphabetical, unless a person set another order."""

    def see(*types: str) -> None:
        with store_workspace.database.transaction() as connection:
            add_external_types(connection, store_workspace, space_id, types)

    add_identifiers(store_workspace, space_id, ["email", "anonymous_id"])
    see("loyalty", "email", "user_id", "loyalty", "aaa")
    assert order(store_workspace, space_id) == ["user_id", "email", "aaa", "anonymous_id", "loyalty"]
    rules = {rule.type: rule for rule in list_rules(store_workspace, space_id)}
    assert {type_ for type_, rule in rules.items() if rule.external_only} == {"user_id", "aaa", "loyalty"}
    assert (rules["user_id"].value_limit, rules["user_id"].custom, rules["loyalty"].value_limit) == (1, False, 5)
    told = list_changes(store_workspace, object_type="identifier")[0].after
    assert told is not None and told["priority"] > 0
    assert not add_custom_identifier(store_workspace, space_id, "aaa").external_only
    edit_identifier(store_workspace, space_id, RuleEdit("aaa", priority=1))
    see("bbb", "android.id")
    assert order(store_workspace, space_id)[3:] == ["anonymous_id", "loyalty", "android.id", "bbb"]


def test_the_five_periods_are_offered() -> None:
    assert PERIODS == ("ever", "daily", "weekly", "monthly", "annually")


def test_rules_and_caps_are_imported_from_another_space_as_one_change(store_workspace: Workspace) -> None:
    """spec/profiles.md 1.2: a space starts with the rules of another one."""
    one, other = (create_space(store_workspace, name).id for name in ("One", "Other"))
    add_identifiers(store_workspace, one, ["user_id", "email"])
    add_custom_identifier(store_workspace, one, "phone", value_limit=2, period="weekly", blocked_exact=["+1"])
    edit_identifier(store_workspace, one, RuleEdit("phone", priority=1))
    change_caps(store_workspace, one, Caps(merges=7, identifiers=70))
    recommended = add_recommended_identifiers(store_workspace, other)
    assert [rule.type for rule in recommended] == ["user_id", "email", "anonymous_id", "phone"]
    assert import_rules(store_workspace, other, one) == list_rules(store_workspace, one)
    assert list_rules(store_workspace, other) == list_rules(store_workspace, one)
    assert get_caps(store_workspace, other) == Caps(merges=7, identifiers=70)
    entry = list_changes(store_workspace)[0]
    assert (entry.action, entry.object_id) == ("imported", other)
    for space_id, from_id in ((one, one), (one, create_space(store_workspace, "Empty").id)):
        with pytest.raises(InvalidField):
            import_rules(store_workspace, space_id, from_id)
    with pytest.raises(NotFound):
        import_rules(store_workspace, one, "spa_none")
    for caps in (Caps(merges=0), Caps(identifiers=1_000_000)):
        with pytest.raises(InvalidField):
            change_caps(store_workspace, one, caps)
