"""The reference page of the checks, made from their definitions and docstrings."""

from __future__ import annotations

import inspect
from textwrap import dedent

from core.checks.check import Check
from core.checks.registry import CHECKS

_HEAD = """\
# Configuration checks

**Enable Sources and Test Connections** enables every source and then runs these checks in this order;
`python -m core checks run` does the same. A check that passed or warns does not block; one that failed names its cause,
its evidence and a fix; what needs one that failed is not checked, and says so. This page is made from the checks:
`python -m core.checks.reference > docs/checks.md`.
"""


def write_reference() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *(_describe(check) for check in CHECKS)])


def _describe(check: Check) -> str:
    definition = check.definition
    text = dedent(inspect.getdoc(check.run) or "")
    passes, _, fix = text.partition("Passes when:")[2].partition("Fix:")
    needs = f"\nOnly after {', '.join(definition.needs)}.\n" if definition.needs else ""
    return (
        f"## {definition.code} {definition.title}\n\n{definition.summary}\n{needs}\n"
        f"- **Passes when** {_join(passes)}\n- **Fix:** {_join(fix)}\n"
    )


def _join(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    print(write_reference(), end="")  # noqa: T201 - the page goes to standard output
