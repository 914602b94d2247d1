"""C15: a row of the model finds or makes a profile."""

from __future__ import annotations

from collections import Counter

from core.checks.check import CheckDefinition, Finding, combine, failed, passed, warning
from core.checks.context import CheckContext
from core.destinations.destination import DeliveryContext, DeliveryRecord, Operation
from core.destinations.identify import make_identify
from core.destinations.segment_profiles import KEEP_ACCOUNT_TRAITS
from core.identity.identifiers import extract_identifiers
from core.identity.resolve import resolve
from core.identity.rules import IdentifierRule
from core.mappings.compile import compile_mapping
from core.mappings.engine import open_engine
from core.records import Json
from core.sql_models.preview import preview
from core.sql_models.sql_model import SqlModel
from core.syncs.sync import Sync

SAMPLE_ROWS = 10

DEFINITION = CheckDefinition(
    code="C15",
    title="A test identify resolves",
    summary="The first rows, or an identify as a library sends it, are resolved to profiles, without writing anything.",
    needs=("C3", "C7", "C10"),
)


def run(context: CheckContext) -> Finding:
    """Map the first rows and resolve the messages as the profile builder would; nothing is written.

    Without a warehouse an identify with a userId and an anonymousId is resolved, as the libraries send it.
    Passes when: every one of the first rows that the mapping accepts holds an identifier that is not blocked. Some
    that do not are a warning, none that does is a failure.
    Fix: map a column that is filled to an identifier, or unblock the value.
    """
    rules = [rule for rules in context.configuration.identifiers.values() for rule in rules]
    if not context.configuration.reads_warehouse:
        return _look_at_identify(rules)
    # an account is no profile
    syncs = [sync for sync in context.configuration.syncs if sync.action != KEEP_ACCOUNT_TRAITS.name]
    if not syncs:
        return failed("There is no mapping to try.", fix="Press Create Mapping in step 2, Add connections.")
    return combine([(sync.name, _look(context, sync, rules)) for sync in syncs])


def _look(context: CheckContext, sync: Sync, rules: list[IdentifierRule]) -> Finding:
    sql_model = context.configuration.get_sql_model(sync.sql_model_id)
    records = _map_first_rows(context, sync, sql_model) if sql_model else []
    if not records:
        return warning(
            f"No row of {sync.name!r} can be tried: the model returns none that the mapping accepts.",
            fix="Look at the reasons under Select mappings, which are counted over all rows.",
        )
    used, unresolved = _resolve(context, sync, records, rules)
    evidence = "; ".join(f"{type_} in {count} of {len(records)} rows" for type_, count in used.items())
    if not used:
        return failed(
            f"None of the first {len(records)} rows of {sync.name!r} has an identifier that finds a profile.",
            "The mapped identifiers are empty or blocked in these rows.",
            "Map a column that is filled to User ID or to an identifier.",
        )
    if unresolved:
        return warning(
            f"{len(unresolved)} of the first {len(records)} rows of {sync.name!r} have no usable identifier.",
            f"{evidence}. Without one: row {', '.join(unresolved[:3])}.",
            "Map a second identifier, or leave rows without one out in the SQL.",
        )
    return passed(f"The first {len(records)} rows of {sync.name!r} resolve to profiles.", f"{evidence}.")


def _look_at_identify(rules: list[IdentifierRule]) -> Finding:
    message: dict[str, Json] = {"type": "identify", "userId": "onramp-check", "anonymousId": "onramp-check-anonymous"}
    found = resolve(extract_identifiers(message, rules), 0, {}, {rule.type: rule for rule in rules}).identifiers
    if not found:
        return failed(
            "An identify with a userId and an anonymousId finds no profile.",
            f"Identifiers: {', '.join(rule.type for rule in rules)}.",
            "Add the identifier user_id or anonymous_id in step 3, and do not block it.",
        )
    used = ", ".join(identifier.type for identifier in found)
    return passed("An identify as the libraries send it resolves to a profile.", f"Used: {used}.")


def _resolve(
    context: CheckContext, sync: Sync, records: list[DeliveryRecord], rules: list[IdentifierRule]
) -> tuple[Counter[str], list[str]]:
    """Return how often each identifier type counted, and the keys of the rows without any."""
    by_type = {rule.type: rule for rule in rules}
    delivery = DeliveryContext(sync.source_id, sync.id, "check", sync.sql_model_id, sync.action, is_test=True)
    now = context.workspace.now()
    used: Counter[str] = Counter()
    unresolved: list[str] = []
    for record in records:
        identifiers = extract_identifiers(make_identify(record, delivery, now), rules)
        if not identifiers:
            unresolved.append(record.key)
            continue
        used.update(identifier.type for identifier in resolve(identifiers, 0, {}, by_type).identifiers)
    return used, unresolved


def _map_first_rows(context: CheckContext, sync: Sync, sql_model: SqlModel) -> list[DeliveryRecord]:
    found = preview(context.open_warehouse(sql_model.warehouse_id), sql_model.sql, limit=SAMPLE_ROWS)
    compiled = compile_mapping(sync.mapping, context.get_fields(sync), found.columns, sql_model.key_column)
    with open_engine() as engine:
        engine.register("first_rows", found.rows)
        rows = engine.execute(compiled.select("first_rows")).fetchall()
    return [
        DeliveryRecord(str(key), Operation.ADDED, 1, "check", payload.encode())
        for key, payload, reject_code, _field in rows
        if reject_code is None
    ]
