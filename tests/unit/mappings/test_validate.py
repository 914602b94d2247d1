"""What is wrong with a mapping before any row is read (W109-W114)."""

from __future__ import annotations

import pytest

from core.destinations.segment_profiles import SEND_IDENTIFY
from core.errors import MappingError, RequiredFieldUnmapped, UnknownColumn
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.mappings.validate import require_complete, validate_mapping
from core.warehouses.definition import ColumnType, Kind

FIELDS = SEND_IDENTIFY.fields
COLUMNS = [ColumnType("id", "VARCHAR", Kind.TEXT), ColumnType("photo", "BLOB", Kind.BYTES)]
GOOD = FieldMapping(
    (
        MappingEntry("engage_space", None, Constant("spa_1")),
        MappingEntry("user_id", None, ColumnRef("id")),
        MappingEntry("traits", "id", ColumnRef("id")),
    )
)


def blocking(mapping: FieldMapping) -> list[str]:
    return [issue.code for issue in validate_mapping(mapping, FIELDS, COLUMNS) if issue.blocking]


def test_a_complete_mapping_has_no_issue() -> None:
    assert blocking(GOOD) == []
    require_complete(GOOD, FIELDS, COLUMNS)


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        (FieldMapping(), "required_field_unmapped"),
        (GOOD.without("engage_space"), "required_field_unmapped"),
        (GOOD.without("user_id"), "required_field_unmapped"),
        (GOOD.put(MappingEntry("user_id", None, ColumnRef("gone"))), "unknown_column"),
        (GOOD.put(MappingEntry("user_id", None, ColumnRef("photo"))), "type_mismatch"),
        (GOOD.put(MappingEntry("nothing", None, ColumnRef("id"))), "unknown_field"),
        (GOOD.put(MappingEntry("traits", " ", ColumnRef("id"))), "key_missing"),
        (GOOD.put(MappingEntry("traits", "x" * 129, ColumnRef("id"))), "key_too_long"),
        (GOOD.put(MappingEntry("group_id", "x", ColumnRef("id"))), "key_not_allowed"),
        (FieldMapping((*GOOD.entries, GOOD.entries[2])), "mapped_twice"),
    ],
)
def test_each_thing_to_mend_blocks_with_a_sentence_and_a_hint(mapping: FieldMapping, code: str) -> None:
    assert code in blocking(mapping)
    issues = validate_mapping(mapping, FIELDS, COLUMNS)
    assert all(issue.message and issue.hint for issue in issues)
    with pytest.raises(MappingError):
        require_complete(mapping, FIELDS, COLUMNS)


def test_a_column_that_vanished_and_a_missing_field_are_errors_of_their_own() -> None:
    with pytest.raises(UnknownColumn, match="gone"):
        require_complete(GOOD.put(MappingEntry("user_id", None, ColumnRef("gone"))), FIELDS, COLUMNS)
    with pytest.raises(RequiredFieldUnmapped, match="User ID"):
        require_complete(GOOD.without("user_id"), FIELDS, COLUMNS)


def test_a_mapping_survives_being_stored_and_a_damaged_one_is_refused() -> None:
    assert FieldMapping.from_dict(GOOD.to_dict()) == GOOD
    for document in ({}, {"entries": [1]}, {"entries": [{"field": "a", "key": 1, "value": {"column": "x"}}]}):
        with pytest.raises(MappingError) as caught:
            FieldMapping.from_dict(document)
        assert caught.value.hint
