"""What a space reads and forgets, changed while messages come: live, rebuilt and imagined it is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import Any

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.clock import FixedClock
from core.errors import CoreError
from core.identity.caps import get_caps
from core.identity.edits import RuleEdit
from core.identity.rules import edit_identifier, list_rules
from core.profiles.connections import connect_from_now, disconnect_source
from core.profiles.deleted_identifiers import delete_identifier
from core.profiles.event_filters import add_filter, list_filters, remove_filter, restore_filter
from core.profiles.what_if import ask_what_if
from core.sources.store import create_source, delete_source
from core.storage.tables import filter_counts, profile_counts, profile_messages
from core.workspaces.spaces import connect_source
from core.workspaces.workspace import open_workspace
from tests.feeding import START, Feed
from tests.new_home import new_home
from tests.sizes import examples

SOURCES = ("Shop", "App")
send = st.tuples(st.just("send"), st.integers(0, 3), st.integers(0, 2), st.sampled_from(SOURCES))
CHANGES = ("build", "forget", "filter", "remove", "restore", "disconnect", "connect", "connect_from_now", "delete")
change = st.tuples(
    st.sampled_from(CHANGES),
    st.integers(0, 2),
    st.integers(1, 3),
    st.sampled_from(SOURCES),
)


class Model:
    """The same in few words: each message is looked at when it comes."""

    def __init__(self, source_ids: Iterable[str]) -> None:
        self.existing, self.connected, self.dropped = set(source_ids), set(source_ids), set[int]()
        self.sent = list[tuple[int, str, bool, bool]]()  # offset, source, was it connected, was it dropped

    def list_read(self) -> set[int]:
        return {offset for offset, _, is_connected, is_dropped in self.sent if is_connected and not is_dropped}

    def replay(self, source: str) -> None:
        self.sent = [(offset, of, is_on or of == source, out) for offset, of, is_on, out in self.sent]


@settings(max_examples=examples(7), deadline=None, phases=[Phase.explicit, Phase.generate])
@example([("send", 1, 0, "Shop"), ("build", 0, 1, "Shop"), ("forget", 1, 3, "Shop"), ("send", 1, 1, "Shop")])
@example([("send", 1, 0, "Shop"), ("send", 1, 2, "App"), ("delete", 0, 1, "Shop"), ("send", 2, 0, "Shop")])
@given(acts=st.lists(send | change, min_size=4, max_size=25))
def test_a_rebuild_and_a_what_if_agree_with_what_was_read_live(acts: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(new_home(folder), clock=FixedClock(START))
        feed, ids = Feed(workspace), {name: create_source(workspace, kind="http", name=name).id for name in SOURCES}
        model = Model(ids.values())
        for source_id in ids.values():
            connect_source(workspace, feed.space_id, source_id)
        edit_identifier(workspace, feed.space_id, RuleEdit("email", value_limit=1))
        for act, one, other, name in acts:
            source = ids[name]
            if act == "send":
                offset = feed.identify(
                    f"u{one}", traits={"n": other, "email": f"e{(one + other) % 3}@x.example"}, source=source
                )
                model.sent.append((offset, source, source in model.connected, other in model.dropped))
            elif act == "build":
                feed.build(batch_messages=other)
            else:
                change_reading(feed, model, act, one, other, source)
        feed.build()
        live = dump(feed)
        assert {row[1] for row in live["profile_messages"]} == model.list_read()
        assert sum(row[2] for row in live["filter_counts"]) == sum(is_on and out for _, _, is_on, out in model.sent)
        found = ask_what_if(
            workspace, feed.space_id, list_rules(workspace, feed.space_id), get_caps(workspace, feed.space_id)
        )
        assert (found.messages, found.changes_nothing) == (len(model.list_read()), True)
        assert found.violations_after == found.violations_before
        feed.rebuild()
        feed.build(batch_messages=2)
        assert dump(feed) == live
        workspace.close()


def change_reading(feed: Feed, model: Model, act: str, number: int, other: int, source: str) -> None:
    workspace, space_id, query = feed.workspace, feed.space_id, f"traits.n = {number}"
    removed = {each.filter.query: each.filter.id for each in list_filters(workspace, space_id, is_active=False)}
    try:
        if act == "filter" and number not in model.dropped:
            add_filter(workspace, space_id, query)
            model.dropped.add(number)
        elif act == "remove":
            remove_filter(workspace, space_id, query)
            model.dropped.discard(number)
        elif act == "restore" and number not in model.dropped and query in removed:
            restore_filter(workspace, space_id, removed[query])
            model.dropped.add(number)
        elif act == "disconnect":
            disconnect_source(workspace, space_id, source)
            model.connected.discard(source)
        elif act == "delete":
            delete_source(workspace, source)  # what is still on its way counts
            model.existing.discard(source)
        elif act == "connect" and source in model.existing - model.connected:
            connect_source(workspace, space_id, source)
            model.connected.add(source)
            model.replay(source)
        elif act == "forget":
            email = f"e{(number + other) % 3}@x.example"
            delete_identifier(workspace, space_id, [f"u{number}"], "email", [email], asked_by="tok_1")
        elif act == "connect_from_now" and source in model.existing:
            connect_from_now(workspace, space_id, source)
            model.connected.add(source)
    except CoreError as error:
        assert error.code in ("not_found", "eid_not_found")  # nothing to remove, to disconnect or to delete


def dump(feed: Feed) -> dict[str, list[tuple[object, ...]]]:
    found = feed.dump()
    with feed.workspace.database.reading() as connection:
        for table in (filter_counts, profile_counts, profile_messages):
            rows = connection.execute(select(table).order_by(*table.primary_key)).all()
            found[table.name] = [tuple(row) for row in rows]
    return found
