"""C7: the mapping is complete, and it and its destination are enabled."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, combine, failed, passed, warning
from core.checks.context import CheckContext
from core.mappings.validate import validate_mapping
from core.syncs.sync import Sync

DEFINITION = CheckDefinition(
    code="C7",
    title="The mapping is complete and enabled",
    summary="Required fields are mapped to columns that exist; the mapping and its destination are enabled.",
    applies=lambda configuration: configuration.reads_warehouse,
)


def run(context: CheckContext) -> Finding:
    """Validate each sync's mapping against the fields of its destination and the columns of its SQL model.

    Passes when: nothing that blocks is missing (a profile space, and a User ID or an Anonymous ID), every mapped
    column exists, and mapping and destination are enabled.
    Fix: the sentence of the first issue, which names the field or the column.
    """
    syncs = context.configuration.syncs
    if not syncs:
        return failed("There is no mapping.", fix="Press Create Mapping in step 2, Add connections.")
    return combine([(sync.name, _look(context, sync)) for sync in syncs])


def _look(context: CheckContext, sync: Sync) -> Finding:
    sql_model = context.configuration.get_sql_model(sync.sql_model_id)
    destination = context.configuration.get_destination(sync.destination_id)
    if sql_model is None or destination is None:
        missing = "SQL model" if sql_model is None else "destination"
        return failed(f"The {missing} of the mapping {sync.name!r} is gone.", fix="Create the mapping again.")
    issues = validate_mapping(sync.mapping, context.get_fields(sync), sql_model.columns)
    blocking = [issue for issue in issues if issue.blocking]
    evidence = "\n".join(f"{issue.message} {issue.hint}".strip() for issue in issues)
    if blocking:
        return failed(blocking[0].message, evidence, blocking[0].hint)
    if not sync.enabled:
        return failed(f"The mapping {sync.name!r} is disabled.", fix="Enable it on the Syncs page.")
    if not destination.enabled:
        return failed(f"The destination {destination.name!r} is disabled.", fix="Enable the destination.")
    if issues:
        return warning(f"The mapping {sync.name!r} is complete, with remarks.", evidence, issues[0].hint)
    mapped = ", ".join(f"{entry.field}.{entry.key}" if entry.key else entry.field for entry in sync.mapping.entries)
    return passed(f"The mapping {sync.name!r} is complete and enabled.", f"Mapped: {mapped}.")
