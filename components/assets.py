"""What frontend/build.py made, and components that the browser loads from it."""

from __future__ import annotations

from pathlib import Path

from core.assets import STATIC_FOLDER

COMPONENT_FOLDER = Path(__file__).resolve().parent / "browser"
_STAMP = ".built-from"


def are_assets_built() -> bool:
    """Say whether shell/static/ holds a finished build."""
    return (STATIC_FOLDER / _STAMP).is_file()


def asset_address(name: str) -> str | None:
    """Return the address of a built asset relative to the app, changing with its content; None when it is not built."""
    path = STATIC_FOLDER / name
    if not (are_assets_built() and path.is_file()):
        return None
    return f"app/static/{name}?v={(STATIC_FOLDER / _STAMP).read_text()[:12]}"


def read_component_file(name: str) -> str:
    """Return a component's own script or style sheet, as text for an inline component."""
    # Streamlit takes a text without a line break for a file name.
    return (COMPONENT_FOLDER / name).read_text(encoding="utf-8") + "\n\n"
