"""`--set` and `--secret`: a connector's settings and secrets on the command line.

A secret never stands on the command line, where the history of the shell and other users of the machine see it, and no
message repeats what may be one.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.errors import InvalidField, MissingField, NotFound
from core.fields import Field, FieldType
from core.settings import HasSettings

_FORM = "NAME=env:VARIABLE or --secret NAME=@FILE"


def add_settings(verb: argparse.ArgumentParser) -> None:
    """Add `--set`."""
    verb.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="a setting; repeat for more"
    )


def add_secrets(verb: argparse.ArgumentParser) -> None:
    """Add `--secret`."""
    verb.add_argument(
        "--secret",
        dest="secrets",
        action="append",
        default=[],
        metavar="NAME=env:VARIABLE|NAME=@FILE",
        help="a secret, from a variable of the environment or a file (@/dev/stdin: standard input)",
    )


def read_settings(definition: HasSettings, pairs: Sequence[str]) -> dict[str, object]:
    """Return what stands after `--set`, by name; whether the values can be used is judged by the store.

    Raises:
        InvalidField: One is no pair, or is a secret.
    """
    fields = {field.name: field for field in definition.settings}
    found: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidField("A setting is given without its name or value.", hint="Write --set NAME=VALUE.")
        if name in fields and fields[name].secret:
            raise _on_command_line(name)
        found[name] = value
    return found


def read_secrets(definition: HasSettings, pairs: Sequence[str]) -> dict[str, str]:
    """Return the secrets that `--secret` leads to, by name.

    Raises:
        InvalidField: One is no pair, stands on the command line itself, is no secret, or its file cannot be read.
        MissingField, NotFound: The variable or the file is not there, or is empty.
    """
    fields = {field.name: field for field in definition.settings}
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, place = pair.partition("=")
        if not equals or not name:
            raise InvalidField("A secret is given without its name or place.", hint=f"Write --secret {_FORM}.")
        field = fields.get(name)
        if field is not None and not field.secret:
            raise InvalidField(
                f"{field.label} is no secret: it is saved and shown in the clear.", hint=f"Write {_option(field)}."
            )
        found[name] = _read_place(name, place, is_one_line=field is not None and field.type is FieldType.PASSWORD)
    return found


@contextmanager
def naming_options(definition: HasSettings) -> Iterator[None]:
    """Let the hint of a missing setting name the option that gives it; the form's hint explains the field."""
    try:
        yield
    except MissingField as error:
        names = error.context.get("fields", [error.context.get("field")])
        options = [
            _option(field)
            for field in definition.settings
            if field.required and isinstance(names, list) and field.name in names
        ]
        if options:
            error.hint = f"Add {', and '.join(options)}."
        raise


def _read_place(name: str, place: str, *, is_one_line: bool) -> str:
    if place.startswith("env:"):
        value = os.environ.get(place[4:], "")
        if not value.strip():
            raise MissingField(f"The variable {place[4:]} is not set.", hint="Export it, then run this again.")
        return value
    if not place.startswith("@"):
        raise _on_command_line(name)
    path = Path(place[1:]).expanduser()
    value = _read_file(path, name)
    if not value.strip():
        raise MissingField(f"The file {path} is empty.", hint=f"Put the secret {name!r} into it.")
    # Editors and `echo` end a file with a line break, which is no part of a password.
    return value.rstrip("\r\n") if is_one_line else value


def _read_file(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.", hint=f"Check the path of the secret {name!r}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidField(
            f"The file {path} cannot be read as text.", hint="Check that it is a text file and its permissions."
        ) from error


def _on_command_line(name: str) -> InvalidField:
    return InvalidField(
        f"The secret {name!r} stands on the command line, where other users of this machine can read it.",
        hint=f"Write --secret {_FORM.replace('NAME', name)}.",
    )


def _option(field: Field) -> str:
    if field.secret:
        return f"--secret {_FORM.replace('NAME', field.name)}"
    return f"--set {field.name}={field.placeholder or 'VALUE'}"
