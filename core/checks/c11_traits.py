"""C11: the computed traits can be computed."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, combine, passed
from core.checks.context import CheckContext

MAX_TRAITS = 2

DEFINITION = CheckDefinition(
    code="C11",
    title="The computed traits can be computed",
    summary="Up to two computed traits are saved; each one's definition is tried, and its events are looked for.",
)


def run(context: CheckContext) -> Finding:
    """Compile each computed trait and look for events that feed it.

    Passes when: there are 0 to 2 traits and each compiles. A trait without any event yet is a warning, because it
    fills by itself when the events arrive.
    Fix: delete the trait and add it again, or wait for events.
    """
    spaces = context.configuration.spaces
    if not spaces:
        return passed("There is no profile space yet, so there is no computed trait.")
    return combine([(space.name, _look(context, space)) for space in spaces])
