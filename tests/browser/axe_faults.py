"""Accessibility faults of a page, as far as axe can see them."""

from __future__ import annotations


def find_faults(page: object, within: str = ".stMain") -> list[tuple[str, list[object], str]]:
    """Return rule, element and explanation of each serious or critical fault inside `within`.

    A page is given axe once: what V8 has compiled of it is good for the page's next state too.
    """
    from axe_playwright_python.base import AXE_SCRIPT
    from axe_playwright_python.sync_playwright import Axe

    is_there = page.evaluate("() => 'axe' in window")
    return [
        (fault["id"], node["target"], node.get("failureSummary", "")[:300])
        for fault in Axe("0" if is_there else AXE_SCRIPT).run(page, context=within).response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
