"""How commands speak: results on standard output, progress and failures on standard error."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence

import orjson

from core.errors import CoreError
from core.records import to_json_value
from core.workspaces.workspace import Workspace, open_workspace

DONE, FAILED, BAD_USE = 0, 1, 2


def open_for(args: argparse.Namespace) -> Workspace:
    """Return the workspace that the command works on."""
    return open_workspace(args.home)


def print_json(document: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(orjson.dumps(to_json_value(document), option=orjson.OPT_INDENT_2).decode() + "\n")


def print_json_lines(documents: Iterable[object]) -> None:
    """Print one JSON document a line."""
    for document in documents:
        sys.stdout.write(orjson.dumps(to_json_value(document)).decode() + "\n")


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns as wide as their longest value."""
    texts = [[str(value) if value is not None else "-" for value in row] for row in rows]
    widths = [max(len(line[index]) for line in [list(head), *texts]) for index in range(len(head))]
    for line in [list(head), *texts]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def say(text: str) -> None:
    """Print progress."""
    print(text, file=sys.stderr, flush=True)


def print_error(error: CoreError, *, as_json: bool) -> None:
    """Print a failure: what happened, what to do, the code."""
    if as_json:
        sys.stdout.write(orjson.dumps(to_json_value({"error": error.to_dict()})).decode() + "\n")
    say(f"{error.message}\n{error.hint}\n[{error.code}]" if error.hint else f"{error.message}\n[{error.code}]")
