"""Words of DuckDB for values inside a message's JSON, each certain or NULL.

What SQL finds must be exactly what our own code finds, so each macro gives NULL wherever the two could differ: letters
beyond ASCII, a number in an odd spelling, a time in another form. Those few messages are read by that code.

Values are the JSON texts of `json_extract`, `"Inbound"` with its quotes, so that a text differs from a number.
"""

from __future__ import annotations

MACROS = """
CREATE OR REPLACE TEMP MACRO is_plain(v) AS strlen(v) = length(v) AND NOT contains(v, '\\');
CREATE OR REPLACE TEMP MACRO inner_text(v) AS trim(v[2:-2]);
CREATE OR REPLACE TEMP MACRO is_text(v) AS starts_with(v, '"');
CREATE OR REPLACE TEMP MACRO is_other(v) AS v[1] IN ('{', '[', 't', 'f');
-- the formats are strict where the length is right; Python knows no time before the year 1
CREATE OR REPLACE TEMP MACRO time_of(v) AS nullif(greatest(epoch_us(CASE strlen(v)
    WHEN 26 THEN try_strptime(v, '"%Y-%m-%dT%H:%M:%S.%gZ"')
    WHEN 22 THEN try_strptime(v, '"%Y-%m-%dT%H:%M:%SZ"')
    WHEN 34 THEN try_strptime(v, '"%Y-%m-%dT%H:%M:%S.%f+00:00"')
    WHEN 27 THEN try_strptime(v, '"%Y-%m-%dT%H:%M:%S+00:00"')
    WHEN 12 THEN try_strptime(v, '"%Y-%m-%d"') END), -1), -1);
"""


def quote(text: str) -> str:
    """Return `text` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def spell_path(*keys: str) -> str:
    """Return the JSON path of nested keys, none of which holds a quote or a backslash."""
    return "$" + "".join(f'."{key}"' for key in keys)
