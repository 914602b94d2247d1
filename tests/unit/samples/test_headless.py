"""The demo end to end, once for all tests of this file: a fifth of its customers become profiles."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import orjson
import pytest
from sqlalchemy import select

from core.building import build_space
from core.checks.check import CheckState
from core.cli.main import main
from core.clock import FixedClock
from core.errors import IllegalTransition
from core.events.event_log import open_event_log
from core.events.message import parse_time
from core.predictions.prediction import parse_definition
from core.predictions.requirements import check_requirements
from core.profiles.accounts import list_accounts
from core.profiles.lookup import get_profile
from core.samples.demo import append_demo_events, demo_messages, get_demo_truth, read_newest_invented
from core.samples.demo_companies import find_company
from core.samples.demo_events import Message, true_trait_values
from core.samples.demo_shop import ORDER_COMPLETED
from core.samples.demo_visitors import true_merges
from core.samples.headless import DemoResult, run_demo
from core.samples.live_demo import go_on
from core.setup import guided_setup
from core.setup.entitlements import list_usage
from core.sources.store import list_sources
from core.storage.lease import hold_lease
from core.storage.tables import identifiers, profiles
from core.syncs.engine import LOOK_S
from core.syncs.run import RunState, request_run
from core.traits.accounts import list_account_traits
from core.warehouses.registry import open_warehouse
from core.warehouses.store import list_warehouses
from core.workspaces.workspace import Workspace, open_workspace
from tests import guided

CUSTOMERS = "4000"


@dataclass
class Demo:
    workspace: Workspace
    result: DemoResult
    told: list[tuple[str, float]] = field(default_factory=list)

    @cached_property
    def messages(self) -> list[Message]:
        """The whole history of its Flex source."""
        (flex,) = list_sources(self.workspace, kind="flex")
        return list(demo_messages(get_demo_truth(), flex.created_at))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    workspace = open_workspace(str(tmp_path_factory.mktemp("demo")))
    told: list[tuple[str, float]] = []
    with pytest.MonkeyPatch.context() as settings:
        settings.setenv("ONRAMP_DEMO_CUSTOMERS", CUSTOMERS)
        yield Demo(workspace, run_demo(workspace, lambda what, share: told.append((what, share))), told)
    workspace.close()


@pytest.fixture(autouse=True)
def _few_customers(_no_settings_from_outside: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRAMP_DEMO_CUSTOMERS", CUSTOMERS)


def test_the_demo_completes_every_step_and_its_sheet_closes(demo: Demo) -> None:
    result = demo.result
    failed = [check for check in result.checks.results if check.state is CheckState.FAILED]
    assert not failed
    assert result.ok
    assert [str(tile.state) for tile in result.setup.tiles] == ["complete"] * 4
    assert result.run.sheet is not None
    assert result.run.sheet.closes
    assert result.run.sheet.delivered > 3_000


def test_rows_and_events_become_profiles(demo: Demo) -> None:
    result = demo.result
    assert result.flex_events > 4_000
    assert result.shop_events > 10_000
    assert result.build.applied > 15_000
    assert 2_000 < result.profiles < 6_000


def test_some_customers_buy_for_a_company_of_which_their_account_tells(demo: Demo) -> None:
    workspace, space_id = demo.workspace, str(demo.result.setup.space_id)
    call = next(event for event in open_event_log(workspace).read(0, 100_000) if event.type == "group")
    user_id = orjson.loads(call.body)["userId"]
    company = find_company(user_id)
    assert company is not None
    profile = get_profile(workspace, space_id, f"user_id:{user_id}")
    named = {account.group_id: account.name for account in list_accounts(workspace, space_id, profile.id)}
    assert named[company.id] == company.name
    known = {trait.key: trait.value for trait in list_account_traits(workspace, space_id, company.id)}
    assert (known["industry"], known["employees"], known["plan"]) == (company.industry, company.employees, company.plan)


def test_the_demo_warehouse_can_be_read(demo: Demo) -> None:
    (record,) = list_warehouses(demo.workspace)
    with open_warehouse(demo.workspace, record.id) as warehouse:
        counted = warehouse.query("SELECT count(*) AS n FROM salesforce.contacts")
    assert counted["n"][0].as_py() > 4_000


def test_the_events_of_the_demo_come_through_the_flex_source_when_they_happened(demo: Demo) -> None:
    (flex,) = list_sources(demo.workspace, kind="flex")
    log = open_event_log(demo.workspace)
    assert log.count_by_source()[flex.id] == demo.result.flex_events
    first = next(event for event in log.read(0, 100_000) if event.source_id == flex.id)
    assert (first.type, first.name) == ("track", "Flex - Engagement Initiated")
    assert first.received_at == parse_time(orjson.loads(first.body)["timestamp"])


def test_w76_w77_every_computed_value_is_the_true_one(demo: Demo) -> None:
    truth = get_demo_truth()
    wanted = true_trait_values(truth, demo.messages)
    found = _read_computed_values(demo.workspace)
    assert len(wanted) > 1_000
    assert found == wanted


def test_every_merge_is_a_true_one_and_every_true_one_is_made(demo: Demo) -> None:
    truth = get_demo_truth()
    wanted = true_merges(truth, demo.messages)
    assert demo.result.build.merges == sum(len(visitors) for visitors in wanted.values())
    assert demo.result.build.merges > 100
    assert _read_visitors(demo.workspace, wanted) == wanted


def test_a_merge_explains_itself_on_the_profile(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    truth = get_demo_truth()
    contact, visitors = next(iter(true_merges(truth, demo.messages).items()))
    place = str(demo.workspace.home.root)
    assert main(["profiles", "get", f"user_id:{contact}", "--json", "--home", place]) == 0
    profile = orjson.loads(capsys.readouterr().out)
    assert {("anonymous_id", visitor) for visitor in visitors} <= {
        (each["type"], each["value"]) for each in profile["identifiers"]
    }
    assert len(profile["merges"]) == len(visitors)
    assert any(each["type"] == "email" and each["value"] in profile["merges"][0] for each in profile["identifiers"])


def test_progress_is_told_in_order_and_every_part_is_timed(demo: Demo) -> None:
    shares = [share for _, share in demo.told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert [timing.step for timing in demo.result.timings][-1] == "4 Check configuration"


def test_the_demo_stays_within_the_entitlements(demo: Demo) -> None:
    assert {usage.label: usage.used for usage in list_usage(demo.workspace)} == {
        "additional sources": 2,
        "destinations": 1,
        "Unify spaces": 1,
        "computed traits": 2,
        "predictions": 0,
    }


def test_a_second_demo_changes_nothing(demo: Demo) -> None:
    file = demo.workspace.home.warehouses / "demo.duckdb"
    made_at = file.stat().st_mtime_ns
    again = run_demo(demo.workspace)
    assert again.ok
    assert file.stat().st_mtime_ns == made_at
    assert len(list_warehouses(demo.workspace)) == 1
    assert again.run.state is RunState.SUCCEEDED or again.run.state is demo.result.run.state
    assert again.run.sheet is not None
    assert demo.result.run.sheet is not None
    assert again.run.sheet.delivered == 0
    assert again.run.sheet.unchanged == demo.result.run.sheet.delivered
    assert (again.flex_events, again.shop_events, again.build.read) == (0, 0, 0)
    assert again.profiles == demo.result.profiles
    assert again.setup.version == demo.result.setup.version


def test_a_demo_beside_a_worker_takes_up_the_run_that_is_there_and_waits_for_it(demo: Demo) -> None:
    workspace, sync_id = demo.workspace, str(demo.result.setup.sync_id)
    queued = request_run(workspace, sync_id, "schedule")
    is_held = threading.Event()
    worker = threading.Thread(target=_work_on, args=(workspace, sync_id, is_held))
    worker.start()
    assert is_held.wait(10)
    again = run_demo(workspace)
    worker.join()
    assert again.ok
    assert (again.run.id, again.run.state) == (queued.id, RunState.SUCCEEDED)


def _work_on(workspace: Workspace, sync_id: str, is_held: threading.Event) -> None:
    """Be at work on the sync for longer than a run waits by itself."""
    with hold_lease(workspace.database, f"sync:{sync_id}"):
        is_held.set()
        time.sleep(LOOK_S + 1.5)


def test_after_three_weeks_the_demo_goes_on_where_it_stopped_and_a_prediction_can_be_trained(demo: Demo) -> None:
    """Last of those that read the demo: by its clock three weeks pass."""
    space_id = str(demo.result.setup.space_id)
    later = open_workspace(str(demo.workspace.home.root), clock=FixedClock(demo.workspace.now() + timedelta(days=21)))
    try:
        assert go_on(later)
        added = build_space(later, space_id).read
        churn = parse_definition("churn", {"targets": [ORDER_COMPLETED]})
        found = check_requirements(later, space_id, churn, later.now())
        assert not go_on(later), "what it sent is there"
        newest = [read_newest_invented(later, source) for source in list_sources(later) if source.write_key]
        assert all(at is not None and later.now() - at < timedelta(hours=6) for at in newest)
        assert append_demo_events(later) == 0
    finally:
        later.close()
    assert added > 3_000, "orders, and calls"
    assert found.are_met, [item.sentence for item in found.items if item.is_hard and not item.is_met]


def test_the_result_is_plain_json(demo: Demo) -> None:
    document = demo.result.to_dict()
    assert document["ok"] is True
    assert isinstance(document["timings_ms"], dict)


def test_a_workspace_with_another_warehouse_is_left_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    workspace = open_workspace(str(tmp_path_factory.mktemp("mine")))
    try:
        before = guided.connect(workspace)
        with pytest.raises(IllegalTransition, match="another warehouse") as caught:
            run_demo(workspace)
        assert "ONRAMP_HOME" in caught.value.hint
        assert guided_setup.get_setup(workspace).warehouse_id == before.warehouse_id
    finally:
        workspace.close()


def test_access_that_has_to_be_accepted_stops_the_demo(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONRAMP_ACCESS", "manual")
    workspace = open_workspace(str(tmp_path_factory.mktemp("gate")))
    try:
        with pytest.raises(IllegalTransition, match="not accepted") as caught:
            run_demo(workspace)
        assert "access accept" in caught.value.hint
    finally:
        workspace.close()


def _read_visitors(workspace: Workspace, contacts: Collection[str]) -> dict[str, frozenset[str]]:
    """Return, by contact ID, the visitors of the web chat on the profile that has it."""
    query = select(identifiers.c.type, identifiers.c.value, identifiers.c.profile_id)
    owners: dict[str, str] = {}
    visitors: dict[str, set[str]] = {}
    with workspace.database.reading() as connection:
        for kind, value, profile in connection.execute(query):
            if kind == "user_id" and value in contacts:
                owners[value] = profile
            elif kind == "anonymous_id" and value.startswith("visitor_"):
                visitors.setdefault(profile, set()).add(value)
    return {contact: frozenset(visitors.get(profile, ())) for contact, profile in owners.items()}


def _read_computed_values(workspace: Workspace) -> dict[str, dict[str, object]]:
    """Return, by contact ID, the computed traits of the profile that has it."""
    query = select(identifiers.c.value, profiles.c.traits).where(
        identifiers.c.type == "user_id", identifiers.c.profile_id == profiles.c.id
    )
    found = {}
    with workspace.database.reading() as connection:
        for contact, text in connection.execute(query):
            traits = orjson.loads(text)
            values = {key: traits[key][0] for key in ("total_inbounds", "frequent_inbound_channel") if key in traits}
            if values:
                found[contact] = values
    return found
