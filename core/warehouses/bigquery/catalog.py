"""Datasets and tables, from the metadata API: unlike a query of INFORMATION_SCHEMA, it costs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from google.api_core import exceptions as api
from google.cloud import bigquery

from core.warehouses.bigquery.http import RETRY
from core.warehouses.bigquery.types import kind_of, type_text
from core.warehouses.definition import ColumnInfo, TableInfo
from core.warehouses.state_session import STATE_SCHEMA

AT_ONCE = 8
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_DAILY = re.compile(r"(.+_)(\d{8})")
_COUNTED = ("TABLE", "SNAPSHOT", "MATERIALIZED_VIEW")


def list_datasets(client: bigquery.Client, location: str) -> tuple[list[str], list[str]]:
    """Return the datasets in `location`, and those elsewhere, which no query of this warehouse can name."""
    here: list[str] = []
    elsewhere: list[str] = []
    for page in client.list_datasets(retry=RETRY, timeout=None).pages:
        for item in page.raw_page.get("datasets", ()):
            name = str(item["datasetReference"]["datasetId"])
            if name != STATE_SCHEMA:
                is_here = str(item.get("location", location)).lower() == location.lower()
                (here if is_here else elsewhere).append(name)
    return sorted(here), sorted(elsewhere)


def list_names(client: bigquery.Client, datasets: Iterable[str]) -> list[bigquery.TableReference]:
    """Return every table and view of these datasets; of daily tables (`events_20260101`) the newest alone."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [name for names in pool.map(lambda each: _list_names(client, each), datasets) for name in names]


def read_tables(client: bigquery.Client, names: Sequence[bigquery.TableReference]) -> list[TableInfo]:
    """Return these tables with their columns, by dataset and name; one that is gone meanwhile is left out."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [table for table in pool.map(lambda each: _read_table(client, each), names) if table is not None]
    return sorted(found, key=lambda table: (table.schema, table.name))


def _list_names(client: bigquery.Client, dataset: str) -> list[bigquery.TableReference]:
    if not _DATASET.fullmatch(dataset):
        return []
    try:
        names = [item.reference for item in client.list_tables(dataset, retry=RETRY, timeout=None)]
    except api.NotFound:
        return []
    newest: dict[str, bigquery.TableReference] = {}
    for name in sorted(names, key=lambda each: each.table_id):
        daily = _DAILY.fullmatch(name.table_id)
        newest[f"{daily[1]}*" if daily else name.table_id] = name
    return list(newest.values())


def _read_table(client: bigquery.Client, name: bigquery.TableReference) -> TableInfo | None:
    try:
        table = client.get_table(name, retry=RETRY, timeout=None)
    except api.NotFound:
        return None
    columns = tuple(
        ColumnInfo(field.name, type_text(field), kind_of(field), field.mode != "REQUIRED", field.description or None)
        for field in table.schema
    )
    rows = table.num_rows if table.table_type in _COUNTED else None
    return TableInfo(table.dataset_id, table.table_id, columns, rows, table.description or None)
