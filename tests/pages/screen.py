"""What a person reads on a page that AppTest has run."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def read(app: AppTest) -> str:
    """Return every text of the page, in order of kind, without the marks of Markdown."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.warning, app.success, app.error)
    text = "\n".join(str(element.value) for elements in kinds for element in elements)
    return text.replace("**", "").replace("\\", "")


def list_links(app: AppTest) -> dict[str, str]:
    """Return label and address of every link in the page's main part."""
    return {link.proto.label: link.proto.page for link in app.main.get("page_link")}


def list_buttons(app: AppTest) -> dict[str, bool]:
    """Return the label of every button, and whether it can be pressed."""
    return {button.label: not button.disabled for button in app.button}


def press(app: AppTest, label: str) -> AppTest:
    """Press the button with this label; the page must survive it."""
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception, [error.value for error in app.exception]
    return app
