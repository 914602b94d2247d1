"""C10: there are identifiers, the mapping feeds at least one of them, and no value is shared by very many people."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from core.checks.check import CheckDefinition, CheckState, Finding, combine, failed, passed, warning
from core.checks.context import CheckContext
from core.destinations.destination import DeliveryContext, DeliveryRecord, Operation
from core.destinations.identify import make_identify
from core.identity.identifiers import RECOMMENDED_CUSTOM, IdentifierReader
from core.identity.rules import IdentifierRule
from core.mappings.mapping import ColumnRef, FieldMapping, MappingEntry
from core.profiles.alarms import describe_alarms, read_alarms
from core.records import Json
from core.syncs.sync import Sync

_PROBE = "probe"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # no identifier depends on the time

DEFINITION = CheckDefinition(
    code="C10",
    title="Identifiers are set up and fed",
    summary="There is at least one identifier, each mapping fills at least one of them from a column, and no value is"
    " shared by very many people.",
)


def run(context: CheckContext) -> Finding:
    """Compare the identifiers of the space with what the mapping fills.

    Passes when: the space has an identifier and every mapping fills at least one of them; events bring their own. A
    missing `phone` is a warning, because Flex looks people up by phone; so is a value that very many people share, such
    as a shop's phone, and a profile at a cap.
    Fix: add the identifier in step 3, or map a column to it in step 2; block the value that so many share.
    """
    fed = _look_at_mappings(context)
    alarms = _look_for_alarms(context)
    if fed.state is CheckState.FAILED or alarms is None:
        return fed
    return combine([("Identifiers", fed), ("Shared values", alarms)])


def _look_at_mappings(context: CheckContext) -> Finding:
    configuration = context.configuration
    rules = [rule for rules in configuration.identifiers.values() for rule in rules]
    if not any(not rule.external_only for rule in rules):
        return failed(
            "There is no identifier, so no row and no event can find a profile.",
            fix="Press Add identifier in step 3, Add identifiers and traits.",
        )
    if not configuration.reads_warehouse:
        return _look_without_mapping(rules)
    if not configuration.syncs:
        return failed("No mapping fills an identifier.", fix="Press Create Mapping in step 2, Add connections.")
    return combine([(sync.name, _look(sync, rules)) for sync in configuration.syncs])


def _look_for_alarms(context: CheckContext) -> Finding | None:
    found = [(space, read_alarms(context.workspace, space.id)) for space in context.configuration.spaces]
    lines = [f"{space.name}: {line}" for space, alarms in found for line in describe_alarms(alarms)]
    if not lines:
        return None
    return warning(
        f"{len(lines)} identity {'alarm' if len(lines) == 1 else 'alarms'}: values that very many people share, or"
        " profiles at a cap.",
        "\n".join(lines),
        "Look at Identity violations; block the value that so many share, or raise its limit or the cap.",
    )


def list_fed_identifiers(mapping: FieldMapping, rules: list[IdentifierRule]) -> dict[str, str]:
    """Return the identifiers that the mapping fills from a column: identifier type -> column."""
    fed: dict[str, str] = {}
    for entry in mapping.entries:
        if isinstance(entry.value, ColumnRef):
            for identifier in IdentifierReader(rules).read(_make_message(entry)).identifiers:
                fed.setdefault(identifier.type, entry.value.column)
    return fed


def _look(sync: Sync, rules: list[IdentifierRule]) -> Finding:
    fed = list_fed_identifiers(sync.mapping, rules)
    configured = ", ".join(dict.fromkeys(rule.type for rule in rules))
    if not fed:
        return failed(
            f"The mapping {sync.name!r} fills none of the identifiers.",
            f"Identifiers: {configured}.",
            f"Map a column to one of them, or add an identifier that is mapped: {_list_candidates(sync.mapping)}.",
        )
    evidence = f"{', '.join(f'{type_} from {column}' for type_, column in fed.items())}. Identifiers: {configured}."
    if RECOMMENDED_CUSTOM.type not in fed:
        return warning(
            "No phone number identifies a profile; Flex looks people up by phone.",
            evidence,
            _describe_fix(rules),
        )
    return passed(f"The mapping {sync.name!r} fills {len(fed)} of the identifiers.", evidence)


def _describe_fix(rules: list[IdentifierRule]) -> str:
    existing = [rule for rule in rules if rule.type == RECOMMENDED_CUSTOM.type and not rule.external_only]
    if existing:
        return f"Map a column in E.164 (+14155550100) to the trait {existing[0].trait_key}."
    return "Create the identifier phone in step 3 and map a column in E.164 (+14155550100) to the trait phone."


def _look_without_mapping(rules: list[IdentifierRule]) -> Finding:
    types = list(dict.fromkeys(rule.type for rule in rules))
    evidence = f"Identifiers: {', '.join(types)}. Events bring them: userId, anonymousId, and traits of identify calls."
    if RECOMMENDED_CUSTOM.type not in types:
        return warning(
            "No phone number identifies a profile; Flex looks people up by phone.",
            evidence,
            "Create the identifier phone in step 3 and send the trait phone in E.164 (+14155550100) with identify.",
        )
    return passed(f"{len(types)} identifiers are set up; events bring them.", evidence)


def _make_message(entry: MappingEntry) -> dict[str, Json]:
    # The destination writes the message and the builder's own reader reads it, so that this check agrees with both.
    value: Json = {entry.key: _PROBE} if entry.key else _PROBE
    record = DeliveryRecord(_PROBE, Operation.ADDED, 1, _PROBE, orjson.dumps({entry.field: value}))
    return make_identify(record, DeliveryContext(_PROBE, _PROBE, _PROBE, _PROBE, _PROBE), _NEVER)


def _list_candidates(mapping: FieldMapping) -> str:
    keys = [entry.key or entry.field for entry in mapping.entries if isinstance(entry.value, ColumnRef)]
    return ", ".join(keys) or "nothing is mapped yet"
