"""Redshift's words. It has neither rows as text nor IS DISTINCT FROM, and `||` with NULL is NULL."""

from __future__ import annotations

from collections.abc import Sequence

from core.syncs.diff.dialect import DiffDialect


class RedshiftDiff(DiffDialect):
    """Each value is written with its length in front, so that no two rows give one text."""

    text_type = "VARCHAR(65535)"

    def quote(self, name: str) -> str:
        """Return `name` in double quotes."""
        return '"' + name.replace('"', '""') + '"'

    def print_sql(self, columns: Sequence[str]) -> str:
        """Return the MD5 of the values as text, each with its length; NULL is a dash."""
        return f"md5({' || '.join(self._write(self.quote(name)) for name in columns)})"

    def _write(self, name: str) -> str:
        text = f"CAST({name} AS {self.text_type})"
        return f"coalesce(octet_length({text}) || ':' || {text}, '-')"
