"""Undo against two oracles, for random histories: a full rebuild with the rule, and profiles that were never merged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import networkx
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.clock import FixedClock, to_iso
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.identity.edits import RuleEdit
from core.identity.rules import add_custom_identifier, add_identifiers, edit_identifier
from core.profiles.build import ProfileBuilder, rebuild
from core.profiles.lookup import get_profile, list_profile_events
from core.profiles.split_plan import Act
from core.profiles.splits import list_splits
from core.profiles.undo import plan_split, split
from core.storage.tables import (
    identifiers,
    kept_apart,
    merges,
    profile_accounts,
    profile_counts,
    profile_messages,
    profiles,
    trait_states,
    violations,
)
from core.traits.engine import ComputedTraitEngine
from core.traits.recipes import INITIATED
from core.traits.store import add_recipes, create_trait
from core.workspaces.spaces import connect_source, create_space
from core.workspaces.workspace import Workspace, open_workspace
from tests.sizes import examples

START = datetime(2026, 11, 1, tzinfo=UTC)
BUILT = (profiles, identifiers, profile_messages, profile_accounts, profile_counts, merges, violations, trait_states)
NUMBERS = itertools.count(1)
TRAITS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("Phones of a week", "unique_list", {"property": "phone", "window": {"type": "sliding", "days": 7}}),
    ("Calls of a session", "event_counter", {"window": {"type": "session", "inactivity_minutes": 2_880}}),
    ("Calls of an account", "event_counter", {"scope": "account"}),
)
value = st.none() | st.integers(0, 4)
message = st.tuples(value, value, value, st.booleans(), st.integers(0, 20))
history = st.lists(message.filter(lambda each: any(part is not None for part in each[:3])), min_size=2, max_size=14)


Message = tuple[int | None, int | None, int | None, bool, int]


class Person(NamedTuple):
    """One profile: the place of the message that made it, what it has, and the places of its messages."""

    made_by: int
    identifiers: frozenset[tuple[str, str]]
    traits: dict[str, object]
    messages: list[int]


def list_identifiers(user: int | None, email: int | None, phone: int | None, is_call: bool) -> list[tuple[str, str]]:
    """Return what a message carries."""
    found = [("user_id", f"u{user}"), ("email", f"e{email}@x.example"), ("phone", f"+1415{phone}")]
    if is_call:
        found.append(("anonymous_id", f"a{phone}"))
    return [(type_, text) for type_, text in found if "None" not in text]


class Crowd:
    """A space of its own with a source of its own; ids of profiles do not depend on which."""

    def __init__(self, workspace: Workspace, user_limit: int, email_limit: int) -> None:
        self.workspace, self.engine = workspace, ComputedTraitEngine()
        number = next(NUMBERS)
        self.space_id, self.source = create_space(workspace, f"Space {number}").id, f"src_{number}"
        self.sent, self.start = 0, open_event_log(workspace).last_offset()
        connect_source(workspace, self.space_id, self.source)
        add_identifiers(workspace, self.space_id, ["user_id", "email", "anonymous_id"])
        add_custom_identifier(workspace, self.space_id, "phone")
        edit_identifier(workspace, self.space_id, RuleEdit("user_id", value_limit=user_limit))
        edit_identifier(workspace, self.space_id, RuleEdit("email", value_limit=email_limit, period="weekly"))
        add_recipes(workspace, self.space_id, ["total_inbounds"])
        for name, kind, more in TRAITS:
            create_trait(workspace, self.space_id, name=name, kind=kind, definition={"event": INITIATED, **more})

    def send(self, messages: Sequence[Message], numbers: Sequence[int] = ()) -> None:
        """Send messages; with `numbers` the messages can come in any order, each is of a moment of its own."""
        entries = []
        for place, (user, email, phone, is_call, day) in enumerate(messages):
            self.sent += 1
            number = numbers[place] if numbers else self.sent
            traits = {"email": f"e{email}@x.example", "phone": f"+1415{phone}", "seen": number}
            known = {key: text for key, text in traits.items() if "None" not in str(text)}
            body: dict[str, Any] = {"messageId": f"m{number}", "userId": None if user is None else f"u{user}"}
            if is_call:
                context = {"traits": known, "groupId": f"g{number % 3}"}
                body |= {"type": "track", "event": INITIATED, "context": context}
                body["anonymousId"] = None if phone is None else f"a{phone}"
                body["properties"] = {"direction": "Inbound", **known}
            else:
                body |= {"type": "identify", "traits": known}
            body["timestamp"] = to_iso(START + timedelta(days=day, seconds=number if numbers else 0))
            entries.append(to_log_entry(self.source, body, START + timedelta(seconds=self.sent)))
        open_event_log(self.workspace).append(entries)

    def build(self, batch: int = 1000) -> None:
        ProfileBuilder(self.workspace, self.space_id, self.engine, batch_messages=batch, part_messages=4).build()

    def split(self, act: Act, merged_id: str, survivor_id: str | None = None) -> None:
        split(self.workspace, self.space_id, act, merged_id, self.engine, survivor_id=survivor_id)

    def rebuild(self) -> None:
        rebuild(self.workspace, self.space_id)
        self.build()

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        found = {}
        with self.workspace.database.reading() as connection:
            for table in BUILT:
                query = select(table).where(table.c.space_id == self.space_id).order_by(*table.primary_key)
                rows = [dict(row._mapping) for row in connection.execute(query)]
                for row in rows:
                    row.pop("search", None)
                    row |= {name: orjson.loads(row[name]) for name in ("traits", "detail", "reason") if name in row}
                found[table.name] = [tuple(row.values()) for row in rows]
        return found

    def read_people(self) -> list[Person]:
        """Return the people of the space as they came, without what differs between spaces."""
        with self.workspace.database.reading() as connection:
            there = select(profiles).where(profiles.c.space_id == self.space_id, profiles.c.merged_into.is_(None))
            rows = list(connection.execute(there.order_by(profiles.c.created_offset)))
            owned = list(connection.execute(select(identifiers).where(identifiers.c.space_id == self.space_id)))
        return [
            Person(
                row.created_offset - self.start,
                frozenset((each.type, each.value) for each in owned if each.profile_id == row.id),
                {key: entry[0] for key, entry in orjson.loads(row.traits).items()},
                [each.offset - self.start for each in list_profile_events(self.workspace, self.space_id, row.id)],
            )
            for row in rows
        ]

    def list_merged(self) -> list[str]:
        query = select(merges.c.merged_id).where(merges.c.space_id == self.space_id).order_by(merges.c.log_offset)
        with self.workspace.database.reading() as connection:
            return list(connection.execute(query).scalars())


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path_factory.mktemp("undo")), clock=FixedClock(START + timedelta(days=1)))
    yield opened
    opened.close()


@settings(
    max_examples=examples(12),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=history, after=history, limits=st.tuples(st.integers(1, 5), st.integers(1, 4)), which=st.integers(0, 99))
def test_an_undo_and_its_undo_are_a_full_rebuild_with_the_rule_and_without(
    workspace: Workspace, before: list[Any], after: list[Any], limits: tuple[int, int], which: int
) -> None:
    crowd = Crowd(workspace, *limits)
    crowd.send(before)
    crowd.build(batch=3)
    crowd.send(after)
    crowd.build()
    merged = crowd.list_merged()
    if not merged:
        return
    as_it_was, merged_id = crowd.dump(), merged[which % len(merged)]
    crowd.split(Act.UNDO, merged_id)
    undone = crowd.dump()
    assert undone != as_it_was
    crowd.rebuild()
    assert undone == crowd.dump()
    (rule,) = list_splits(workspace, crowd.space_id)
    assert rule.survivor_now != rule.merged_now
    crowd.send(before)
    crowd.build()
    (rule,) = list_splits(workspace, crowd.space_id)
    assert rule.survivor_now != rule.merged_now
    others = crowd.list_merged()
    if others:  # a second undo, with the first rule in force
        crowd.split(Act.UNDO, others[which % len(others)])
        undone = crowd.dump()
        crowd.rebuild()
        assert undone == crowd.dump()
    for rule in list_splits(workspace, crowd.space_id):
        crowd.split(Act.REJOIN, rule.merge.merged_id, rule.merge.survivor_id)
    rejoined = crowd.dump()
    crowd.rebuild()
    assert rejoined == crowd.dump()


@settings(
    max_examples=examples(15),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    first=history,
    second=history,
    turns=st.lists(st.booleans(), min_size=28, max_size=28),
    limits=st.sampled_from([None, None, (1, 2)]),
)
def test_whether_messages_come_live_or_in_batches_changes_nothing_nor_how_two_sources_interleave_without_limits(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[Any],
    second: list[Any],
    turns: list[bool],
    limits: tuple[int, int] | None,
) -> None:
    """Where no limit speaks, people and their traits are the same in any order that keeps that of each source.

    Where one speaks, who came first has the value, so people are those of the order, and so are ids always: the
    message that made a profile names it. For one order they are the same for ever, live, in batches and built again.
    """
    workspace = open_workspace(str(tmp_path_factory.mktemp("order")), clock=FixedClock(START))  # its log is short
    numbered = [(number, each) for number, each in enumerate([*first, *second], 1)]
    left, right = iter(numbered[: len(first)]), iter(numbered[len(first) :])
    mixed = [each for turn in turns if (each := next(left if turn else right, None)) is not None]
    found = []
    for arrived in (numbered, [*mixed, *left, *right]):
        crowd = Crowd(workspace, *(limits or (1_000, 1_000)))
        for type_ in ("phone", "anonymous_id") if limits is None else ():
            edit_identifier(workspace, crowd.space_id, RuleEdit(type_, value_limit=1_000))
        crowd.send([each for _, each in arrived], numbers=[number for number, _ in arrived])
        crowd.build(batch=2)
        live = crowd.dump()
        crowd.rebuild()
        assert crowd.dump() == live
        found.append({person.identifiers: person.traits for person in crowd.read_people()})
        users = [sum(type_ == "user_id" for type_, _ in its) for its in found[-1]]
        assert limits is None or max(users) <= limits[0]
    if limits is None:
        assert found[0] == found[1]
        graph = networkx.Graph()
        for user, email, phone, is_call, _ in (*first, *second):
            known = list_identifiers(user, email, phone, is_call)
            networkx.add_path(graph, known)
            graph.add_nodes_from(known)
        assert found[0].keys() == {frozenset(each) for each in networkx.connected_components(graph)}
    workspace.close()


people = st.lists(
    st.tuples(st.sampled_from(["ada", "bob", "carl"]), st.integers(0, 1), st.booleans(), st.integers(0, 20)), max_size=8
)


@settings(
    max_examples=examples(15),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=people, after=people)
def test_what_one_message_merged_and_an_undo_split_is_as_if_that_message_had_tied_nobody(
    workspace: Workspace, before: list[Any], after: list[Any]
) -> None:
    """Carl uses e-mails of Ada and phones and browsers of Bob, so whom he belongs to is a matter of who came first.

    A profile has two user ids at most, so Carl ties the two in neither history: only the tie does.
    """

    def tell(who: str, part: int, is_call: bool, day: int) -> tuple[int, int | None, int | None, bool, int]:
        user, email, phone = {"ada": (0, part, None), "bob": (1, 4, part), "carl": (3, part, part)}[who]
        return (user, email, phone, is_call, day)

    told = [tell(*each) for each in (*before, ("ada", 0, False, 1), ("bob", 0, False, 2))]
    found = []
    for tied_email in (4, None):
        crowd = Crowd(workspace, 2, 5)
        tie = (0, tied_email, None, True, 3)  # a call, which sets no trait
        crowd.send([*told, tie, *(tell(*each) for each in after)])
        crowd.build()
        if tied_email is not None:
            for merge in get_profile(workspace, crowd.space_id, "user_id:u0").merges:
                if merge.log_offset == crowd.start + len(told) + 1:
                    crowd.split(Act.UNDO, merge.merged_id, merge.survivor_id)
        found.append(crowd.read_people())
    assert found[0] == found[1]


def test_a_plan_says_what_goes_where_and_changes_nothing(workspace: Workspace) -> None:
    crowd = Crowd(workspace, 1, 5)
    crowd.send([(1, None, None, False, 1), (None, 2, None, True, 2), (1, 2, None, False, 3), (None, 2, 3, True, 4)])
    crowd.build()
    (merged_id,), as_it_was = crowd.list_merged(), crowd.dump()
    plan = plan_split(workspace, crowd.space_id, Act.UNDO, merged_id, crowd.engine)
    assert crowd.dump() == as_it_was
    assert (plan.messages, len(plan.before), len(plan.after), plan.lost) == (4, 1, 2, ())
    before, one, other = plan.before[0], *plan.after
    assert (before.messages, before.traits["total_inbounds"]) == (4, 2)
    assert ([one.messages, other.messages], other.traits["total_inbounds"]) == ([2, 2], 2)
    assert {*one.identifiers, *other.identifiers} == {*before.identifiers}
    assert other.id == merged_id
    with workspace.database.reading() as connection:
        query = select(kept_apart).where(kept_apart.c.space_id == crowd.space_id)
        assert connection.execute(query).all() == []
