"""Auto-match: which column seems to fit which field, by its name and by its values, with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.fields import Field
from core.ids import snake_case
from core.mappings.mapping import ColumnRef, MappingEntry
from core.sql_models.column_profile import ColumnProfile
from core.warehouses.definition import ColumnType, Kind

# The name a trait is suggested under, and the column names (snake_case, without a trailing __c) that mean it.
TRAIT_NAMES = {
    "email": ("email", "e_mail", "email_address", "person_email", "mail"),
    "phone": ("phone", "phone_number", "phonenumber", "mobile", "mobile_phone", "telephone", "person_mobile_phone"),
    "first_name": ("first_name", "firstname", "given_name"),
    "last_name": ("last_name", "lastname", "surname", "family_name"),
    "name": ("name", "full_name", "display_name"),
    "birthday": ("birthday", "birth_date", "birthdate", "date_of_birth", "dob"),
    "company": ("company", "company_name", "organisation", "organization"),
    "title": ("title", "job_title"),
    "gender": ("gender", "sex"),
    "age": ("age",),
    "website": ("website", "url", "homepage"),
    "username": ("username", "user_name", "login"),
    "description": ("description",),
    "created_at": ("created_at", "createdat", "created_date", "created", "signup_date", "registered_at"),
}
ID_NAMES = {
    "user_id": ("user_id", "userid", "customer_id", "contact_id", "account_id", "member_id", "person_id", "id", "uuid"),
    "anonymous_id": ("anonymous_id", "anonymousid", "visitor_id", "cookie_id", "ajs_anonymous_id", "device_id"),
    "group_id": ("group_id", "groupid", "company_id", "organisation_id", "organization_id", "tenant_id"),
    "timestamp": ("updated_at", "updatedat", "last_modified", "last_modified_date", "system_modstamp", "modified_at"),
}
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_E164 = re.compile(r"^\+[1-9]\d{6,14}$")
_ISO = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$")
_BY_VALUE: tuple[tuple[str, Callable[[str], object], str], ...] = (
    ("email", _EMAIL.match, "its values look like e-mail addresses"),
    ("phone", _E164.match, "its values are phone numbers in E.164"),
)
SURE, LIKELY, POSSIBLE = 0.95, 0.75, 0.5


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One entry to accept or not. `confidence` is 0 to 1."""

    entry: MappingEntry
    reason: str
    confidence: float


def suggest_mapping(
    columns: Sequence[ColumnType], profiles: Sequence[ColumnProfile], fields: Sequence[Field]
) -> tuple[Suggestion, ...]:
    """Return one suggestion a column at most, identifiers first, then traits in the order of the columns.

    Args:
        columns: The columns of the SQL model.
        profiles: Their profiles; may be fewer, then names alone decide.
        fields: The fields of the destination's action.
    """
    known = {profile.name: profile for profile in profiles}
    names = {field.name for field in fields}
    free = next((field.name for field in fields if field.free_keys), None)
    found: list[Suggestion] = []
    used: set[str] = set()
    for field, spellings in ID_NAMES.items():
        if field in names and (suggestion := _suggest_field(field, spellings, columns, known, used)) is not None:
            found.append(suggestion)
            used.add(_column(suggestion))
    if free is not None:
        found += _suggest_traits(free, columns, known, used)
    return tuple(found)


def _suggest_field(
    field: str,
    spellings: Sequence[str],
    columns: Sequence[ColumnType],
    known: dict[str, ColumnProfile],
    used: set[str],
) -> Suggestion | None:
    by_name = {_plain(column.name): column for column in reversed(columns) if column.name not in used}
    for spelling in spellings:
        column = by_name.get(spelling)
        if column is None or not _fits(field, column):
            continue
        profile = known.get(column.name)
        if field == "user_id" and profile is not None and profile.rows and not profile.is_unique:
            continue
        unique = field == "user_id" and profile is not None and profile.is_unique
        reason = f"{column.name} is named like {_label(field)}"
        if unique and profile is not None:
            reason += f" and is different in all {profile.rows:,} rows"
        return Suggestion(MappingEntry(field, None, ColumnRef(column.name)), f"{reason}.", SURE if unique else LIKELY)
    return None


def _suggest_traits(
    field: str, columns: Sequence[ColumnType], known: dict[str, ColumnProfile], used: set[str]
) -> list[Suggestion]:
    meanings = {spelling: trait for trait, spellings in TRAIT_NAMES.items() for spelling in spellings}
    taken: set[str] = set()
    found = []
    for column in columns:
        if column.name in used or column.kind is Kind.BYTES:
            continue
        trait, reason, confidence = _name_trait(column, known.get(column.name), meanings)
        if trait in taken:
            trait, reason, confidence = snake_case(column.name), "kept under its own name.", POSSIBLE
        if not trait or trait in taken:
            continue
        taken.add(trait)
        entry = MappingEntry(field, trait, ColumnRef(column.name))
        found.append(Suggestion(entry, reason, confidence))
    return found


def _name_trait(column: ColumnType, profile: ColumnProfile | None, meanings: dict[str, str]) -> tuple[str, str, float]:
    plain = _plain(column.name)
    by_value = _look_at_values(profile)
    trait = meanings.get(plain)
    if trait is not None:
        agrees = by_value is not None and by_value[0] == trait
        reason = f"its name means {trait}" + (f", and {by_value[1]}" if agrees and by_value else "")
        return trait, f"{reason}.", SURE if agrees else LIKELY
    if by_value is not None:
        return by_value[0], f"{by_value[1]}.", LIKELY
    if profile is not None and profile.kind is Kind.TEXT and profile.sample and all(map(_ISO.match, profile.sample)):
        return plain, "its values are ISO dates; kept under its own name.", POSSIBLE
    return plain, "kept under its own name.", POSSIBLE


def _look_at_values(profile: ColumnProfile | None) -> tuple[str, str] | None:
    if profile is None or not profile.sample or profile.kind is not Kind.TEXT:
        return None
    for trait, matches, reason in _BY_VALUE:
        if all(matches(value.strip()) for value in profile.sample):
            return trait, reason
    return None


def _fits(field: str, column: ColumnType) -> bool:
    if field == "timestamp":
        return column.kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.DATE)
    return column.kind in (Kind.TEXT, Kind.INTEGER, Kind.OTHER, Kind.DECIMAL)


def _plain(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return snake_case(spaced).removesuffix("__c").removesuffix("_c")


def _label(field: str) -> str:
    return {"user_id": "a customer's id", "anonymous_id": "an anonymous id", "group_id": "an account's id"}.get(
        field, "the time of the last change"
    )


def _column(suggestion: Suggestion) -> str:
    value = suggestion.entry.value
    return value.column if isinstance(value, ColumnRef) else ""
