"""The engines: a database of its own on each, to be filled by a test and opened by the product.

Postgres is a real server, and so is what stands in for Redshift, behind a door for its driver; Snowflake and BigQuery
are the emulators of the contract. All are reached by the product's own form.
The embedded one, a file, compares nothing inside; the others do.
"""

from __future__ import annotations

import itertools
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import orjson
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.cloud import bigquery

from core.records import to_json_value
from core.warehouses.store import WarehouseRecord, save_warehouse
from core.workspaces.workspace import Workspace
from tests.contract.harnesses.bigquery import open_client
from tests.emulators.bigquery.wire import Wire, write_key
from tests.emulators.postgres_front import PostgresFront
from tests.emulators.recording import run_recorder
from tests.emulators.redshift_catalog import make_catalog
from tests.emulators.snowflake.emulator import SECRETS, new_settings, open_session
from tests.postgres import PostgresServer

ENGINES = ("bigquery", "postgres", "redshift", "snowflake")
"""Those that compare inside."""
_ARROW_TYPES = {pa.string(): "STRING", pa.int64(): "INT64", pa.bool_(): "BOOL", pa.date32(): "DATE"}
_NUMBERS = itertools.count(1)


class Engine(ABC):
    """One empty database with a schema `crm`. `types` are the engine's names of what the tests ask for."""

    kind: ClassVar[str]
    types: ClassVar[dict[str, str]]
    quote: ClassVar[Callable[[str], str]] = staticmethod(lambda name: f'"{name}"')

    def __init__(self, settings: dict[str, Any], secrets: dict[str, str], port: int = 0) -> None:
        self.settings, self.secrets, self.port = settings, secrets, port

    @abstractmethod
    def run(self, *statements: str) -> None:
        """Run statements as the owner of the data."""

    @abstractmethod
    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""

    @abstractmethod
    def load(self, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Make a table of many rows; `columns` are names, written without quotes, with their types."""

    @abstractmethod
    def list_state_tables(self) -> list[str]:
        """Return the names of our own tables, in lower case."""

    def save(self, workspace: Workspace, name: str = "CRM", **settings: Any) -> WarehouseRecord:
        """Return the warehouse that the form makes of it."""
        return save_warehouse(
            workspace, kind=self.kind, name=name, settings=self.settings | settings, secrets=self.secrets
        )

    def reached_at(self, port: int) -> dict[str, Any]:
        """Return the settings that lead to this database through another port of this machine."""
        return {"port": port}

    def drop_state(self) -> None:
        """Drop our schema with all that is in it, as an owner may."""
        self.run("DROP SCHEMA IF EXISTS __onramp CASCADE")

    def fill(self, table: str, rows: Sequence[Sequence[int | str | None]]) -> None:
        """Make `rows` the content of the table; texts without quotes and backslashes."""
        self.run(f"TRUNCATE TABLE {table}")
        if rows:
            values = ", ".join(f"({', '.join(map(_write, row))})" for row in rows)
            self.run(f"INSERT INTO {table} VALUES {values}")


class EmbeddedEngine(Engine):
    """A file; a warehouse that was saved holds what was in it then."""

    kind = "duckdb"
    types: ClassVar = {"integer": "BIGINT", "text": "VARCHAR"}

    def __init__(self, folder: Path) -> None:
        super().__init__({"path": "engine.duckdb"}, {})
        self._path = folder / "engine.duckdb"
        self.run("CREATE SCHEMA crm")

    def run(self, *statements: str) -> None:
        with duckdb.connect(str(self._path)) as connection:
            for sql in statements:
                connection.execute(sql)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self._path)) as connection:
            return connection.execute(sql).fetchall()

    def load(self, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        self.run(_create(table, columns))
        with duckdb.connect(str(self._path)) as connection:
            connection.executemany(
                f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", list(map(list, rows))
            )

    def list_state_tables(self) -> list[str]:
        return []

    def save(self, workspace: Workspace, name: str = "CRM", **settings: Any) -> WarehouseRecord:
        shutil.copy(self._path, workspace.home.warehouses / self._path.name)
        return super().save(workspace, name, **settings)


class PostgresEngine(Engine):
    """A database on the server of the tests."""

    kind = "postgres"
    types: ClassVar = {"integer": "int", "text": "text"}

    def __init__(self, url: str, user: str = "postgres") -> None:
        parts = psycopg.conninfo.conninfo_to_dict(url)
        settings = {"host": str(parts["host"]), "port": int(str(parts["port"])), "database": str(parts["dbname"])}
        super().__init__(settings | {"user": user, "ssl_mode": "disable"}, {"password": "unused"}, settings["port"])
        self._url = url
        self.run("CREATE SCHEMA crm")

    def run(self, *statements: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            for sql in statements:
                connection.execute(sql.encode())

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            return connection.execute(sql.encode()).fetchall()

    def load(self, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        self.run(_create(table, columns))
        with (
            psycopg.connect(self._url) as connection,
            connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy,
        ):
            for row in rows:
                copy.write_row(row)

    @contextmanager
    def hold(self, sql: str) -> Iterator[None]:
        """Run a statement in a transaction that stays open for the length of the block."""
        with psycopg.connect(self._url) as connection:
            connection.execute(sql.encode())
            yield

    def list_state_tables(self) -> list[str]:
        return [name for (name,) in self.ask("SELECT tablename FROM pg_tables WHERE schemaname = '__onramp'")]


class RedshiftEngine(PostgresEngine):
    """A database on the server of the tests that has what Redshift has, and the door for Redshift's driver."""

    kind = "redshift"
    types: ClassVar = {"integer": "int", "text": "varchar(256)"}

    def __init__(self, url: str, port: int) -> None:
        super().__init__(url)
        self.settings["port"] = self.port = port
        with psycopg.connect(url, autocommit=True) as connection:
            make_catalog(connection)


class SnowflakeEngine(Engine):
    """A database on the emulator."""

    kind = "snowflake"
    types: ClassVar = {"integer": "NUMBER(38,0)", "text": "VARCHAR"}

    def __init__(self, port: int) -> None:
        super().__init__(new_settings(port), SECRETS, port)
        self.run("CREATE SCHEMA crm")

    def run(self, *statements: str) -> None:
        with open_session(self.port, self.settings) as session, session.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with open_session(self.port, self.settings) as session, session.cursor() as cursor:
            return [tuple(row) for row in cursor.execute(sql).fetchall()]

    def load(self, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        self.run(_create(table, columns))
        values = ", ".join(f"value[{number}]::VARCHAR::{type_}" for number, type_ in enumerate(columns.values()))
        text = orjson.dumps([[to_json_value(value) for value in row] for row in rows]).decode()
        with open_session(self.port, self.settings) as session, session.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} SELECT {values} FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?)))", [text])

    def reached_at(self, port: int) -> dict[str, Any]:
        return {"host": f"http://127.0.0.1:{port}"}

    def list_state_tables(self) -> list[str]:
        names = self.ask("SELECT table_name FROM information_schema.tables WHERE table_schema = '__ONRAMP'")
        return [str(name).lower() for (name,) in names]


class BigQueryEngine(Engine):
    """A project on the emulator; `token_uri` is where the key of the service account is exchanged for a token."""

    kind = "bigquery"
    types: ClassVar = {"integer": "INT64", "text": "STRING"}
    quote: ClassVar = staticmethod(lambda name: f"`{name}`")

    def __init__(self, port: int, token_uri: str) -> None:
        project = f"engines-{next(_NUMBERS):06}"
        settings = {"location": "US", "api_endpoint": f"http://127.0.0.1:{port}"}
        super().__init__(settings, {"credentials": write_key(token_uri, project_id=project)}, port)
        self._client: bigquery.Client = open_client(port, project)
        self.run("CREATE SCHEMA crm")

    def run(self, *statements: str) -> None:
        for sql in statements:
            self._client.query(sql, retry=None, job_retry=None).result(retry=None)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self._client.query(sql, retry=None, job_retry=None).result(retry=None)]

    def load(self, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        data = pa.table(dict(zip(map(str.lower, columns), map(list, zip(*rows, strict=True)), strict=True)))
        content = BytesIO()
        pq.write_table(data, content)
        schema = [bigquery.SchemaField(field.name, _name_type(field.type)) for field in data.schema]
        target = self._client.create_table(bigquery.Table(f"{self._client.project}.{table}", schema=schema), retry=None)
        config = bigquery.LoadJobConfig(source_format="PARQUET")
        job = self._client.load_table_from_file(content, target, rewind=True, job_config=config, num_retries=0)
        job.result(retry=None)

    def reached_at(self, port: int) -> dict[str, Any]:
        return {"api_endpoint": f"http://127.0.0.1:{port}"}

    def list_state_tables(self) -> list[str]:
        try:
            return [table.table_id for table in self._client.list_tables("__onramp", retry=None)]
        except Exception as error:
            if type(error).__name__ != "NotFound":
                raise
            return []

    def drop_state(self) -> None:
        self._client.delete_dataset("__onramp", delete_contents=True, not_found_ok=True, retry=None)

    def close(self) -> None:
        """Let go of the owner's connections."""
        self._client.close()


@contextmanager
def open_engine(kind: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Give a new database; the server is that of the session's fixtures."""
    if kind == "duckdb":
        yield EmbeddedEngine(request.getfixturevalue("tmp_path_factory").mktemp("engine"))
    elif kind == "postgres":
        with _make_database(request.getfixturevalue("postgres_server")) as url:
            yield PostgresEngine(url)
    elif kind == "redshift":
        front: PostgresFront = request.getfixturevalue("redshift_front")
        with _make_database(front.upstream) as url:
            yield RedshiftEngine(url, front.port)
    elif kind == "snowflake":
        yield SnowflakeEngine(request.getfixturevalue("snowflake_port"))
    else:
        with run_recorder(Wire().answer) as google:
            engine = BigQueryEngine(request.getfixturevalue("bigquery_port"), f"{google.url}/token")
            yield engine
            engine.close()


@contextmanager
def _make_database(server: PostgresServer) -> Iterator[str]:
    name = f"engine_{next(_NUMBERS)}"
    server.execute(f"CREATE DATABASE {name}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _create(table: str, columns: Mapping[str, str]) -> str:
    return f"CREATE TABLE {table} ({', '.join(map(' '.join, columns.items()))})"


def _name_type(type_: pa.DataType) -> str:
    """Return BigQuery's name of a type as Arrow finds it."""
    return "NUMERIC" if pa.types.is_decimal(type_) else _ARROW_TYPES.get(type_, "TIMESTAMP")


def _write(value: int | str | None) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if isinstance(value, str) else str(value)
