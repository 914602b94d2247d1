"""The option `--space` of commands that work on the profiles of one space."""

from __future__ import annotations

import argparse

from core.errors import NotFound
from core.workspaces.spaces import Space, list_spaces
from core.workspaces.workspace import Workspace


def add_space(verb: argparse.ArgumentParser) -> None:
    """Add the option."""
    verb.add_argument("--space", help="id, slug or name of the space (default: the first)")


def find_space(workspace: Workspace, name: str | None) -> Space:
    """Return the space with this id, slug or name; without one the first space.

    Raises:
        NotFound: There is none.
    """
    spaces = list_spaces(workspace)
    for space in spaces:
        if name is None or name in (space.id, space.slug, space.name):
            return space
    if name is None:
        raise NotFound("There is no profile space yet.", hint="Run `python -m core demo`, or the guided setup.")
    raise NotFound(f"There is no space {name!r}.", hint=f"The spaces are {', '.join(each.slug for each in spaces)}.")
