"""Profiles against an oracle: with limits out of the way, people are the connected components of their identifiers."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import networkx
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.clock import FixedClock
from core.events.event_log import LogEntry, open_event_log
from core.identity.edits import RuleEdit
from core.identity.rules import add_custom_identifier, add_identifiers, edit_identifier
from core.profiles.build import ProfileBuilder, rebuild
from core.profiles.lookup import count_profiles, get_profile
from core.profiles.search import search_profiles
from core.sources.store import ensure_flex_source
from core.storage.tables import identifiers, profiles
from core.traits.engine import ComputedTraitEngine
from core.workspaces.spaces import connect_source, ensure_space
from core.workspaces.workspace import Workspace, open_workspace
from tests.feeding import Feed
from tests.new_home import new_home
from tests.sizes import examples

START = datetime(2026, 11, 1, tzinfo=UTC)
TYPES = ("user_id", "email", "phone")
TEXTS = ("u{}", "e{}@x.example", "+1415555000{}")
Ties = Sequence[tuple[int | None, int | None, int | None]]
ties = st.lists(
    st.tuples(*(st.none() | st.integers(0, 5) for _ in TYPES)).filter(
        lambda values: any(v is not None for v in values)
    ),
    min_size=1,
    max_size=25,
)


def make_workspace(folder: str, *, limit: int = 1_000) -> tuple[Workspace, str, str]:
    workspace = open_workspace(new_home(folder), clock=FixedClock(START))
    space, source = ensure_space(workspace), ensure_flex_source(workspace)
    connect_source(workspace, space.id, source.id)
    add_identifiers(workspace, space.id, ["user_id", "email"])
    add_custom_identifier(workspace, space.id, "phone")
    for type_ in TYPES:
        edit_identifier(workspace, space.id, RuleEdit(type_, value_limit=limit))
    return workspace, space.id, source.id


def append(workspace: Workspace, source_id: str, messages: Ties) -> None:
    entries = []
    for number, (user, email, phone) in enumerate(messages):
        at = START + timedelta(minutes=number)
        traits: dict[str, object] = {"seen": number}
        if email is not None:
            traits["email"] = f"e{email}@x.example"
        if phone is not None:
            traits["phone"] = f"+1415555000{phone}"
        body: dict[str, object] = {"type": "identify", "messageId": f"m{number}", "traits": traits}
        body["timestamp"] = at.isoformat()
        if user is not None:
            body["userId"] = f"u{user}"
        entries.append(LogEntry(source_id, f"m{number}", "identify", None, None, at, orjson.dumps(body)))
    open_event_log(workspace).append(entries)


def read_people(workspace: Workspace) -> dict[str, frozenset[tuple[str, str]]]:
    people: dict[str, set[tuple[str, str]]] = {}
    with workspace.database.reading() as connection:
        for row in connection.execute(select(identifiers)):
            people.setdefault(row.profile_id, set()).add((row.type, row.value))
    return {profile_id: frozenset(values) for profile_id, values in people.items()}


def read_traits(workspace: Workspace) -> dict[str, str]:
    with workspace.database.reading() as connection:
        rows = connection.execute(select(profiles.c.id, profiles.c.traits).where(profiles.c.merged_into.is_(None)))
        return {row.id: row.traits for row in rows}


def find_components(messages: Ties) -> set[frozenset[tuple[str, str]]]:
    graph = networkx.Graph()
    for user, email, phone in messages:
        found = [
            (type_, text.format(value))
            for type_, text, value in zip(
                TYPES, ("u{}", "e{}@x.example", "+1415555000{}"), (user, email, phone), strict=True
            )
            if value is not None
        ]
        graph.add_nodes_from(found)
        networkx.add_path(graph, found)
    return {frozenset(component) for component in networkx.connected_components(graph)}


@settings(max_examples=examples(25), deadline=None)
@given(messages=ties, batch=st.sampled_from([1, 3, 1000]), part=st.sampled_from([1, 4, 1000]))
def test_people_are_the_connected_components_and_a_rebuild_gives_the_same_ids(
    messages: Ties, batch: int, part: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace, space_id, source_id = make_workspace(folder)
        append(workspace, source_id, messages)
        ProfileBuilder(workspace, space_id, ComputedTraitEngine(), batch_messages=batch, part_messages=part).build()
        people, traits = read_people(workspace), read_traits(workspace)
        assert set(people.values()) == find_components(messages)
        assert count_profiles(workspace, space_id) == len(people)
        rebuild(workspace, space_id)
        ProfileBuilder(workspace, space_id, ComputedTraitEngine()).build()
        assert read_people(workspace) == people
        assert read_traits(workspace) == traits
        assert ProfileBuilder(workspace, space_id).build().read == 0
        open_event_log(workspace).close()
        workspace.close()


@settings(max_examples=examples(12), deadline=None)
@given(messages=ties, limit=st.integers(1, 2), batch=st.sampled_from([1, 4]), part=st.sampled_from([1, 2, 1000]))
def test_no_profile_exceeds_its_limits_and_the_size_of_a_batch_or_a_part_does_not_matter(
    messages: Ties, limit: int, batch: int, part: int
) -> None:
    built = []
    for sizes in ((batch, 1000), (1000, part)):
        with tempfile.TemporaryDirectory() as folder:
            workspace, space_id, source_id = make_workspace(folder, limit=limit)
            append(workspace, source_id, messages)
            ProfileBuilder(workspace, space_id, batch_messages=sizes[0], part_messages=sizes[1]).build()
            # ids come from the source, which each home has of its own: compare who is who, not the ids
            people, traits = read_people(workspace), read_traits(workspace)
            built.append((set(people.values()), sorted(traits.values())))
            open_event_log(workspace).close()
            workspace.close()
    assert built[0] == built[1]
    for values in built[0][0]:
        for type_ in TYPES:
            assert sum(found == type_ for found, _ in values) <= limit


def test_the_worked_example_of_the_specification(tmp_path: object) -> None:
    """Profile {user_id abc123, email jane}; event {user_id abc456, email jane}: a new profile, not a merge."""
    workspace, space_id, source_id = make_workspace(str(tmp_path))
    edit_identifier(workspace, space_id, RuleEdit("user_id", value_limit=1))
    append(workspace, source_id, [(1, 0, None), (2, 0, None)])
    ProfileBuilder(workspace, space_id).build()
    people = set(read_people(workspace).values())
    assert people == {frozenset({("user_id", "u1"), ("email", "e0@x.example")}), frozenset({("user_id", "u2")})}
    workspace.close()


def test_of_traits_that_conflict_at_a_merge_the_most_recent_wins(workspace: Workspace) -> None:
    """spec/profiles.md 1.3, step 7; the message that ties the two sets none of them."""
    feed = Feed(workspace)
    feed.identify("ada", minute=5, traits={"city": "Bonn"})
    feed.identify("ada", minute=1, traits={"plan": "free", "age": 30})
    feed.identify(minute=3, traits={"email": "a@x.example", "city": "Ulm", "plan": "pro"})
    feed.identify(minute=1, traits={"email": "a@x.example", "age": 31})
    feed.send("track", userId="ada", event="Paid", properties={}, context={"traits": {"email": "a@x.example"}})
    feed.build(batch_messages=2)
    traits = get_profile(workspace, feed.space_id, "user_id:ada").traits
    values = {each.key: (each.value, each.origin.log_offset) for each in traits}
    assert values == {"city": ("Bonn", 1), "plan": ("pro", 3), "age": (31, 4), "email": ("a@x.example", 3)}


def test_a_merge_says_why_and_the_merged_id_leads_to_the_survivor(tmp_path: object) -> None:
    workspace, space_id, source_id = make_workspace(str(tmp_path))
    append(workspace, source_id, [(1, None, None), (None, 2, None), (1, 2, None)])
    report = ProfileBuilder(workspace, space_id).build()
    assert report.merges == 1
    person = get_profile(workspace, space_id, "user_id:u1")
    (merge,) = person.merges
    assert "user_id u1" in merge.sentence
    assert "email e2@x.example" in merge.sentence
    assert "is older" in merge.sentence
    assert get_profile(workspace, space_id, merge.merged_id).id == person.id
    assert [summary.id for summary in search_profiles(workspace, space_id, "E2@X").people] == [person.id]
    seen = next(trait for trait in person.traits if trait.key == "seen")
    assert seen.value == 2
    assert seen.origin.message_id == "m2"
    workspace.close()
