"""What tied the identifiers of a profile (spec/profiles.md 1.3), against networkx's shortest paths."""

from __future__ import annotations

import networkx
import pytest

from core.errors import NotFound
from core.identity.rule import Identifier
from core.profiles.ties import read_ties
from core.profiles.violations import list_violations
from core.workspaces.workspace import Workspace
from tests.feeding import Feed


@pytest.fixture
def feed(workspace: Workspace) -> Feed:
    return Feed(workspace, ("user_id", "email", "anonymous_id"), custom=("phone",))


def test_a_chain_is_as_short_as_networkx_finds_it_and_each_step_is_a_message_that_carried_both(feed: Feed) -> None:
    feed.identify("u", anonymousId="a")
    feed.send("page", anonymousId="a")
    feed.identify(anonymousId="a", traits={"email": "e@x.example"})
    feed.identify(traits={"phone": "+1415", "email": "e@x.example"})
    feed.send("page", anonymousId="b")
    feed.identify(anonymousId="b", traits={"phone": "+1415"})
    feed.build()
    ties = read_ties(feed.workspace, feed.space_id, feed.owners()["user_id", "u"])
    assert [each.type for each in ties.identifiers] == ["user_id", "email", "anonymous_id", "anonymous_id", "phone"]
    graph = networkx.Graph()
    for tie in ties.ties:
        graph.add_edges_from((tie.log_offset, identifier) for identifier in tie.identifiers)
    for start in ties.identifiers:
        for end in ties.identifiers:
            links = ties.find_chain(start, end)
            assert links is not None
            assert len(links) * 2 == networkx.shortest_path_length(graph, start, end)
            assert [start, *(link.end for link in links)] == [*(link.start for link in links), end]
            assert all({link.start, link.end} <= {*link.tie.identifiers} for link in links)
    links = ties.find_chain(Identifier("user_id", "u"), Identifier("anonymous_id", "b"))
    assert links is not None
    assert [link.tie.log_offset for link in links] == [1, 3, 4, 6]
    assert links[0].tie.sentence.startswith("Message #1 (identify)")


def test_what_a_rule_left_out_ties_nothing_and_is_listed_on_both_sides(feed: Feed) -> None:
    feed.identify("u", traits={"email": "e@x.example"})
    feed.identify("v", traits={"email": "e@x.example"})
    feed.build()
    one, other = (feed.owners()["user_id", name] for name in "uv")
    ties = read_ties(feed.workspace, feed.space_id, other)
    assert [tie.identifiers for tie in ties.ties] == [(("user_id", "v"),)]
    for profile_id in (one, other):
        (refused,) = list_violations(feed.workspace, feed.space_id, profile_id=profile_id)
        assert (refused.log_offset, refused.profile_id) == (2, other)
    (found,) = list_violations(feed.workspace, feed.space_id, type="email", value="e@x.example")
    assert found == refused
    assert list_violations(feed.workspace, feed.space_id, type="phone") == []


def test_an_identifier_of_somebody_else_has_no_chain(feed: Feed) -> None:
    feed.identify("u")
    feed.build()
    ties = read_ties(feed.workspace, feed.space_id, feed.owners()["user_id", "u"])
    with pytest.raises(NotFound, match="email x is not an identifier"):
        ties.find_chain(Identifier("user_id", "u"), Identifier("email", "x"))
    with pytest.raises(NotFound):
        read_ties(feed.workspace, feed.space_id, "use_nobody")
