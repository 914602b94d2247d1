"""The field: one input of a connector or of a destination action.

Forms, validation, docs and test data derive from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FieldType(StrEnum):
    """What a field holds."""

    STRING = "string"
    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    OBJECT = "object"
    PASSWORD = "password"  # noqa: S105 - the name of a kind of field
    FILE = "file"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a connector, or one field of a destination action.

    `name` is the key on the wire, `label` what a person reads, `description` one sentence. `secret` values are
    encrypted and never shown again. `choices` are (value, label) pairs. `free_keys` marks an object whose keys a
    person invents (Traits). `default_mapping` is the source path that is mapped unless a person says otherwise.
    """

    name: str
    label: str
    description: str = ""
    type: FieldType = FieldType.STRING
    required: bool = False
    secret: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    default: str | int | bool | None = None
    default_mapping: str | None = None
    depends_on: tuple[str, str] | None = None
    unit: str | None = None
    placeholder: str = ""
    free_keys: bool = False
