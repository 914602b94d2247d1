"""C11: the computed traits can be computed."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, combine, failed, passed, warning
from core.checks.context import CheckContext
from core.events.event_log import open_event_log
from core.traits.definition import compile_trait
from core.workspaces.spaces import Space

MAX_TRAITS = 2

DEFINITION = CheckDefinition(
    code="C11",
    title="The computed traits can be computed",
    summary="Up to two computed traits are saved; each one's definition is tried, and its events are looked for.",
)


def run(context: CheckContext) -> Finding:
    """Compile each computed trait and look for events that feed it.

    Passes when: there are 0 to 2 traits, each compiles, and each one's event was seen. An event that was not seen yet
    is a warning, because the trait fills by itself when events arrive.
    Fix: delete the trait and add it again; or wait for the first event.
    """
    spaces = context.configuration.spaces
    total = sum(len(traits) for traits in context.configuration.traits.values())
    if total == 0:
        return passed("No computed trait is saved; none is needed.")
    if total > MAX_TRAITS:
        return failed(f"{total} computed traits are saved; the limit is {MAX_TRAITS}.", fix="Delete one in step 3.")
    return combine([(space.name, _look(context, space)) for space in spaces if context.configuration.traits[space.id]])


def _look(context: CheckContext, space: Space) -> Finding:
    traits = context.configuration.traits[space.id]
    events = [(trait, compile_trait(trait).event) for trait in traits]
    names = ", ".join(f"{trait.name} ({trait.key})" for trait in traits)
    waiting = [(trait, event) for trait, event in events if event and not _is_seen(context, space, event)]
    if waiting:
        wanted = ", ".join(dict.fromkeys(repr(event) for _, event in waiting))
        return warning(
            f"No event has arrived yet for: {', '.join(trait.name for trait, _ in waiting)}.",
            f"Saved: {names}. Each definition can be computed. Waiting for {wanted}.",
            "Nothing to do: the traits fill by themselves when the events arrive.",
        )
    return passed("Every computed trait can be computed and has events.", f"Saved: {names}.")


def _is_seen(context: CheckContext, space: Space, event: str) -> bool:
    log = open_event_log(context.workspace)
    connected = context.configuration.connections[space.id]
    counts = log.count_by_source()
    # Sources that read a warehouse send identifies only; leaving them out keeps the look into a long log short.
    senders = [source.id for source in context.configuration.sources if source.write_key and source.id in connected]
    return any(
        log.search(source_id=source_id, type="track", name=event, limit=1)
        for source_id in senders
        if counts.get(source_id)
    )
