"""The dataset `__onramp`, its missing grants, and the catalog, on the wire."""

from __future__ import annotations

import pytest

from core.errors import PermissionMissing
from core.storage.home import Home
from core.warehouses.definition import Kind
from tests.emulators.bigquery.wire import ACCOUNT, JOBS, PROJECT, ROOT, Wire, list_sql, open_wire, refuse
from tests.emulators.recording import Reply, Request

DATASET = f"{ROOT}/datasets/__onramp"


def answer_datasets(*names: tuple[str, str]) -> Reply:
    return Reply.of(
        {
            "datasets": [
                {"datasetReference": {"projectId": PROJECT, "datasetId": name}, "location": location}
                for name, location in names
            ]
        }
    )


def test_a_missing_dataset_that_the_account_may_not_make_is_one_grant(home: Home) -> None:
    def intercept(request: Request) -> Reply | None:
        if request.path == f"{ROOT}/datasets" and request.method == "POST":
            told = f"Access Denied: Project {PROJECT}: User does not have bigquery.datasets.create permission."
            return refuse(403, "accessDenied", told)
        return answer_datasets() if request.path == f"{ROOT}/datasets" else None

    with open_wire(Wire(intercept=intercept), home) as (warehouse, recorder):
        report = warehouse.test_connection()
        assert report.ok and not report.can_write
        assert isinstance(report.write_error, PermissionMissing) and "no dataset __onramp" in report.write_error.message
        grant = str(report.write_error.context["grant"])
        assert f"CREATE SCHEMA `{PROJECT}.__onramp` OPTIONS (location = 'EU');" in grant
        assert f'TO "serviceAccount:{ACCOUNT}";' in grant
        with pytest.raises(PermissionMissing):
            warehouse.open_state_session()
        assert list_sql(recorder, dry=False) == []


def test_a_dataset_is_made_at_the_location_of_the_warehouse(home: Home) -> None:
    made: list[dict[str, object]] = []

    def intercept(request: Request) -> Reply | None:
        if request.path == f"{ROOT}/datasets" and request.method == "POST":
            made.append(request.json())
            return Reply.of(request.json())
        return None

    with open_wire(Wire(intercept=intercept), home) as (warehouse, _):
        warehouse.open_state_session().close()
    assert made == [
        {"datasetReference": {"projectId": PROJECT, "datasetId": "__onramp"}, "location": "EU", "labels": {}}
    ]


def test_read_but_no_write_names_the_role_on_our_dataset_and_leaves_no_table(home: Home) -> None:
    def intercept(request: Request) -> Reply | None:
        if request.path == DATASET:
            return Reply.of({"datasetReference": {"projectId": PROJECT, "datasetId": "__onramp"}})
        if request.path == f"{ROOT}/datasets":
            return answer_datasets()
        if request.path == JOBS and "INSERT" in request.json()["configuration"]["query"]["query"]:
            return refuse(
                403,
                "accessDenied",
                f"Access Denied: Table {PROJECT}:__onramp.connection_test: Permission bigquery.tables.updateData "
                f"denied on table {PROJECT}:__onramp.connection_test (or it may not exist).",
            )
        return None

    with open_wire(Wire(intercept=intercept), home) as (warehouse, recorder):
        report = warehouse.test_connection()
        assert report.ok and not report.can_write and report.write_error is not None
        expected = f'GRANT `roles/bigquery.dataEditor` ON SCHEMA `{PROJECT}.__onramp` TO "serviceAccount:{ACCOUNT}";'
        assert report.write_error.context["grant"] == expected
        assert list_sql(recorder, dry=False)[-1].startswith("DROP TABLE")


def test_datasets_elsewhere_are_named_and_left_out(home: Home) -> None:
    def intercept(request: Request) -> Reply | None:
        if request.path == f"{ROOT}/datasets" and request.method == "GET":
            return answer_datasets(("crm", "EU"), ("__onramp", "EU"), ("old", "US"), ("Ads", "eu"))
        if request.path == DATASET:
            return Reply.of({"datasetReference": {"projectId": PROJECT, "datasetId": "__onramp"}})
        return Reply.of({}) if request.path.endswith("/tables") else None

    with open_wire(Wire(intercept=intercept), home) as (warehouse, _):
        assert warehouse.list_schemas() == ["Ads", "crm"]
        assert "Elsewhere, and so out of reach: old." in warehouse.test_connection().detail


def test_a_hundred_tables_of_five_hundred_columns_are_listed_with_one_free_request_each(home: Home) -> None:
    columns = [{"name": f"c{number}", "type": "STRING", "mode": "NULLABLE"} for number in range(500)]

    def intercept(request: Request) -> Reply | None:
        _, _, name = request.path.partition("/datasets/crm/tables/")
        if request.path.endswith("/datasets/crm/tables"):
            names = [f"t{number:03}" for number in range(100)]
            return Reply.of({"tables": [write_item(name) for name in names]})
        if name:
            table = write_item(name) | {"schema": {"fields": columns}, "numRows": "7", "description": f"About {name}"}
            return Reply.of(table)
        return None

    with open_wire(Wire(intercept=intercept), home) as (warehouse, recorder):
        tables = warehouse.list_tables("crm")
        assert [table.name for table in tables] == [f"t{number:03}" for number in range(100)]
        assert {(len(table.columns), table.row_estimate) for table in tables} == {(500, 7)}
        assert tables[3].comment == "About t003" and tables[0].columns[499].kind is Kind.TEXT
        assert len(recorder.find(ROOT)) == 101 and recorder.find(JOBS) == []


def test_of_tables_for_each_day_the_newest_is_listed_and_one_that_is_gone_is_left_out(home: Home) -> None:
    def intercept(request: Request) -> Reply | None:
        if request.path.endswith("/datasets/ga/tables"):
            names = ["events_20250101", "events_20250103", "events_20250102", "events", "gone", "users_1"]
            return Reply.of({"tables": [write_item(name, "ga") for name in names]})
        name = request.path.rpartition("/tables/")[2]
        return None if name in ("gone", request.path) else Reply.of(write_item(name, "ga"))

    with open_wire(Wire(intercept=intercept), home) as (warehouse, _):
        names = [table.name for table in warehouse.list_tables("ga")]
    assert names == ["events", "events_20250103", "users_1"]


def write_item(name: str, dataset: str = "crm") -> dict[str, object]:
    return {"tableReference": {"projectId": PROJECT, "datasetId": dataset, "tableId": name}, "type": "TABLE"}
