"""Undo against two oracles, for random histories: a full rebuild with the rule, and profiles that were never merged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import networkx
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.clock import FixedClock, to_iso
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.identity.rules import add_custom_identifier, add_identifiers, edit_identifier
from core.profiles.build import ProfileBuilder, rebuild
from core.profiles.lookup import get_profile
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


class Crowd:
    """A space of its own with a source of its own; ids of profiles do not depend on which."""

    def __init__(self, workspace: Workspace, user_limit: int, email_limit: int) -> None:
        self.workspace, self.engine = workspace, ComputedTraitEngine()
        number = next(NUMBERS)
        self.space_id, self.source = create_space(workspace, f"Space {number}").id, f"src_{number}"
        self.sent = 0
        connect_source(workspace, self.space_id, self.source)
        add_identifiers(workspace, self.space_id, ["user_id", "email"])
        add_custom_identifier(workspace, self.space_id, "phone")
        edit_identifier(workspace, self.space_id, "user_id", value_limit=user_limit)
        edit_identifier(workspace, self.space_id, "email", value_limit=email_limit, period="weekly")
        add_recipes(workspace, self.space_id, ["total_inbounds"])
        for name, kind, more in TRAITS:
            create_trait(workspace, self.space_id, name=name, kind=kind, definition={"event": INITIATED, **more})

    def send(self, messages: Sequence[tuple[int | None, int | None, int | None, bool, int]]) -> None:
        entries = []
        for user, email, phone, is_call, day in messages:
            self.sent += 1
            traits = {"email": f"e{email}@x.example", "phone": f"+1415{phone}", "seen": self.sent}
            known = {key: text for key, text in traits.items() if "None" not in str(text)}
            body: dict[str, Any] = {"messageId": f"m{self.sent}", "userId": None if user is None else f"u{user}"}
            if is_call:
                context = {"traits": known, "groupId": f"g{self.sent % 3}"}
                body |= {"type": "track", "event": INITIATED, "context": context}
                body["properties"] = {"direction": "Inbound", **known}
            else:
                body |= {"type": "identify", "traits": known}
            body["timestamp"] = to_iso(START + timedelta(days=day))
            entries.append(to_log_entry(self.source, body, START + timedelta(seconds=self.sent)))
        open_event_log(self.workspace).append(entries)

    def build(self, batch: int = 1000) -> None:
        ProfileBuilder(self.workspace, self.space_id, self.engine, batch_messages=batch).build()

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
    max_examples=examples(5),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=history, second=history, turns=st.lists(st.booleans(), min_size=28, max_size=28))
def test_people_do_not_depend_on_how_two_sources_interleave_nor_on_live_or_batch(
    tmp_path_factory: pytest.TempPathFactory, first: list[Any], second: list[Any], turns: list[bool]
) -> None:
    """Without limits people are the connected components, in any order that keeps that of each source."""
    workspace = open_workspace(str(tmp_path_factory.mktemp("order")), clock=FixedClock(START))  # its log is short
    graph, people = networkx.Graph(), []
    for user, email, phone, *_ in (*first, *second):
        parts = [("user_id", f"u{user}"), ("email", f"e{email}@x.example"), ("phone", f"+1415{phone}")]
        known = [part for part, number in zip(parts, (user, email, phone), strict=True) if number is not None]
        networkx.add_path(graph, known)
        graph.add_nodes_from(known)
    left, right = iter(first), iter(second)
    mixed = [each for turn in turns if (each := next(left if turn else right, None)) is not None]
    for arrived in ([*first, *second], [*mixed, *left, *right]):
        crowd = Crowd(workspace, 1_000, 1_000)
        edit_identifier(workspace, crowd.space_id, "phone", value_limit=1_000)
        crowd.send(arrived)
        crowd.build(batch=2)
        live = crowd.dump()
        crowd.rebuild()
        assert crowd.dump() == live
        owners: dict[object, set[tuple[object, object]]] = {}
        for _, type_, value_, owner, *_ in live["identifiers"]:
            owners.setdefault(owner, set()).add((type_, value_))
        people.append({frozenset(its) for its in owners.values()})
    assert people[0] == people[1] == {frozenset(each) for each in networkx.connected_components(graph)}
    workspace.close()


person = st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.integers(0, 20)), min_size=1, max_size=6)


@settings(
    max_examples=examples(10),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ada=person, bob=person, later_ada=person, later_bob=person)
def test_what_one_message_merged_and_an_undo_split_is_as_if_that_message_had_tied_nobody(
    workspace: Workspace, ada: list[Any], bob: list[Any], later_ada: list[Any], later_bob: list[Any]
) -> None:
    """Ada has users and e-mails, Bob phones; one message holds both. Without it, two crowds never meet."""

    def of_ada(messages: list[Any]) -> list[Any]:
        return [(0, part, None, is_call, day) for part, is_call, day in messages]

    def of_bob(messages: list[Any]) -> list[Any]:
        return [(None, 4, part, is_call, day) for part, is_call, day in messages]

    found = []
    for tie in ((0, 4, None, False, 3), (0, None, None, False, 3)):
        crowd = Crowd(workspace, 5, 5)
        crowd.send([*of_ada(ada), *of_bob(bob), tie, *of_ada(later_ada), *of_bob(later_bob)])
        crowd.build()
        if tie[1] is not None:
            (merged_id,) = crowd.list_merged()
            crowd.split(Act.UNDO, merged_id)
        people = []
        for who in ("user_id:u0", "email:e4@x.example"):
            profile = get_profile(workspace, crowd.space_id, who)
            traits = {each.key: each.value for each in profile.traits if each.key not in ("seen", "email")}
            people.append(({(each.type, each.value) for each in profile.identifiers}, traits))
        found.append(people)
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
