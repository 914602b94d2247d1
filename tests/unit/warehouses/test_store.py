from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import duckdb
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from core.clock import FixedClock
from core.errors import (
    CoreError,
    CredentialsRejected,
    IllegalTransition,
    InvalidField,
    MissingField,
    NotFound,
    StoreUnreadable,
    UnknownConnector,
)
from core.fields import Field, FieldType
from core.sources.store import create_source, delete_source
from core.storage.home import Home
from core.storage.tables import secrets
from core.warehouses import engines
from core.warehouses.definition import WarehouseDefinition
from core.warehouses.embedded import EmbeddedWarehouse
from core.warehouses.registry import DEFINITIONS, check_connection, get_definition, open_warehouse
from core.warehouses.store import (
    change_settings,
    delete_warehouse,
    get_warehouse,
    list_secret_names,
    list_warehouses,
    rename_warehouse,
    save_warehouse,
)
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace, open_workspace


class GuardedWarehouse(EmbeddedWarehouse):
    """An engine with a password, as the ones over a network have."""

    definition = WarehouseDefinition(
        name="guarded",
        label="Guarded",
        summary="For tests",
        docs_url="https://example.com",
        settings=(
            Field("path", "File", required=True),
            Field("password", "Password", type=FieldType.PASSWORD, required=True, secret=True),
            Field("region", "Region", choices=(("eu", "Europe"), ("us", "United States")), default="eu"),
            Field("role", "Role"),
        ),
        dialect="duckdb",
    )
    opened_with: Mapping[str, str] = {}

    @classmethod
    def open(cls, home: Home, settings: Mapping[str, object], secrets: Mapping[str, str]) -> Self:
        warehouse = super().open(home, settings, secrets)
        warehouse.opened_with = dict(secrets)
        return warehouse

    def _probe(self) -> str:
        if self.opened_with["password"] not in ("right", "newer"):
            raise CredentialsRejected("The password was refused.", hint="Enter it again.")
        return super()._probe()


@pytest.fixture
def file(workspace: Workspace) -> str:
    with duckdb.connect(str(workspace.home.warehouses / "a.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS v")
    return "a.duckdb"


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        engines, "ENGINES", (*engines.ENGINES, engines.Engine(GuardedWarehouse.definition, lambda: GuardedWarehouse))
    )


def test_a_warehouse_is_tested_saved_audited_and_opened(tmp_path: Path) -> None:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    workspace = open_workspace(str(tmp_path / "home"), clock=FixedClock(at))
    with duckdb.connect(str(workspace.home.warehouses / "a.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS v")
    saved = save_warehouse(workspace, kind="duckdb", name="  My   data ", settings={"path": "a.duckdb"})
    assert (saved.name, saved.kind, saved.settings) == ("My data", "duckdb", {"path": "a.duckdb", "time_zone": "UTC"})
    assert saved.created_at == saved.tested_at == at
    assert list_warehouses(workspace) == [saved]
    assert get_warehouse(workspace, saved.id) == get_warehouse(workspace, "MY DATA") == saved
    (entry,) = list_changes(workspace, object_type="warehouse")
    assert (entry.action, entry.object_id, entry.after) == (
        "created",
        saved.id,
        {"kind": "duckdb", "name": "My data", "settings": {"path": "a.duckdb", "time_zone": "UTC"}},
    )
    with open_warehouse(workspace, saved.id) as warehouse:
        assert warehouse.query("SELECT v FROM t")["v"].to_pylist() == [1]
    workspace.close()


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, MissingField),
        ({"path": "  "}, MissingField),
        ({"path": "a.duckdb", "host": "x"}, InvalidField),
        ({"path": "../a.duckdb"}, InvalidField),
        ({"path": "/etc/passwd"}, InvalidField),
        ({"path": ".."}, InvalidField),
        ({"path": "a\0.duckdb"}, InvalidField),
        ({"path": "gone.duckdb"}, CoreError),
    ],
)
def test_settings_that_cannot_work_save_nothing(
    workspace: Workspace, file: str, settings: dict[str, object], error: type[CoreError]
) -> None:
    with pytest.raises(error) as caught:
        save_warehouse(workspace, kind="duckdb", name="A", settings=settings)
    assert caught.value.message and caught.value.hint
    assert list_warehouses(workspace) == [] and list_changes(workspace, object_type="warehouse") == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_name_must_be_there_and_not_too_long(workspace: Workspace, file: str, name: str) -> None:
    with pytest.raises((MissingField, InvalidField)):
        save_warehouse(workspace, kind="duckdb", name=name, settings={"path": file})


def test_a_name_is_taken_whatever_its_letter_case(workspace: Workspace, file: str) -> None:
    save_warehouse(workspace, kind="duckdb", name="Data", settings={"path": file})
    with pytest.raises(InvalidField, match="already"):
        save_warehouse(workspace, kind="duckdb", name=" DATA", settings={"path": file})
    assert len(list_warehouses(workspace)) == 1


def test_of_two_browsers_that_save_one_name_at_once_one_wins(workspace: Workspace, file: str) -> None:
    results: list[str] = []

    def save() -> None:
        try:
            results.append(save_warehouse(workspace, kind="duckdb", name="Same", settings={"path": file}).id)
        except InvalidField as error:
            results.append(error.code)

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list_warehouses(workspace)) == 1
    assert sorted(result == "invalid_field" for result in results) == [False, True, True, True]


def test_an_unknown_kind_and_an_unknown_warehouse_list_what_there_is(workspace: Workspace, file: str) -> None:
    with pytest.raises(UnknownConnector) as unknown:
        get_definition("oracle")
    assert all(definition.name in unknown.value.hint for definition in DEFINITIONS)
    with pytest.raises(NotFound, match="nope") as empty:
        get_warehouse(workspace, "nope")
    assert "Connect" in empty.value.hint
    save_warehouse(workspace, kind="duckdb", name="Data", settings={"path": file})
    with pytest.raises(NotFound) as listed:
        open_warehouse(workspace, "nope")
    assert "Data" in listed.value.hint


@pytest.mark.usefixtures("guarded")
def test_secrets_are_encrypted_and_given_back_only_to_the_engine(workspace: Workspace, file: str) -> None:
    saved = save_warehouse(workspace, kind="guarded", name="G", settings={"path": file}, secrets={"password": "right"})
    assert saved.settings == {"path": file, "region": "eu"}
    assert "right" not in repr(list_warehouses(workspace)) + repr(list_changes(workspace))
    for part in workspace.home.root.glob("workspace.db*"):
        assert b"right" not in part.read_bytes()
    opened = open_warehouse(workspace, saved.id)
    assert isinstance(opened, GuardedWarehouse) and opened.opened_with == {"password": "right"}


@pytest.mark.usefixtures("guarded")
def test_a_wrong_password_is_the_error_of_the_engine_and_saves_nothing(workspace: Workspace, file: str) -> None:
    with pytest.raises(CredentialsRejected) as caught:
        save_warehouse(workspace, kind="guarded", name="G", settings={"path": file}, secrets={"password": "wrong"})
    assert "wrong" not in str(caught.value.to_dict())
    assert list_warehouses(workspace) == []


@pytest.mark.usefixtures("guarded")
def test_a_choice_that_is_none_and_a_missing_secret_are_named(workspace: Workspace, file: str) -> None:
    with pytest.raises(InvalidField, match="Region") as caught:
        save_warehouse(
            workspace,
            kind="guarded",
            name="G",
            settings={"path": file, "region": "mars"},
            secrets={"password": "right"},
        )
    assert "eu, us" in caught.value.hint
    with pytest.raises(MissingField, match="Password"):
        save_warehouse(workspace, kind="guarded", name="G", settings={"path": file})


def test_a_warehouse_is_renamed_within_the_rules_of_names_and_the_change_is_audited(
    workspace: Workspace, file: str
) -> None:
    first = save_warehouse(workspace, kind="duckdb", name="First", settings={"path": file})
    save_warehouse(workspace, kind="duckdb", name="Second", settings={"path": file})
    assert rename_warehouse(workspace, first.id, "  Sales   data ").name == "Sales data"
    assert rename_warehouse(workspace, first.id, "SALES data").name == "SALES data"
    change = list_changes(workspace)[0]
    assert (change.before, change.after) == ({"name": "Sales data"}, {"name": "SALES data"})
    with pytest.raises(InvalidField, match="already"):
        rename_warehouse(workspace, first.id, "second")
    with pytest.raises(MissingField):
        rename_warehouse(workspace, first.id, " ")


@pytest.mark.usefixtures("guarded")
def test_a_warehouse_that_something_reads_stays_and_else_goes_with_its_credentials(
    workspace: Workspace, file: str
) -> None:
    saved = save_warehouse(workspace, kind="guarded", name="G", settings={"path": file}, secrets={"password": "right"})
    source = create_source(workspace, kind="duckdb", name="Reader", warehouse_id=saved.id)
    with pytest.raises(IllegalTransition, match="The source 'Reader' reads the warehouse 'G'"):
        delete_warehouse(workspace, saved.id)
    delete_source(workspace, source.id)
    delete_warehouse(workspace, saved.id)
    assert list_warehouses(workspace) == []
    with workspace.database.reading() as connection:
        assert connection.execute(select(secrets)).all() == []
    assert (workspace.home.warehouses / file).exists()
    assert list_changes(workspace)[0].action == "deleted"


def test_a_test_that_passes_is_remembered_and_one_that_fails_is_not(workspace: Workspace, file: str) -> None:
    saved = save_warehouse(workspace, kind="duckdb", name="Data", settings={"path": file})
    assert check_connection(workspace, saved.id).ok
    tested_at = get_warehouse(workspace, saved.id).tested_at
    assert tested_at is not None and saved.tested_at is not None
    assert tested_at >= saved.tested_at
    (workspace.home.warehouses / file).unlink()
    report = check_connection(workspace, saved.id)
    assert (report.ok, get_warehouse(workspace, saved.id).tested_at) == (False, tested_at)


@pytest.mark.usefixtures("guarded")
def test_a_rotated_secret_is_tested_first_and_then_replaces_the_old_one(workspace: Workspace, file: str) -> None:
    saved = save_warehouse(workspace, kind="guarded", name="G", settings={"path": file}, secrets={"password": "right"})
    with pytest.raises(CredentialsRejected):
        change_settings(workspace, saved.id, settings=saved.settings, secrets={"password": "wrong"})
    assert _read_password(workspace, saved.id) == "right"
    change_settings(workspace, saved.id, settings={**saved.settings, "role": "reader"}, secrets={"password": "newer"})
    assert _read_password(workspace, saved.id) == "newer"
    with workspace.database.reading() as connection:
        assert len(connection.execute(select(secrets)).all()) == 1
    entry = list_changes(workspace, object_type="warehouse")[0]
    assert entry.after == {
        "settings": {"path": file, "region": "eu", "role": "reader"},
        "changed_credentials": ["password"],
    }
    assert "newer" not in repr(list_changes(workspace))


@pytest.mark.usefixtures("guarded")
def test_a_secret_that_is_left_empty_keeps_its_value(workspace: Workspace, file: str) -> None:
    saved = save_warehouse(workspace, kind="guarded", name="G", settings={"path": file}, secrets={"password": "right"})
    changed = change_settings(workspace, saved.id, settings={"path": file, "region": "us"}, secrets={"password": " "})
    assert changed.settings["region"] == "us" and _read_password(workspace, saved.id) == "right"


@pytest.mark.usefixtures("guarded")
def test_credentials_whose_key_is_lost_are_entered_again(
    workspace: Workspace, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save_warehouse(workspace, kind="guarded", name="G", settings={"path": file}, secrets={"password": "right"})
    monkeypatch.setenv("ONRAMP_SECRET_KEY", Fernet.generate_key().decode())
    other = open_workspace(str(workspace.home.root))
    assert list_secret_names(other, saved.id) == frozenset()
    with pytest.raises(StoreUnreadable, match="another key"):
        change_settings(other, saved.id, settings=saved.settings)
    change_settings(other, saved.id, settings=saved.settings, secrets={"password": "right"})
    assert _read_password(other, saved.id) == "right"
    other.close()


def _read_password(workspace: Workspace, warehouse_id: str) -> str:
    with open_warehouse(workspace, warehouse_id) as warehouse:
        assert isinstance(warehouse, GuardedWarehouse)
        return warehouse.opened_with["password"]
