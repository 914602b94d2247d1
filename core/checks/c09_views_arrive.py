"""C9: every website and app was seen to send."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, combine, passed, warning
from core.checks.context import CheckContext
from core.clock import to_iso
from core.events.event_log import open_event_log
from core.sources.registry import get_definition
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
    if not context.configuration.viewed_sources:
        return warning("There is no website and no app.", fix="Connect one in step 2, Add connections.")
    counts = open_event_log(context.workspace).count_by_source()
    found = [(source.name, _look(context, source, counts)) for source in context.configuration.viewed_sources]
    return combine(found)


def _look(context: CheckContext, source: Source, counts: dict[str, int]) -> Finding:
    view = get_definition(source.kind).shown_by
    count = counts.get(source.id, 0)
    newest = open_event_log(context.workspace).search(source_id=source.id, type=view, limit=1) if count else []
    if newest:
        evidence = f"{count:,} events so far; the newest {view} came at {to_iso(newest[0].received_at)}."
        return passed(f"{source.name} sends what people view.", evidence)
    if count:
        return warning(
            f"{source.name} sends events, but no {view} yet.",
            f"{count:,} events so far.",
            f"Call {view}() where people look at something new.",
        )
    place = "site" if view == "page" else "app"
    return warning(
        f"No event has arrived from {source.name} yet.",
        fix=f"Open the {place} and view a few {view}s, then check again.",
    )
