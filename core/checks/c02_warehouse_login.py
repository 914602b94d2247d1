"""C2: the warehouse can be opened with the stored credentials."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, combine, failed, passed
from core.checks.context import CheckContext

DEFINITION = CheckDefinition(
    code="C2",
    title="The warehouse accepts the connection",
    summary="Each warehouse is opened with its stored settings and credentials.",
    applies=lambda configuration: configuration.reads_warehouse,
)


def run(context: CheckContext) -> Finding:
    """Open each warehouse.

    Passes when: every warehouse answers to its stored settings.
    Fix: the hint of the warehouse's own error: the file, host, login or network rule to correct.
    """
    warehouses = context.configuration.warehouses
    if not warehouses:
        return failed("There is no warehouse.", fix="Connect a data warehouse in step 2, Add connections.")
    return combine([(warehouse.name, _look(context, warehouse.id, warehouse.name)) for warehouse in warehouses])


def _look(context: CheckContext, warehouse_id: str, name: str) -> Finding:
    report = context.test_connection(warehouse_id)
    if not report.ok:
        fix = "Correct the warehouse's settings or credentials, then check again."
        if report.error is None:
            return failed(f"{name} could not be opened.", report.detail, fix)
        return failed(f"{name} could not be opened.", report.error.message, report.error.hint or fix)
    return passed(f"{name} accepts the connection.", f"Answered in {report.took_ms} ms. {report.detail}".strip())
