"""C9: every website and app was seen to send."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, combine, passed, warning
from core.checks.context import CheckContext
from core.clock import to_iso
from core.events.arrivals import Arrivals, list_arrivals
from core.sources.store import Source

DEFINITION = CheckDefinition(
    code="C9",
    title="Websites and apps send what people view",
    summary="For each website a page, for each app a screen is looked for among the events that have arrived.",
    applies=lambda configuration: bool(configuration.viewed_sources),
)


def run(context: CheckContext) -> Finding:
    """Look for the first view of each website and each app.

    Passes when: every website has sent a page and every app a screen. One that has not is a warning, never a failure:
    the test of step 2 may be skipped (W48, W56), and people may visit later.
    Fix: open the site or the app once; or look at the snippet, the write key and the address that it sends to.
    """
    sources = context.configuration.viewed_sources
    if not sources:
        return warning("There is no website and no app.", fix="Connect one in step 2, Add connections.")
    arrived = list_arrivals(context.workspace, sources)
    return combine([(source.name, _judge(source, arrivals)) for source, arrivals in zip(sources, arrived, strict=True)])


def _judge(source: Source, arrivals: Arrivals) -> Finding:
    view, so_far = arrivals.shown_by, f"{arrivals.events:,} events so far"
    if arrivals.newest is not None:
        evidence = f"{so_far}; the newest {view} came at {to_iso(arrivals.newest.received_at)}."
        return passed(f"{source.name} sends what people view.", evidence)
    if arrivals.events:
        return warning(
            f"{source.name} sends events, but no {view} yet.",
            f"{so_far}.",
            f"Call {view}() where people look at something new.",
        )
    place = "site" if view == "page" else "app"
    return warning(
        f"No event has arrived from {source.name} yet.",
        fix=f"Open the {place} and view a few {view}s, then check again.",
    )
