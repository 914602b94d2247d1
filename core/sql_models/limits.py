"""The size limits of a SQL model and of its records (spec/reverse-etl.md section 8)."""

from __future__ import annotations

MAX_SQL_CHARS = 65_535
MAX_COLUMNS = 512
MAX_COLUMN_NAME_CHARS = 128
MAX_KEY_NAME_CHARS = 191
MAX_RECORD_BYTES = 512 * 1024
MAX_VALUE_BYTES = 128 * 1024
MAX_TRAITS_ROW_BYTES = 16 * 1024
"""Of SQL traits (spec/profiles.md section 2.3)."""
PREVIEW_ROWS = 10
