"""The four steps and the sub-steps of step 2: locked, open or complete, each with the sentence why (W6, W7, W20).

Every predicate is derived from real objects: it returns the sentence that says what is missing, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.checks.check import CheckState
from core.setup.branches import BRANCHES, Branch, Connection
from core.setup.facts import EventConnection, Facts
from core.setup.record import Finished
from core.workspaces.workspace import Access

__all__ = [
    "BRANCHES",
    "Branch",
    "Connection",
    "ConnectionStep",
    "Step",
    "Tile",
    "TileState",
    "build_connections",
    "build_tiles",
]


class Step(StrEnum):
    """The four numbered steps, in their fixed order (W6)."""

    DATA_SOURCES = "select-data-sources"
    CONNECTIONS = "add-connections"
    IDENTIFIERS = "identifiers-and-traits"
    CHECK = "check-configuration"


class TileState(StrEnum):
    """Whether a step can be worked on."""

    LOCKED = "locked"
    OPEN = "open"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Tile:
    """One step as the start page shows it; `reason` says why it is locked, open or complete."""

    step: Step
    number: int
    title: str
    state: TileState
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionStep:
    """One sub-step of step 2."""

    connection: Connection
    label: str
    state: TileState
    reason: str

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do here."""
        return self.state is TileState.COMPLETE


TITLES: Mapping[Step, str] = {
    Step.DATA_SOURCES: "Select data sources",
    Step.CONNECTIONS: "Add connections",
    Step.IDENTIFIERS: "Add identifiers and traits",
    Step.CHECK: "Check configuration",
}


def build_connections(facts: Facts) -> tuple[ConnectionStep, ...]:
    """Return the sub-steps of step 2 for the chosen branch, in their order; none before the choice is confirmed."""
    branch = next((branch for branch in BRANCHES if branch.name == facts.branch), None)
    if branch is None or facts.confirmed_at is None:
        return ()
    steps: list[ConnectionStep] = []
    for connection in branch.connections:
        earlier = None if branch.any_connection else next((step for step in steps if not step.is_complete), None)
        missing = _MISSING[connection](facts)
        if not missing:
            step = ConnectionStep(connection, connection.value, TileState.COMPLETE, _DONE[connection](facts))
        elif earlier is not None:
            reason = f"Finish {earlier.label} first."
            step = ConnectionStep(connection, connection.value, TileState.LOCKED, reason)
        else:
            step = ConnectionStep(connection, connection.value, TileState.OPEN, missing)
        steps.append(step)
    return tuple(steps)


def build_tiles(facts: Facts) -> tuple[Tile, ...]:
    """Return the four tiles. A complete step stays complete when an earlier one reopens; step 4 does not."""
    tiles: list[Tile] = []
    for number, step in enumerate(Step, start=1):
        state, reason = _judge(step, facts, tiles)
        tiles.append(Tile(step, number, TITLES[step], state, reason))
    return tuple(tiles)


def _judge(step: Step, facts: Facts, earlier: list[Tile]) -> tuple[TileState, str]:
    missing, done = _STEPS[step](facts)
    if step is Step.DATA_SOURCES and facts.access is not Access.ACCEPTED:
        return TileState.LOCKED, _ACCESS_REASONS[facts.access]
    open_tile = next((tile for tile in earlier if tile.state is not TileState.COMPLETE), None)
    if open_tile is not None and (missing or step is Step.CHECK):
        return TileState.LOCKED, f"Complete step {open_tile.number}, {open_tile.title}, first."
    return (TileState.OPEN, missing) if missing else (TileState.COMPLETE, done)


def _judge_data_sources(facts: Facts) -> tuple[str, str]:
    label = next((branch.label for branch in BRANCHES if branch.name == facts.branch), "")
    if facts.confirmed_at is None:
        return (f"You selected {label!r}; confirm it with Continue." if label else "Select a data source."), ""
    return "", f"{label} is your data source. This choice cannot be changed; more sources can be added after setup."


def _judge_connections(facts: Facts) -> tuple[str, str]:
    if facts.confirmed_at is None:
        return "Select a data source first.", ""
    steps = build_connections(facts)
    branch = next(branch for branch in BRANCHES if branch.name == facts.branch)
    if branch.any_connection:
        done = [step.reason for step in steps if step.is_complete]
        return ("", " ".join(done)) if done else (_name_open(steps), "")
    for step in steps:
        if not step.is_complete:
            return step.reason, ""
    return "", "Every connection of your data source is set up."


def _name_open(steps: Sequence[ConnectionStep]) -> str:
    """Return the sentence of the connection that was begun, else one that offers all of them."""
    begun = next((step.reason for step in steps if step.reason != _UNTOUCHED[step.connection]), None)
    return begun or "Connect your website or your mobile app; either one is enough."


def _judge_identifiers(facts: Facts) -> tuple[str, str]:
    if not facts.identifiers:
        return "Add at least one identifier, so that rows and events find their profile.", ""
    if facts.traits_saved_at is None and not facts.traits:
        return "Choose up to two computed traits and press Save; none is fine, too.", ""
    count = len(facts.identifiers)
    names = ", ".join(trait.name for trait in facts.traits) or "none"
    return "", f"{count} {'identifier' if count == 1 else 'identifiers'}; computed traits: {names}."


def _judge_check(facts: Facts) -> tuple[str, str]:
    run = facts.check_run
    if run is None:
        return "Press Enable Sources and Test Connections.", ""
    if run.state is CheckState.RUNNING:
        return "The check has not finished; press Enable Sources and Test Connections to run it again.", ""
    if facts.changes_since_check:
        return f"Check again: {facts.changes_since_check} changed since the last check.", ""
    if run.state is CheckState.FAILED:
        broken = [result for result in run.results if result.state is CheckState.FAILED]
        if not broken:
            return "The last check did not finish; run it again.", ""
        first = f"“{broken[0].title}”: {broken[0].cause}"
        return f"{len(broken)} of {len(run.results)} checks failed, first {first}", ""
    warnings = sum(1 for result in run.results if result.state is CheckState.WARNING)
    return "", f"All {len(run.results)} checks passed{f', {warnings} with a warning' if warnings else ''}."


def _miss_warehouse(facts: Facts) -> str:
    if facts.warehouse is None:
        return "Connect the data warehouse that holds your customer data."
    if facts.source is None:
        return f"The source of the warehouse {facts.warehouse.name!r} is gone; connect the warehouse again."
    if not facts.is_source_connected:
        return f"The source {facts.source.name!r} is not connected to the profile space; connect the warehouse again."
    return ""


def _miss_sql_model(facts: Facts) -> str:
    if facts.sql_model is None:
        return "Write the SQL query that returns one row a customer."
    if facts.warehouse is not None and facts.sql_model.warehouse_id != facts.warehouse.id:
        return f"The model {facts.sql_model.name!r} does not read {facts.warehouse.name!r}; preview and save it again."
    if facts.previewed_version != facts.sql_model.version:
        return f"The model {facts.sql_model.name!r} was changed after its last preview; preview and save it again."
    return ""


def _miss_mapping(facts: Facts) -> str:
    if facts.sync is None:
        return "Map the columns of your model to the fields of a profile."
    if facts.destination is None:
        return "The destination of the mapping is gone; create the mapping again."
    if facts.sql_model is None or facts.sync.sql_model_id != facts.sql_model.id:
        return "The mapping belongs to another model; create the mapping again."
    blocking = next((issue for issue in facts.mapping_issues if issue.blocking), None)
    return f"{blocking.message} {blocking.hint}".strip() if blocking else ""


def _miss_website(facts: Facts) -> str:
    return _miss_events(facts.website, Connection.WEBSITE)


def _miss_mobile(facts: Facts) -> str:
    return _miss_events(facts.mobile, Connection.MOBILE)


def _miss_events(events: EventConnection | None, connection: Connection) -> str:
    if events is None:
        return _UNTOUCHED[connection]
    if not events.is_connected:
        return f"The source {events.source.name!r} is not connected to the profile space; connect it again."
    if events.finished is None:
        return f"Install the library of {events.source.name!r}, then test the connection or skip the test."
    return ""


def _tell_events(events: EventConnection | None) -> str:
    if events is None:
        return ""
    how = "its test was skipped" if events.finished is Finished.SKIPPED else "its views arrive"
    return f"{events.source.name} is connected; {how}."


def _tell_warehouse(facts: Facts) -> str:
    return f"{facts.warehouse.name} is connected." if facts.warehouse else ""


def _tell_sql_model(facts: Facts) -> str:
    model = facts.sql_model
    return f"{model.name}: {len(model.columns)} columns, one row for each {model.key_column}." if model else ""


def _tell_mapping(facts: Facts) -> str:
    return f"{len(facts.sync.mapping.entries)} fields are mapped." if facts.sync else ""


_ACCESS_REASONS: Mapping[Access, str] = {
    Access.NONE: "Request access first.",
    Access.REQUESTED: "Access is requested; it has to be accepted before a workspace can be created.",
    Access.ACCEPTED: "",
}
_STEPS: Mapping[Step, Callable[[Facts], tuple[str, str]]] = {
    Step.DATA_SOURCES: _judge_data_sources,
    Step.CONNECTIONS: _judge_connections,
    Step.IDENTIFIERS: _judge_identifiers,
    Step.CHECK: _judge_check,
}
_MISSING: Mapping[Connection, Callable[[Facts], str]] = {
    Connection.WAREHOUSE: _miss_warehouse,
    Connection.SQL_MODEL: _miss_sql_model,
    Connection.MAPPING: _miss_mapping,
    Connection.WEBSITE: _miss_website,
    Connection.MOBILE: _miss_mobile,
}
_DONE: Mapping[Connection, Callable[[Facts], str]] = {
    Connection.WAREHOUSE: _tell_warehouse,
    Connection.SQL_MODEL: _tell_sql_model,
    Connection.MAPPING: _tell_mapping,
    Connection.WEBSITE: lambda facts: _tell_events(facts.website),
    Connection.MOBILE: lambda facts: _tell_events(facts.mobile),
}
_UNTOUCHED: Mapping[Connection, str] = {
    Connection.WEBSITE: "Create a source for your website, and put its snippet into the site's header.",
    Connection.MOBILE: "Create a source for your iOS or Android app, and add its library to the app.",
}
