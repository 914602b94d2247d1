from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import insert

from core.errors import CoreError, InvalidField, LimitExceeded
from core.setup.entitled import create_entitled_source, create_entitled_space
from core.setup.entitlements import (
    ENTITLEMENTS,
    PERMITTED_DESTINATIONS,
    PERMITTED_SOURCES,
    Entitled,
    get_usage,
    list_usage,
    require_permitted_destination,
    require_permitted_source,
    require_room,
)
from core.sources.registry import DEFINITIONS
from core.sources.store import create_source, delete_source, ensure_flex_source, list_sources
from core.storage.tables import computed_traits, destinations
from core.workspaces.spaces import create_space, ensure_space, list_spaces
from core.workspaces.workspace import Workspace


def _make_sources(workspace: Workspace, count: int) -> None:
    for number in range(count):
        create_entitled_source(workspace, kind="duckdb", name=f"Warehouse {number}", warehouse_id="wh")


def test_w115_to_w121_the_limits_are_those_of_the_specification() -> None:
    limits = {entitlement.kind.value: entitlement.limit for entitlement in ENTITLEMENTS}
    assert limits == {"sources": 5, "destinations": 3, "spaces": 2, "computed traits": 2, "predictions": 2}


def test_w116_eleven_source_types_are_permitted_by_their_labels() -> None:
    assert list(PERMITTED_SOURCES.values()) == [
        "Salesforce CRM",
        "BigQuery (Reverse ETL)",
        "Postgres (Reverse ETL)",
        "Redshift (Reverse ETL)",
        "Snowflake (Reverse ETL)",
        "Swift",
        "Kotlin",
        "Javascript",
        "Twilio Event Streams",
        "HTTP",
        "Java",
    ]


def test_w118_five_destination_kinds_are_permitted() -> None:
    assert len(PERMITTED_DESTINATIONS) == 5
    require_permitted_destination("segment_profiles")
    with pytest.raises(LimitExceeded, match="not part of this workspace's entitlements"):
        require_permitted_destination("fax")


def test_w122_every_kind_that_a_person_can_make_is_permitted_and_others_are_refused() -> None:
    for definition in DEFINITIONS:
        if not definition.is_auto_created:
            require_permitted_source(definition.kind)
    with pytest.raises(LimitExceeded, match="type 'databricks'") as caught:
        require_permitted_source("databricks")
    assert "Twilio Event Streams" in caught.value.hint


def test_w115_w124_the_flex_source_does_not_count(workspace: Workspace) -> None:
    ensure_flex_source(workspace)
    assert get_usage(workspace, Entitled.SOURCES).used == 0
    _make_sources(workspace, 5)
    assert len(list_sources(workspace)) == 6


def test_w122_the_sixth_extra_source_is_refused_by_a_sentence_that_names_the_limit(workspace: Workspace) -> None:
    _make_sources(workspace, 5)
    with pytest.raises(LimitExceeded, match="may have 5 additional sources, and 5 are in use") as caught:
        create_entitled_source(workspace, kind="duckdb", name="One more", warehouse_id="wh")
    assert "does not count" in caught.value.hint
    assert len(list_sources(workspace)) == 5


def test_deleting_a_source_makes_room_again(workspace: Workspace) -> None:
    _make_sources(workspace, 5)
    delete_source(workspace, list_sources(workspace)[0].id)
    create_entitled_source(workspace, kind="duckdb", name="One more", warehouse_id="wh")
    assert get_usage(workspace, Entitled.SOURCES).remaining == 0


def test_two_browsers_cannot_both_take_the_last_place(workspace: Workspace) -> None:
    _make_sources(workspace, 4)
    refused: list[CoreError] = []

    def take(number: int) -> None:
        try:
            create_entitled_source(workspace, kind="duckdb", name=f"Racer {number}", warehouse_id="wh")
        except LimitExceeded as error:
            refused.append(error)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list_sources(workspace)) == 5
    assert len(refused) == 5


def test_over_a_limit_everything_goes_on_and_only_more_is_refused(workspace: Workspace) -> None:
    for number in range(7):  # made below the entitlements, as after a downgrade
        create_source(workspace, kind="duckdb", name=f"Warehouse {number}", warehouse_id="wh")
    usage = get_usage(workspace, Entitled.SOURCES)
    assert (usage.used, usage.remaining) == (7, 0)
    with pytest.raises(LimitExceeded, match="and 7 are in use"):
        require_room(workspace, Entitled.SOURCES)


def test_adding_several_asks_for_room_for_all_of_them(workspace: Workspace) -> None:
    _make_sources(workspace, 4)
    require_room(workspace, Entitled.SOURCES, adding=1)
    with pytest.raises(LimitExceeded, match="2 more do not fit"):
        require_room(workspace, Entitled.SOURCES, adding=2)


def test_w119_the_third_space_is_refused(workspace: Workspace) -> None:
    ensure_space(workspace)
    create_entitled_space(workspace, "Development")
    with pytest.raises(LimitExceeded, match="may have 2 Unify spaces, and 2 are in use"):
        create_entitled_space(workspace, "Another")
    assert len(list_spaces(workspace)) == 2


@pytest.mark.parametrize(
    ("name", "kind"), [("", "dev"), ("--", "dev"), ("Staging", "staging"), ("Unified profiles", "dev")]
)
def test_a_space_needs_a_free_name_and_a_known_kind(workspace: Workspace, name: str, kind: str) -> None:
    ensure_space(workspace)
    with pytest.raises(InvalidField):
        create_space(workspace, name, kind=kind)


def test_eight_threads_make_one_first_space(workspace: Workspace) -> None:
    threads = [threading.Thread(target=ensure_space, args=(workspace,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list_spaces(workspace)) == 1


def test_w117_the_fourth_destination_is_refused(workspace: Workspace) -> None:
    _insert_destinations(workspace, 3)
    with pytest.raises(LimitExceeded, match="may have 3 destinations, and 3 are in use"):
        require_room(workspace, Entitled.DESTINATIONS)


def test_w120_the_third_computed_trait_is_refused(workspace: Workspace) -> None:
    space = ensure_space(workspace)
    _insert_trait(workspace, space.id, "total_inbounds")
    with pytest.raises(LimitExceeded, match=r"may have 2 computed traits, and 1 is in use\. 2 more do not fit"):
        require_room(workspace, Entitled.COMPUTED_TRAITS, adding=2)
    _insert_trait(workspace, space.id, "frequent_inbound_channel")
    with pytest.raises(LimitExceeded, match="and 2 are in use"):
        require_room(workspace, Entitled.COMPUTED_TRAITS)


def test_the_usage_lists_every_entitlement_with_a_sentence(workspace: Workspace) -> None:
    _make_sources(workspace, 1)
    usage = {item.kind: item for item in list_usage(workspace)}
    assert list(usage) == list(Entitled)
    assert usage[Entitled.SOURCES].sentence == "1 of 5 additional sources in use."
    assert usage[Entitled.PREDICTIONS].used == 0


def _insert_destinations(workspace: Workspace, count: int) -> None:
    with workspace.database.transaction() as connection:
        for number in range(count):
            row: dict[str, Any] = {"id": f"dst_{number}", "kind": "segment_profiles", "name": f"D{number}"}
            connection.execute(
                insert(destinations).values(**row, enabled=True, settings={}, created_at=workspace.now())
            )


def _insert_trait(workspace: Workspace, space_id: str, key: str) -> None:
    with workspace.database.transaction() as connection:
        connection.execute(
            insert(computed_traits).values(
                id=f"trt_{key}",
                space_id=space_id,
                key=key,
                name=key,
                kind="event_counter",
                definition={},
                created_at=workspace.now(),
            )
        )
