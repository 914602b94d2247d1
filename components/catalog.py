"""What is known of a warehouse's catalog: its schemas, then the names of a schema's tables, then a table's columns.

Each is asked for when somebody needs it, once for each browser session, and again after **Refresh** or a while later.
The warehouse stays open between two questions, for a new login costs more than most answers.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import streamlit as st

from components.running_query import get_queries
from core.errors import CoreError, Unreachable
from core.warehouses.definition import TableInfo
from core.warehouses.registry import get_definition, open_warehouse
from core.warehouses.store import WarehouseRecord
from core.warehouses.warehouse import Warehouse
from core.workspaces.workspace import Workspace

KEPT_S = 1800
MAX_CATALOGS = 8
AHEAD_S = 0.3
"""How long a run waits for what was typed just now; what comes later is there in the next run."""

MAX_AHEAD = 8
MAX_COMPLETIONS = 2000
_WORD = re.compile(r"[\w$]+")
T = TypeVar("T")
Key = tuple[str, ...]


class Catalog:
    """The catalog of one warehouse, as far as somebody has looked. A refusal is remembered like an answer."""

    def __init__(self, open_: Callable[[], Warehouse], default_schema: str) -> None:
        self._open = open_
        self._default = default_schema
        self._warehouse: Warehouse | None = None
        self._is_closed = False
        self._opening = threading.Lock()
        self._answers: dict[Key, object] = {}
        self.revision = 0
        """Grows with each answer, so that a page can tell whether there is more to show."""

    def schemas(self) -> Sequence[str]:
        """Return the schemas; where they cannot be listed, raise why."""
        return self._ask((), lambda warehouse: tuple(warehouse.list_schemas()))

    def names(self, schema: str) -> Sequence[str]:
        """Return the tables and views of a schema; raise why they cannot be listed."""
        return self._ask((schema,), lambda warehouse: tuple(warehouse.list_names(schema)))

    def table(self, schema: str, name: str) -> TableInfo | None:
        """Return one table with its columns; None where it is gone."""
        return self._ask((schema, name), lambda warehouse: warehouse.read_table(schema, name))

    def read_all(self, schema: str) -> None:
        """Read the columns of every table of a schema, in as few questions as the engine can do it in."""

        def read(warehouse: Warehouse) -> None:
            for table in warehouse.list_tables(schema):
                self._answers[schema, table.name] = table

        self._ask((schema, "", "all"), read)

    def knows(self, *key: str) -> bool:
        """Say whether it has been asked for: the schemas (no argument), a schema's names, a table's columns."""
        return key in self._answers

    @property
    def is_open(self) -> bool:
        """Whether the warehouse has answered."""
        return isinstance(self._answers.get(()), tuple)

    def peek(self, schema: str, name: str) -> TableInfo | None:
        """Return a table that has been read; None where it has not, and nothing is asked."""
        table = self._answers.get((schema, name))
        return table if isinstance(table, TableInfo) else None

    def forget(self) -> None:
        """Ask the warehouse again: somebody knows of a table that is not listed, or has granted what was missing."""
        self._answers = {}
        self.revision += 1

    def close(self) -> None:
        """Let go of the warehouse: the browser has gone."""
        with self._opening:
            self._is_closed = True
            if self._warehouse is not None:
                self._warehouse.close()

    @property
    def default_schema(self) -> str:
        """The schema whose tables a query names without it, else the first; "" where there is none."""
        known = self._known_schemas()
        return next((name for name in known if name.casefold() == self._default.casefold()), next(iter(known), ""))

    def list_completions(self, text: str) -> dict[str, Sequence[str]]:
        """Return what an editor can complete, from what is known: columns by `schema.table`.

        Only tables that `text` names have their columns: the browser gets this with every change of the text.
        """
        words = _list_words(text)
        found: dict[str, Sequence[str]] = dict.fromkeys(self._known_schemas(), ())
        for schema in self._known_schemas():
            for name in self._known_names(schema):
                if name.casefold() in words:
                    table = self.peek(schema, name)
                    found[f"{schema}.{name}"] = [column.name for column in table.columns] if table else ()
                elif len(found) < MAX_COMPLETIONS:
                    found[f"{schema}.{name}"] = ()
        return found

    def read_ahead(self, text: str) -> None:
        """Read what `text` names and is not known yet: the tables of its schemas, the columns of its tables.

        Waits only as long as nobody notices; who types on is not held up, for the browser does the typing.
        """
        missing = self._list_missing(text)
        queries, about = get_queries(), (id(self), tuple(missing))
        if missing and not queries.has("catalog", about):
            queries.start("catalog", about, lambda _: self._read_each(missing)).wait(AHEAD_S)

    def _read_each(self, missing: Sequence[Key]) -> None:
        for key in missing:
            with suppress(CoreError):  # remembered, and told where somebody opens the schema
                self.names(*key) if len(key) == 1 else self.table(*key)

    def _list_missing(self, text: str) -> list[Key]:
        words = _list_words(text)
        missing: list[Key] = []
        for schema in self._known_schemas():
            if schema.casefold() in words and not self.knows(schema):
                missing.append((schema,))
            for name in self._known_names(schema):
                if name.casefold() in words and not self.knows(schema, name):
                    missing.append((schema, name))
        return missing[:MAX_AHEAD]

    def _known_schemas(self) -> Sequence[str]:
        return self._read_known(())

    def _known_names(self, schema: str) -> Sequence[str]:
        return self._read_known((schema,))

    def _read_known(self, key: Key) -> Sequence[str]:
        answer = self._answers.get(key)
        return answer if isinstance(answer, tuple) else ()

    def _ask(self, key: Key, question: Callable[[Warehouse], T]) -> T:
        if key not in self._answers:
            try:
                self._answers[key] = question(self._reach())
            except CoreError as error:
                self._answers[key] = error
            self.revision += 1
        answer = self._answers[key]
        if isinstance(answer, CoreError):
            raise answer.with_traceback(None)
        return answer  # type: ignore[return-value]  # of this question

    def _reach(self) -> Warehouse:
        with self._opening:
            if self._is_closed:
                raise Unreachable("The browser tab was closed.", hint="Open the page again.")
            if self._warehouse is None:
                self._warehouse = self._open()
            return self._warehouse


def get_catalog(workspace: Workspace, record: WarehouseRecord) -> Catalog:
    """Return what this browser session knows of the warehouse's catalog; a changed or newly tested connection knows
    nothing yet.
    """
    return _make_catalog(
        workspace, record, str(workspace.home.root), record.id, f"{record.settings} {record.tested_at}"
    )


@st.cache_resource(scope="session", ttl=KEPT_S, max_entries=MAX_CATALOGS, show_spinner=False, on_release=Catalog.close)
def _make_catalog(_workspace: Workspace, _record: WarehouseRecord, home: str, warehouse_id: str, state: str) -> Catalog:
    default = str(_record.settings.get("schema") or get_definition(_record.kind).default_schema)
    return Catalog(lambda: open_warehouse(_workspace, _record.id), default)


def _list_words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(text))
