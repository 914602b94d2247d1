"""Where the built files for browsers lie: `shell/static/`, made by frontend/build.py."""

from __future__ import annotations

import os
from pathlib import Path

STATIC_FOLDER = Path(os.environ.get("ONRAMP_STATIC") or Path(__file__).resolve().parents[1] / "shell" / "static")
