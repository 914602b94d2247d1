from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InvalidField
from core.warehouses.loading.encoding import CHUNK_BYTES, detect_encoding


def detect(tmp_path: Path, content: bytes) -> tuple[str, str]:
    path = tmp_path / "f"
    path.write_bytes(content)
    found = detect_encoding(path, "f.csv")
    return found.codec, found.label


@pytest.mark.parametrize(
    ("content", "codec"),
    [
        (b"plain", "utf-8"),
        ("Grüße".encode(), "utf-8"),
        ("Grüße".encode("cp1252"), "cp1252"),
        ("50 €".encode("cp1252"), "cp1252"),
        (b"a\x81b", "latin-1"),
        ("Grüße".encode("utf-8-sig"), "utf-8-sig"),
        ("Grüße".encode("utf-16"), "utf-16"),
        ("Grüße".encode("utf-16-le"), "utf-16-le"),
        ("Grüße".encode("utf-16-be"), "utf-16-be"),
        ("Grüße Đặng 山田".encode() + b"\xff", "utf-8"),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, content: bytes, codec: str) -> None:
    assert detect(tmp_path, content)[0] == codec


def test_a_character_across_two_chunks_and_one_at_the_very_end_count(tmp_path: Path) -> None:
    assert detect(tmp_path, b"x" * (CHUNK_BYTES - 1) + "ü".encode() + b"y")[0] == "utf-8"
    assert detect(tmp_path, b"x" * (CHUNK_BYTES * 2) + b"\xfc")[0] == "cp1252"


def test_a_program_is_not_text(tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match=r"f\.csv is not a text file"):
        detect(tmp_path, b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 4)
