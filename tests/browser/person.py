"""What a person does on a page in a real browser, and what they see there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress

from playwright.sync_api import TimeoutError

from core.warehouses.registry import get_definition
from tests.hosted import Form

SLOW_MS = 30_000


def press(page: object, label: str) -> None:
    """Press the button with this label once it can be pressed; an icon may stand before the label."""
    page.get_by_role("button", name=re.compile(rf"(^|\s){re.escape(label)}$")).last.click(timeout=SLOW_MS)


def see(page: object, text: str | re.Pattern[str]) -> None:
    """Wait until a text is on the page. A table is a canvas with hidden cells: what a person sees is meant here."""
    page.get_by_text(text).filter(visible=True).first.wait_for(timeout=SLOW_MS)


def wait_for_value(screen: object, read: Callable[[], object], expected: object) -> None:
    """Wait until what is read between two runs of the script is `expected`."""
    deadline = time.monotonic() + SLOW_MS / 1000
    while True:
        screen.settle()
        found = read()
        if found == expected:
            return
        assert time.monotonic() < deadline, found
        screen.page.wait_for_timeout(50)


def fill(page: object, label: str, text: str) -> None:
    """Type a text into the field whose label begins so, and go on with Tab, as people do."""
    field = page.get_by_label(re.compile(rf"^{re.escape(label)}")).first
    field.fill(text, timeout=SLOW_MS)
    field.press("Tab")


def choose(page: object, label: str, option: str) -> None:
    """Pick an option of the select box with this label."""
    box = page.get_by_role("combobox", name=re.compile(rf"(^|\s){re.escape(label)}($|\s)")).first
    option_ = page.get_by_role("option", name=option, exact=True)
    for _ in range(5):  # a page that scrolls or is drawn anew closes the list again
        box.press("ArrowDown", timeout=SLOW_MS)
        with suppress(TimeoutError):
            return option_.click(timeout=SLOW_MS / 5)
    raise AssertionError(f"the list of {label} does not stay open")


def write_sql(page: object, sql: str) -> None:
    """Put `sql` in place of what the editor holds."""
    page.locator(".cm-content").click(timeout=SLOW_MS)
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(sql)


def fill_form(screen: object, form: Form) -> None:
    """Type what a form says into the fields of its kind of warehouse; choices first, because they reveal fields."""
    fields = get_definition(form.kind).settings
    for field in sorted(fields, key=lambda field: not field.choices):
        value = {**form.settings, **form.secrets}.get(field.name)
        if value is None:
            continue
        if field.choices:
            choose(screen.page, field.label, dict(field.choices)[value])
            screen.settle()
        else:
            fill(screen.page, field.label, value)
    screen.settle()
