from __future__ import annotations

import threading
from pathlib import Path

import pytest

from core.destinations.store import create_destination, list_destinations
from core.errors import CoreError, InvalidField, LimitExceeded, NotEnoughData
from core.predictions.store import delete_prediction, list_predictions
from core.setup.entitled import (
    add_entitled_recipes,
    create_entitled_prediction,
    create_entitled_source,
    create_entitled_warehouse,
    ensure_entitled_segment_profiles,
)
from core.traits.store import list_traits
from core.warehouses.store import list_warehouses
from core.workspaces.audit import list_changes
from core.workspaces.spaces import ensure_space, list_connected_sources
from core.workspaces.workspace import Workspace
from tests.shop import Shop, open_copy


def test_c13_an_entitled_source_is_connected_to_the_space_that_exists(workspace: Workspace) -> None:
    space = ensure_space(workspace)
    source = create_entitled_source(workspace, kind="duckdb", name="Demo", warehouse_id="wh")
    assert list_connected_sources(workspace, space.id) == {source.id}


def test_w122_a_type_outside_the_list_is_refused_before_anything_else(workspace: Workspace) -> None:
    with pytest.raises(LimitExceeded, match="type 'databricks' is not part"):
        create_entitled_source(workspace, kind="databricks", name="Lake")


def test_w117_the_profiles_destination_counts_and_is_made_once(workspace: Workspace) -> None:
    first = ensure_entitled_segment_profiles(workspace)
    assert ensure_entitled_segment_profiles(workspace) == first
    assert len(list_destinations(workspace)) == 1


def test_w117_the_existing_destination_is_returned_even_when_the_limit_is_reached(workspace: Workspace) -> None:
    ensure_entitled_segment_profiles(workspace)
    for name in ("B", "C"):
        create_destination(workspace, kind="segment_profiles", name=name)
    assert ensure_entitled_segment_profiles(workspace) in list_destinations(workspace)
    assert len(list_destinations(workspace)) == 3


def test_many_threads_make_one_profiles_destination(workspace: Workspace) -> None:
    errors: list[CoreError] = []

    def make() -> None:
        try:
            ensure_entitled_segment_profiles(workspace)
        except CoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(list_destinations(workspace)) == 1


def test_w120_recipes_beyond_the_limit_are_refused_all_together(workspace: Workspace) -> None:
    space = ensure_space(workspace)
    with pytest.raises(LimitExceeded, match="3 more do not fit"):
        add_entitled_recipes(workspace, space.id, ["total_inbounds", "frequent_inbound_channel", "total_outbounds"])
    assert not list_traits(workspace, space.id)
    add_entitled_recipes(workspace, space.id, ["total_inbounds", "frequent_inbound_channel"])
    with pytest.raises(LimitExceeded, match="may have 2 computed traits"):
        add_entitled_recipes(workspace, space.id, ["total_outbounds"])


def test_a_warehouse_is_made_from_files(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id,name\n1,Ada\n2,Grace\n")
    record, report = create_entitled_warehouse(workspace, "People", [file])
    assert record.kind == "duckdb"
    assert [(table.name, table.rows) for table in report.tables] == [("people", 2)]


def test_no_file_is_read_when_no_source_would_fit(workspace: Workspace, tmp_path: Path) -> None:
    for number in range(5):
        create_entitled_source(workspace, kind="duckdb", name=f"S{number}", warehouse_id="wh")
    with pytest.raises(LimitExceeded, match="may have 5 additional sources"):
        create_entitled_warehouse(workspace, "People", [tmp_path / "never-opened.csv"])
    assert not list_warehouses(workspace)


def test_a_name_that_is_taken_leaves_no_file_behind(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id,name\n1,Ada\n")
    create_entitled_warehouse(workspace, "People", [file])
    before = set(workspace.home.warehouses.iterdir())
    with pytest.raises(CoreError):
        create_entitled_warehouse(workspace, "People", [file])
    assert set(workspace.home.warehouses.iterdir()) == before


@pytest.mark.xdist_group("shop")
def test_w121_a_third_prediction_and_one_without_data_are_refused_and_nothing_is_made(
    shop: Shop, tmp_path: Path
) -> None:
    purchase = {"targets": ["Order Completed"]}
    with open_copy(shop.home, tmp_path / "home") as workspace:
        with pytest.raises(LimitExceeded, match="may have 2 predictions, and 2 are in use"):
            create_entitled_prediction(workspace, shop.space_id, "purchase", purchase)
        delete_prediction(workspace, shop.value.id)
        with pytest.raises(NotEnoughData, match="Needs the event “Never Sent”"):
            create_entitled_prediction(workspace, shop.space_id, "purchase", {"targets": ["Never Sent"]})
        with pytest.raises(InvalidField, match="with the key likelihood_to_churn"):
            create_entitled_prediction(workspace, shop.space_id, "purchase", purchase, name="Likelihood to churn!")
        assert [each.id for each in list_predictions(workspace)] == [shop.churn.id]
        made = create_entitled_prediction(workspace, shop.space_id, "purchase", purchase, score_every_days=1)
        assert (made.name, made.state, made.score_every_days) == ("Likelihood to Purchase", "waiting", 1)
        assert [change.action for change in list_changes(workspace, object_type="prediction")][:2] == [
            "created",
            "deleted",
        ]
