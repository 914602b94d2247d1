"""The people of a whole history, found at once, are those that the builder finds one message after the other."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.clock import to_millis
from core.events.event_log import LogEntry, open_event_log
from core.identity.edits import RuleEdit
from core.identity.resolve import Caps
from core.identity.resolve_all import History, resolve_all
from core.identity.rules import edit_identifier, list_rules
from core.profiles.build import ProfileBuilder
from core.profiles.merge_history import find_survivors
from core.storage.tables import identifiers, profile_messages, profiles
from core.workspaces.workspace import Workspace
from tests.property.test_profiles import START, TYPES, make_workspace
from tests.sizes import examples

Told = list[tuple[int | None, int | None, int | None, int, bool]]
messages = st.lists(
    st.tuples(
        st.none() | st.integers(0, 5),
        st.none() | st.integers(0, 5),
        st.none() | st.integers(0, 4),
        st.integers(0, 9),  # on which day
        st.sampled_from([False, False, False, True]),  # an alias
    ).filter(lambda told: any(value is not None for value in told[:3])),
    min_size=1,
    max_size=25,
)


def append(workspace: Workspace, source_id: str, told: Told) -> None:
    entries = []
    for number, (user, email, phone, day, is_alias) in enumerate(told):
        traits = {"email": f"e{email}@x.example"} if email is not None else {}
        traits |= {"phone": f"+1415555000{phone}"} if phone is not None else {}
        type_ = "alias" if is_alias else "identify"
        at = START + timedelta(days=day)
        body = {"type": type_, "messageId": f"m{number}", "traits": traits, "timestamp": at.isoformat()}
        body |= {"userId": f"u{user}"} if user is not None else {}
        received_at = START + timedelta(minutes=number)
        entries.append(LogEntry(source_id, f"m{number}", type_, None, None, received_at, orjson.dumps(body)))
    open_event_log(workspace).append(entries)


def make_history(told: Told) -> History:
    numbers: dict[tuple[int, int], int] = {}
    starts, identifiers = [], []
    for *values, _day, _is_alias in told:
        starts.append(len(identifiers))
        identifiers += [
            numbers.setdefault((type_, value), len(numbers)) for type_, value in enumerate(values) if value is not None
        ]
    return History(
        np.array(starts, np.int64),
        np.array(identifiers, np.int64),
        np.array([type_ for type_, _ in numbers], np.int16),
        TYPES,
        np.array([to_millis(START + timedelta(days=day)) for *_, day, _ in told], np.int64),
        np.array([is_alias for *_, is_alias in told]),
    )


def make_ids(places: Sequence[int]) -> list[str]:
    return [f"{place:09d}" for place in places]  # an id begins with the time at which its message was received


@settings(max_examples=examples(40), deadline=None)
@given(told=messages, limits=st.tuples(*[st.integers(1, 3)] * 3), period=st.sampled_from(["ever", "daily", "weekly"]))
def test_a_history_at_once_gives_the_people_of_the_builder(
    told: Told, limits: tuple[int, int, int], period: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace, space_id, source_id = make_workspace(folder)
        for type_, limit in zip(TYPES, limits, strict=True):
            edit_identifier(workspace, space_id, RuleEdit(type_, value_limit=limit, period=period))
        append(workspace, source_id, told)
        ProfileBuilder(workspace, space_id, caps=Caps(merges=3, identifiers=6)).build()
        with workspace.database.reading() as connection:
            rows = connection.execute(select(profile_messages.c.log_offset, profile_messages.c.profile_id)).all()
            survivors = find_survivors(connection, space_id, {row.profile_id for row in rows})
            made = dict(connection.execute(select(profiles.c.id, profiles.c.created_offset)).all())
            owned = connection.execute(select(identifiers.c.type, identifiers.c.value, identifiers.c.profile_id)).all()
        rules = {rule.type: rule for rule in list_rules(workspace, space_id)}
        open_event_log(workspace).close()
        workspace.close()
    people = resolve_all(make_history(told), rules, make_ids, caps=Caps(merges=3, identifiers=6))
    assert {row.log_offset: made[survivors[row.profile_id]] for row in rows} == {
        place + 1: owner + 1 for place, owner in enumerate(people.owners.tolist())
    }
    assert Counter(made[row.profile_id] for row in owned) == Counter(
        owner + 1 for owner in people.identifier_owners.tolist() if owner >= 0
    )


def test_only_components_that_can_break_a_limit_are_gone_through_one_by_one() -> None:
    told: Told = [(1, 1, None, 0, False), (1, 2, None, 0, False), (2, 3, None, 0, False), (3, 3, None, 0, False)]
    with tempfile.TemporaryDirectory() as folder:
        workspace, space_id, _ = make_workspace(folder, limit=2)
        edit_identifier(workspace, space_id, RuleEdit("user_id", value_limit=1))
        rules = {rule.type: rule for rule in list_rules(workspace, space_id)}
        workspace.close()
    people = resolve_all(make_history(told), rules, make_ids)
    assert people.replayed == 2
    assert people.owners.tolist() == [0, 0, 2, 3]


def test_people_who_are_kept_apart_stay_so_whatever_ties_them() -> None:
    told: Told = [(1, 1, None, 0, False), (2, 2, None, 0, False), (2, 1, None, 0, False), (3, 3, None, 0, False)]
    with tempfile.TemporaryDirectory() as folder:
        workspace, space_id, _ = make_workspace(folder)
        rules = {rule.type: rule for rule in list_rules(workspace, space_id)}
        workspace.close()
    assert resolve_all(make_history(told), rules, make_ids).owners.tolist() == [0, 0, 0, 3]
    people = resolve_all(make_history(told), rules, make_ids, apart=[(0, 1)])
    assert people.owners.tolist() == [0, 1, 1, 3]
    assert people.violations == {"profiles_kept_apart": 1}
    assert people.replayed == 3
