"""C12: the automatically created Flex source is there and untouched."""

from __future__ import annotations

from core.checks.check import CheckDefinition, Finding, failed, passed
from core.checks.context import CheckContext
from core.sources import flex

DEFINITION = CheckDefinition(
    code="C12",
    title="The Flex source is in place",
    summary="The source that the setup created for Flex events is present, enabled and not edited.",
)


def run(context: CheckContext) -> Finding:
    """Look at the Flex source.

    Passes when: the source flex-unify-server-source is there, has its own name, kind and write key, is protected and
    enabled.
    Fix: run the setup's confirmation again, which makes the source where it is missing; otherwise restore a backup.
    """
    wanted = flex.DEFINITION
    found = next((source for source in context.configuration.sources if source.slug == wanted.fixed_slug), None)
    if found is None:
        return failed(
            f"The source {wanted.fixed_slug} is missing.",
            "It links the workspace to Flex and is created in step 1.",
            "Open step 1, Select data sources; it creates the source again.",
        )
    edited = [
        label
        for label, is_right in (
            ("name", found.name == wanted.fixed_name),
            ("type", found.kind == wanted.kind),
            ("write key", bool(found.write_key)),
            ("protection", found.protected),
        )
        if not is_right
    ]
    if edited:
        return failed(
            f"The source {found.slug} was edited: {', '.join(edited)}.",
            "Editing or deleting an automatically created source can lose data.",
            "Restore the Onramp home from a backup that was made before the edit.",
        )
    if not found.enabled:
        return failed(f"The source {found.slug} is disabled.", fix="Press Enable Sources and Test Connections again.")
    return passed(f"The source {found.slug} is present, enabled and unedited.", f"Name: {found.name}.")
