"""What stands on a page, as a person would read it."""

from __future__ import annotations

import pandas as pd
from streamlit.testing.v1 import AppTest


def read(app: AppTest) -> str:
    """Return every text of the page."""
    kinds = (
        app.title,
        app.subheader,
        app.markdown,
        app.caption,
        app.text,
        app.info,
        app.warning,
        app.error,
        app.success,
    )
    texts = [str(element.value) for kind in kinds for element in kind]
    return "\n".join(texts + [element.proto.body for element in app.get("html")])


def read_plain(app: AppTest) -> str:
    """Return every text of the page, without the marks of bold and of escaped signs."""
    return read(app).replace("**", "").replace("\\", "")


def list_links(app: AppTest) -> dict[str, str]:
    """Return label and address of every link in the page's main part."""
    return {link.proto.label: link.proto.page for link in app.main.get("page_link")}


def list_buttons(app: AppTest) -> dict[str, bool]:
    """Return the label of every button, and whether it can be pressed."""
    return {button.label: not button.disabled for button in app.button}


def read_table(app: AppTest, heading: str) -> pd.DataFrame:
    """Return the table that has a column with this heading."""
    found = [table.value for table in app.dataframe if heading in table.value.columns]
    assert found, f"no table has a column {heading!r}: {[list(table.value.columns) for table in app.dataframe]}"
    return found[0]


def press(app: AppTest, label: str) -> AppTest:
    """Press the button with this label; the page must survive it."""
    (button,) = [button for button in app.button if button.label == label]
    assert not button.disabled, label
    button.click().run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def pick(app: AppTest, key: str, row: int) -> AppTest:
    """Pick a row of the table with this key, as a click in the browser reports it."""
    app.session_state[f"{key}_rows"] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return app.run()
