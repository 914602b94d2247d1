"""Names of the tables and columns that senders choose: an event's table, a property's column.

As in Segment's warehouses: snake_case of what was sent (`orderId` is `order_id`), nested names joined by `_`, and names
that come to the same share a table or a column. Decisions of our own, where a name could not be written in every engine
without quotes, or would take the place of another:
- A word that SQL reserves, a name that begins with a digit and one that Onramp's own table or column has are led by
  `event_` or `property_`.
- A name that is longer than Postgres takes, or that has letters beyond ASCII that cannot be written in it, ends in a
  part of its hash, so that two of them stay two. So does one that ends like a daily table of BigQuery.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Sequence

from core.ids import snake_case

MAX_NAME_CHARS = 60
"""Postgres cuts a name after 63 bytes, in silence."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_DAILY = re.compile(r".*_\d{8}")
_WORDS = """
aes128 aes256 all allowoverwrite alter analyse analyze and anti any array as asc asof assert_rows_modified asymmetric
at authorization az64 backup between binary blanksasnull both by bytedict bzip2 case cast check collate collation
column columns concurrently connect constraint contains create credentials cross cube current current_catalog
current_date current_role current_schema current_time current_timestamp current_user current_user_id default
deferrable define deflate defrag delete delta delta32k desc describe disable distinct do drop else emptyasnull enable
encode encrypt encryption end enum escape except exclude exists explicit extract false fetch following for foreign
freeze from full generated glob globaldict256 globaldict64k grant group grouping groups gzip hash having identity if
ignore ilike in increment initially inner insert intersect interval into is isnull join lambda lateral leading left
like limit localtime localtimestamp lookup lun luns lzo lzop map merge minus mostly16 mostly32 mostly8 natural new no
not notnull null nulls of off offline offset oid old on only open or order outer over overlaps parallel partition
percent permissions pivot pivot_longer pivot_wider placing positional preceding primary proto qualify range raw
readratio recover recursive references regexp rejectlog resort respect restore returning revoke right rlike rollup row
rows sample select semi session_user set show similar snapshot some start struct summarize symmetric sysdate system
system_user table tablesample tag tdes text255 text32k then timestamp to top trailing treat trigger true
truncatecolumns try_cast tuple type unbounded union unique unnest unpack unpivot update user using values variadic
verbose wallet when whenever where window with within without
"""
_RESERVED = frozenset(_WORDS.split())
"""What Postgres, DuckDB, Snowflake, BigQuery or Redshift does not take as a name without quotes."""


def name_table(event: str, taken: Collection[str]) -> str:
    """Return the table of an event; `taken` are the names of Onramp's own tables.

    Example:
        >>> name_table("Order Completed", ()), name_table("Order", ()), name_table("Track", {"track"})
        ('order_completed', 'event_order', 'event_track')
    """
    return _name([event], "event", taken)


def name_column(path: Sequence[str], taken: Collection[str]) -> str:
    """Return the column of a property; `path` leads to it, `taken` are the columns that every event has.

    Example:
        >>> name_column(["orderId"], ()), name_column(["page", "url"], ()), name_column(["id"], {"id"})
        ('order_id', 'page_url', 'property_id')
    """
    return _name(path, "property", taken)


def _name(path: Sequence[str], lead: str, taken: Collection[str]) -> str:
    told = ".".join(path)
    plain = "".join(each for each in unicodedata.normalize("NFKD", told) if not unicodedata.combining(each))
    name = snake_case(_HUMP.sub("_", plain))
    is_whole = name.isascii()
    name = re.sub(r"[^a-z0-9]+", "_", name).strip("_")
    is_whole = is_whole and bool(name)
    if not name or name[0].isdigit() or name in _RESERVED or name in taken:
        name = f"{lead}_{name}".rstrip("_")
    if is_whole and len(name) <= MAX_NAME_CHARS and not _DAILY.fullmatch(name):
        return name
    mark = hashlib.blake2b(told.encode(), digest_size=4).hexdigest()
    return f"{name[: MAX_NAME_CHARS - len(mark) - 1].rstrip('_')}_{mark}"
