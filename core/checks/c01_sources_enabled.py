"""C1: every source is enabled."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, failed, passed
from core.checks.context import CheckContext

DEFINITION = CheckDefinition(
    code="C1", title="Sources are enabled", summary="Every source of the workspace exists and is enabled."
)


def run(context: CheckContext) -> Finding:
    """Look whether every source is enabled.

    Passes when: there is a source and none is disabled. The run enables them first (W84), so this fails only where
    enabling failed.
    Fix: enable the source on its own page, or run the check again.
    """
    sources = context.configuration.sources
    if not sources:
        return failed("There is no source.", fix="Connect your customer data in step 2, Add connections.")
    disabled = [source.name for source in sources if not source.enabled]
    if disabled:
        return failed(f"Disabled: {', '.join(disabled)}.", fix="Press Enable Sources and Test Connections again.")
    evidence = f"Enabled: {', '.join(source.name for source in sources)}."
    if context.enabled_now:
        evidence += f" Enabled by this check: {', '.join(context.enabled_now)}."
    return passed(f"All {len(sources)} sources are enabled.", evidence)
