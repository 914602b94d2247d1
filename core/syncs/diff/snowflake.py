"""Snowflake's words."""

from __future__ import annotations

from collections.abc import Sequence

from core.syncs.diff.dialect import DiffDialect


class SnowflakeDiff(DiffDialect):
    """Each value is written with its length in front, so that no two rows give one text."""

    def quote(self, name: str) -> str:
        """Return `name` in double quotes, which keep its letter case."""
        return '"' + name.replace('"', '""') + '"'

    def print_sql(self, columns: Sequence[str]) -> str:
        """Return the MD5 of the values as text, each with its length; NULL is a dash."""
        return f"md5({' || '.join(self._write(self.quote(name)) for name in columns)})"

    def _write(self, name: str) -> str:
        return f"coalesce(length(to_varchar({name})) || ':' || to_varchar({name}), '-')"
