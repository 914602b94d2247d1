from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracking import Receiver, open_receiver


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """One process with one source, and no worker."""
    monkeypatch.setenv("ONRAMP_WORKER", "off")
    with open_receiver(tmp_path) as opened:
        yield opened
