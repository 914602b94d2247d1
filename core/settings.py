"""What a person typed into a connector's form, judged by the definition's fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from core.errors import InvalidField, MissingField
from core.fields import Field, FieldType

Settings = dict[str, object]
Secrets = dict[str, str]


class HasSettings(Protocol):
    """A connector's definition: what its form is named and which fields it has."""

    @property
    def label(self) -> str:
        """What a person reads."""
        ...

    @property
    def settings(self) -> tuple[Field, ...]:
        """The form's fields."""
        ...


def check_settings(
    definition: HasSettings, settings: Mapping[str, object], secrets: Mapping[str, str]
) -> tuple[Settings, Secrets]:
    """Return what is to be saved: settings with defaults filled in, and secrets apart from them.

    A field that depends on a choice not taken is left out, whatever was typed into it.

    Raises:
        MissingField, InvalidField: A value is missing or cannot be used; `context["field"]` names the field. Where
            several are missing, `context["fields"]` names all of them.
    """
    known = {field.name: field for field in definition.settings}
    for name in [*settings, *secrets]:
        if name not in known:
            raise InvalidField(
                f"{definition.label} has no setting {name!r}.", hint=f"Its settings are: {', '.join(known) or 'none'}."
            )
    typed = {**settings, **secrets}
    clean_settings: Settings = {}
    clean_secrets: Secrets = {}
    missing: list[Field] = []
    for field in definition.settings:
        if not is_shown(field, definition, typed):
            continue
        value = _read(field, typed.get(field.name))
        if value is None:
            if field.required:
                missing.append(field)
        elif field.secret:
            clean_secrets[field.name] = str(value)
        else:
            clean_settings[field.name] = value
    if missing:
        raise _missing(missing)
    return clean_settings, clean_secrets


def split_secrets(definition: HasSettings, typed: Mapping[str, object]) -> tuple[Settings, Secrets]:
    """Return what a form's fields hold as plain settings and as secrets, each by name; what is empty is in neither.

    Nothing is judged: that is what `check_settings` does.
    """
    secret_names = {field.name for field in definition.settings if field.secret}
    filled = {name: value for name, value in typed.items() if value is not None and value != ""}
    settings = {name: value for name, value in filled.items() if name not in secret_names}
    return settings, {name: str(value) for name, value in filled.items() if name in secret_names}


def is_shown(field: Field, definition: HasSettings, typed: Mapping[str, object]) -> bool:
    """Say whether the field belongs to the form as it stands: the choice that it depends on is taken."""
    if field.depends_on is None:
        return True
    name, wanted = field.depends_on
    default = next((other.default for other in definition.settings if other.name == name), None)
    value = typed.get(name)
    return str(default if value is None or value == "" else value) == wanted


def _missing(fields: Sequence[Field]) -> MissingField:
    first = fields[0]
    if len(fields) == 1:
        hint = first.description or f"Fill in {first.label}."
        return MissingField(f"{first.label} is missing.", hint=hint, context={"field": first.name})
    labels = [field.label for field in fields]
    return MissingField(
        f"{', '.join(labels[:-1])} and {labels[-1]} are missing.",
        hint="Fill them in.",
        context={"field": first.name, "fields": [field.name for field in fields]},
    )


def _read(field: Field, value: object) -> object:
    if value is None or (isinstance(value, str) and not value.strip()):
        value = field.default
    if value is None or value == "":
        return None
    match field.type:
        case FieldType.INTEGER:
            return _read_integer(field, value)
        case FieldType.BOOLEAN:
            return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "yes", "1", "on")
        case FieldType.URL:
            return _read_url(field, str(value).strip())
    if isinstance(value, str) and not field.secret:
        value = value.strip()
    choices = [choice for choice, _ in field.choices]
    if choices and value not in choices:
        hint = f"Use one of: {', '.join(choices)}."
        raise InvalidField(f"{field.label} cannot be {value!r}.", hint=hint, context={"field": field.name})
    return value


def _read_integer(field: Field, value: object) -> int:
    try:
        number = int(str(value).strip())
    except ValueError:
        number = 0
    limit = 65_535 if field.unit == "port" else None
    if number < 1 or (limit is not None and number > limit):
        hint = f"Use a whole number from 1{f' to {limit:,}' if limit else ' on'}."
        raise InvalidField(f"{field.label} cannot be {value!r}.", hint=hint, context={"field": field.name})
    return number


def _read_url(field: Field, text: str) -> str:
    url = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or any(character.isspace() for character in url):
        hint = f"Use a web address such as {field.placeholder or 'https://www.example.com'}."
        raise InvalidField(f"{field.label} cannot be {text!r}.", hint=hint, context={"field": field.name})
    return url
