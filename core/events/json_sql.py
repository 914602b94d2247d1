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
CREATE OR REPLACE TEMP MACRO micros_of(v) AS CASE WHEN contains(v, ' ') THEN NULL WHEN v[13:14] = '24' THEN NULL
    ELSE nullif(greatest(epoch_us(TRY_CAST(v[2:-2] AS TIMESTAMP)), -1), -1) END;
-- a chain of WHEN, because OR and AND look at every part for every row
CREATE OR REPLACE TEMP MACRO time_of(v) AS CASE
    WHEN v LIKE '"____-__-__T__:__:__.___Z"' THEN micros_of(v)
    WHEN v LIKE '"____-__-__T__:__:__Z"' THEN micros_of(v)
    WHEN v LIKE '"____-__-__T__:__:__.______+00:00"' THEN micros_of(v)
    WHEN v LIKE '"____-__-__T__:__:__+00:00"' THEN micros_of(v)
    WHEN v LIKE '"____-__-__"' THEN micros_of(v) END;
"""


def quote(text: str) -> str:
    """Return `text` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def spell_path(*keys: str) -> str:
    """Return the JSON path of nested keys, none of which holds a quote or a backslash."""
    return "$" + "".join(f'."{key}"' for key in keys)
