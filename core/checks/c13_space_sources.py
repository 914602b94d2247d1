"""C13: every source is connected to the profile space."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, failed, passed, warning
from core.checks.context import CheckContext

DEFINITION = CheckDefinition(
    code="C13",
    title="Every source is connected to the profile space",
    summary="A space reads only the events of the sources that are connected to it.",
)


def run(context: CheckContext) -> Finding:
    """Compare the workspace's sources with those connected to a space.

    Passes when: there is a space, and every source is connected to at least one. One that a person has disconnected
    is a warning.
    Fix: connect the source to the space; until then its events reach no profile.
    """
    configuration = context.configuration
    if not configuration.spaces:
        return failed("There is no profile space.", fix="Confirm step 1, Select data sources; it creates the space.")
    connected = frozenset[str]().union(*configuration.connections.values())
    unread = [source for source in configuration.sources if source.id not in connected]
    loose = [source.name for source in unread if source.id not in configuration.disconnected]
    evidence = "\n".join(
        f"{space.name}: "
        + (", ".join(s.name for s in configuration.sources if s.id in configuration.connections[space.id]) or "none")
        for space in configuration.spaces
    )
    if loose:
        return failed(
            f"Not connected to any profile space: {', '.join(loose)}.",
            evidence,
            "Connect the source to the space on the page Spaces; its events reach no profile until then.",
        )
    if unread:
        return warning(
            f"Disconnected from the profile space: {', '.join(source.name for source in unread)}.",
            evidence,
            "Connect it again on the page Spaces, if its events shall reach profiles.",
        )
    return passed("Every source is connected to a profile space.", evidence)
