"""The mapping: which column or constant fills which field of a destination's action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from core.errors import MappingError

ConstantValue: TypeAlias = str | bool | int | float | None


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """The value of a column of the SQL model."""

    column: str


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value for every record."""

    value: ConstantValue


@dataclass(frozen=True, slots=True)
class MappingEntry:
    """One filled field. `key` is a free key inside an object field: field `traits`, key `email`."""

    field: str
    key: str | None
    value: ColumnRef | Constant

    @property
    def target(self) -> str:
        """The field as a person reads it: `traits.email`."""
        return self.field if self.key is None else f"{self.field}.{self.key}"


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """All filled fields, in the order a person made them; the order has no effect on what is sent."""

    entries: tuple[MappingEntry, ...] = ()

    def columns(self) -> tuple[str, ...]:
        """Return the columns in use, each once, in order of first use."""
        used = [entry.value.column for entry in self.entries if isinstance(entry.value, ColumnRef)]
        return tuple(dict.fromkeys(used))

    def get(self, field: str, key: str | None = None) -> MappingEntry | None:
        """Return the entry of a field, or of a key inside an object field; None where it is not mapped."""
        for entry in self.entries:
            if entry.field == field and entry.key == key:
                return entry
        return None

    def put(self, entry: MappingEntry) -> FieldMapping:
        """Return a mapping with `entry` in place of whatever filled its field before."""
        kept = [item for item in self.entries if (item.field, item.key) != (entry.field, entry.key)]
        return FieldMapping((*kept, entry))

    def without(self, field: str, key: str | None = None) -> FieldMapping:
        """Return a mapping in which the field is empty."""
        return FieldMapping(tuple(item for item in self.entries if (item.field, item.key) != (field, key)))

    def to_dict(self) -> dict[str, object]:
        """Return the mapping as plain JSON types."""
        return {
            "entries": [
                {"field": entry.field, "key": entry.key, "value": _value_to_dict(entry.value)} for entry in self.entries
            ]
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, object]) -> FieldMapping:
        """Return the mapping that `to_dict` wrote.

        Raises:
            MappingError: The document has another shape.
        """
        entries = document.get("entries")
        if not isinstance(entries, list):
            raise MappingError("The mapping has no list of entries.", hint="Create the mapping again.")
        return cls(tuple(_read_entry(item) for item in entries))


def _value_to_dict(value: ColumnRef | Constant) -> dict[str, object]:
    return {"column": value.column} if isinstance(value, ColumnRef) else {"constant": value.value}


def _read_entry(item: object) -> MappingEntry:
    if isinstance(item, dict) and isinstance(item.get("field"), str):
        field, key, value = item["field"], item.get("key"), item.get("value")
        if (key is None or isinstance(key, str)) and isinstance(value, dict):
            if isinstance(value.get("column"), str):
                return MappingEntry(field, key, ColumnRef(value["column"]))
            if "constant" in value and isinstance(value["constant"], str | bool | int | float | None):
                return MappingEntry(field, key, Constant(value["constant"]))
    raise MappingError(
        f"The mapping has an entry that cannot be read: {item!r}.",
        hint='An entry is {"field": …, "key": …, "value": {"column": …} or {"constant": …}}.',
    )
