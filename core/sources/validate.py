"""Checks what a person types for a source."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import InvalidField, MissingField
from core.sources.definition import SourceDefinition

MAX_NAME_CHARS = 128


def require_name(name: str) -> str:
    """Return the name without outer spaces; it must have 1 to 128 characters."""
    name = name.strip()
    if not name:
        raise MissingField("The source has no name.", hint="Give the source a name.")
    if len(name) > MAX_NAME_CHARS:
        raise InvalidField(
            f"The source's name has {len(name)} characters.", hint=f"Use at most {MAX_NAME_CHARS} characters."
        )
    return name


def require_settings(definition: SourceDefinition, given: Mapping[str, object]) -> dict[str, object]:
    """Return the settings; each must be known to the definition and the required ones must be there."""
    known = {setting.name: setting for setting in definition.settings}
    for name in given:
        if name not in known:
            raise InvalidField(
                f"A {definition.label} source has no setting {name!r}.",
                hint=f"Its settings are: {', '.join(known) or 'none'}.",
            )
    for setting in definition.settings:
        if setting.required and not given.get(setting.name):
            raise MissingField(f"{setting.label} is missing.", hint=f"Fill in {setting.label}.")
    return dict(given)
