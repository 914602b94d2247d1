"""The oracle of the demo against the real profile builder and the real trait engine."""

from __future__ import annotations

from pathlib import Path

import orjson
from sqlalchemy import select

from core.events.event_log import open_event_log
from core.events.message import parse_time, to_log_entry
from core.identity.rules import add_identifiers
from core.profiles.build import ProfileBuilder
from core.samples.demo_events import Message, demo_flex_events, true_trait_values
from core.samples.demo_people import DemoTruth
from core.samples.demo_warehouse import demo_truth
from core.sources.store import ensure_flex_source
from core.storage.tables import identifiers, profiles
from core.traits.engine import ComputedTraitEngine
from core.traits.store import add_recipes
from core.workspaces.spaces import connect_source, ensure_space
from core.workspaces.workspace import Workspace, open_workspace

KEYS = ("total_inbounds", "frequent_inbound_channel")


def _read_values(workspace: Workspace) -> dict[str, dict[str, object]]:
    """Return the computed traits by user id, from the store itself."""
    with workspace.database.reading() as connection:
        traits = {row.id: orjson.loads(row.traits) for row in connection.execute(select(profiles))}
        owners = [row for row in connection.execute(select(identifiers)) if row.type == "user_id"]
    found = {row.value: traits[row.profile_id] for row in owners}
    return {user: {key: entry[key][0] for key in KEYS if key in entry} for user, entry in found.items()}


def _identify(truth: DemoTruth) -> list[Message]:
    return [
        {
            "type": "identify",
            "messageId": f"row-{contact.record_id}",
            "userId": contact.record_id,
            "traits": {"email": contact.email},
            "timestamp": "2026-11-01T00:00:00Z",
        }
        for contact in truth.contacts
        if contact.is_complete
    ]


def test_w76_w77_every_profile_has_the_true_values_also_where_only_an_email_named_the_customer(tmp_path: Path) -> None:
    truth = demo_truth(customers=500)
    events = list(demo_flex_events(truth, engagements=1_500))
    workspace = open_workspace(str(tmp_path))
    space, source = ensure_space(workspace), ensure_flex_source(workspace)
    connect_source(workspace, space.id, source.id)
    add_identifiers(workspace, space.id, ["user_id", "email", "anonymous_id"])
    add_recipes(workspace, space.id, KEYS)
    entries = [
        to_log_entry(source.id, message, parse_time(message["timestamp"]) or workspace.now())
        for message in (*events, *_identify(truth))
    ]
    open_event_log(workspace).append(entries)
    report = ProfileBuilder(workspace, space.id, ComputedTraitEngine()).build()
    found = {user: values for user, values in _read_values(workspace).items() if values}
    assert report.merges > 0
    assert found == true_trait_values(truth, events)
    workspace.close()
