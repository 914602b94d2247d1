"""Redshift in the contract of warehouses: the real driver against a real Postgres that is made to look like Redshift.

What of Redshift that cannot show is listed in docs/warehouses/redshift.md.
"""

from __future__ import annotations

from pathlib import Path

import psycopg

from core.storage.home import open_home
from core.warehouses.redshift.warehouse import RedshiftWarehouse
from core.warehouses.warehouse import Warehouse
from tests.contract.harnesses import postgres
from tests.contract.harnesses.harness import Harness
from tests.emulators.postgres_front import PostgresFront
from tests.emulators.redshift_catalog import make_catalog

USER = "redshift_reader"


def _make(folder: Path, server: PostgresFront) -> Warehouse:
    name = postgres.make_database(server.upstream, USER)
    with psycopg.connect(server.upstream.url(name), autocommit=True) as admin:
        make_catalog(admin)
    settings = {
        "host": "127.0.0.1",
        "port": server.port,
        "database": name,
        "user": USER,
        "ssl_mode": "disable",
    }
    return RedshiftWarehouse.open(open_home(folder / "home"), settings, {"password": postgres.PASSWORD})


HARNESS = Harness(
    make=_make,
    server="redshift_front",
    numbers=postgres.HARNESS.numbers,
    endless=postgres.HARNESS.endless,
    writes=postgres.HARNESS.writes,
    files=postgres.HARNESS.files,
)
