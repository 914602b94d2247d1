"""Accessibility faults of a page, as far as axe can see them."""

from __future__ import annotations


def find_faults(page: object, within: str = ".stMain") -> list[tuple[str, list[object], str]]:
    """Return rule, element and explanation of each serious or critical fault inside `within`."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        (fault["id"], node["target"], node.get("failureSummary", "")[:300])
        for fault in Axe().run(page, context=within).response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
