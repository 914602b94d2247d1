"""What a person types into the form of each hosted warehouse, with the server that then answers: working and refusing.

Postgres is the real server, and so is what stands in for Redshift, behind a door for its driver; Snowflake and BigQuery
are the emulators of the contract. What no emulator refuses is answered by the recording server, as the vendor does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from core.setup.guided_setup import connect_warehouse
from core.workspaces.workspace import Workspace
from tests.emulators.bigquery.wire import Wire, refuse, write_key
from tests.emulators.postgres_front import PostgresFront
from tests.emulators.recording import Reply, Request, run_recorder
from tests.emulators.redshift_catalog import make_catalog
from tests.emulators.snowflake import wire as snowflake_wire
from tests.emulators.snowflake.emulator import new_settings, run_all
from tests.postgres import PostgresServer, make_login

ROWS = 25
PASSWORD = "tr0ub4dor & 3"
SERVERS = {
    "postgres": "warehouse_server",
    "redshift": "redshift_front",
    "snowflake": "snowflake_port",
    "bigquery": "bigquery_port",
}
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Form:
    """One form filled in. `told` and `field` are what a refusal says and where, `grant` what it asks for."""

    kind: str
    settings: dict[str, str]
    secrets: dict[str, str]
    told: str = ""
    field: str = ""
    grant: str = ""

    @property
    def secret_parts(self) -> tuple[str, ...]:
        """What of the secrets must be seen nowhere: a part of a key, as a text may have other line ends."""
        return tuple(
            text.split("PRIVATE KEY-----")[1][20:60] if "KEY" in text else text for text in self.secrets.values()
        )

    def connect(self, workspace: Workspace) -> None:
        """Connect it without a page."""
        connect_warehouse(workspace, kind=self.kind, name="Customer data", settings=self.settings, secrets=self.secrets)


@contextmanager
def working_form(kind: str, server: Any) -> Iterator[Form]:
    """Give a form whose warehouse holds a table of customers that this login may read, and lets it write its state."""
    if kind == "postgres":
        yield postgres_form(server)
    elif kind == "redshift":
        yield redshift_form(server)
    elif kind == "snowflake":
        yield _snowflake_form(server)
    else:
        with run_recorder(Wire().answer) as google:
            yield _bigquery_form(server, f"{google.url}/token")


@contextmanager
def refused_form(kind: str, server: Any) -> Iterator[Form]:
    """Give a form that is complete and refused."""
    if kind in ("postgres", "redshift"):
        form = postgres_form(server) if kind == "postgres" else redshift_form(server)
        yield Form(kind, form.settings, {"password": "not the password"}, "refused the user", "password")
    elif kind == "snowflake":
        with run_recorder(_refuse_role) as recorder:
            settings = {name: str(value) for name, value in new_settings(recorder.port).items()}
            told, grant = "role onramp_role", "GRANT ROLE onramp_role TO USER onramp_user;"
            yield Form(kind, settings, {"password": PASSWORD}, told, "role", grant)
    else:
        with run_recorder(Wire(intercept=_refuse_jobs).answer) as recorder:
            settings = {"location": "EU", "api_endpoint": recorder.url}
            key = write_key(f"{recorder.url}/token")
            grant = "gcloud projects add-iam-policy-binding"
            yield Form(kind, settings, {"credentials": key}, "may not run queries", "", grant)


def postgres_form(server: PostgresServer, *, may_write: bool = True) -> Form:
    """Return the form of a new database of customers with a login of its own."""
    database, user = _make_customers(server, "reader", may_write=may_write)
    settings = {"host": "127.0.0.1", "port": str(server.port), "database": database, "user": user}
    settings["ssl_mode"] = "disable"
    grant = "" if may_write else f'CREATE SCHEMA __onramp AUTHORIZATION "{user}";'
    return Form("postgres", settings, {"password": PASSWORD}, grant=grant)


def redshift_form(front: PostgresFront) -> Form:
    """Return the form of a new database that has what Redshift has, behind the door for its driver."""
    database, user = _make_customers(front.upstream, "redshift_reader", may_write=True)
    with psycopg.connect(front.upstream.url(database), autocommit=True) as connection:
        make_catalog(connection)
    settings = {"host": "127.0.0.1", "port": str(front.port), "database": database, "user": user}
    return Form("redshift", settings | {"ssl_mode": "disable"}, {"password": PASSWORD})


def _make_customers(server: PostgresServer, login: str, *, may_write: bool) -> tuple[str, str]:
    number = next(_NUMBERS)
    database, user = f"customers_{number}", f"{login}_{number}"
    server.execute(f"CREATE DATABASE {database}")
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        make_login(connection, user, PASSWORD)
        connection.execute(
            "CREATE TABLE public.customers AS SELECT 'c' || i AS id, 'c' || i || '@example.com' AS email, "
            "'+1415555' || lpad(i::text, 4, '0') AS phone, timestamp '2026-11-01 08:00' AS seen "
            f"FROM generate_series(1, {ROWS}) AS t(i)".encode()
        )
        connection.execute(f"GRANT SELECT ON public.customers TO {user}".encode())
        if may_write:
            connection.execute(f"CREATE SCHEMA __onramp AUTHORIZATION {user}".encode())
    return database, user


def add_wide_schemas(server: PostgresServer, form: Form, *, tables: int = 100, columns: int = 500) -> None:
    """Give the form's database a schema `sales` of many wide tables, and one `payroll` that its login may not use."""
    user = form.settings["user"]
    names = ", ".join(f"column_{number} numeric(18, 2)" for number in range(columns))
    with psycopg.connect(server.url(form.settings["database"]), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA sales; CREATE SCHEMA payroll; CREATE TABLE payroll.salaries (id int)")
        for number in range(tables):
            connection.execute(f"CREATE TABLE sales.orders_{number:03} ({names})".encode())
        connection.execute("COMMENT ON TABLE sales.orders_007 IS 'What was ordered in July'")
        connection.execute("COMMENT ON COLUMN sales.orders_007.column_3 IS 'Net, in euro'")
        connection.execute(f"GRANT USAGE ON SCHEMA sales TO {user}".encode())
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA sales TO {user}".encode())


def _snowflake_form(port: int) -> Form:
    settings = new_settings(port)
    run_all(port, settings, ["CREATE TABLE customers (id VARCHAR, seen TIMESTAMP_NTZ)"])
    texts = {name: str(value) for name, value in settings.items()}
    return Form("snowflake", texts, {"password": PASSWORD})


def _bigquery_form(port: int, token_uri: str) -> Form:
    project, endpoint = f"hosted-{next(_NUMBERS):06}", f"http://127.0.0.1:{port}"
    client = bigquery.Client(
        project=project, credentials=AnonymousCredentials(), client_options={"api_endpoint": endpoint}
    )
    client.create_dataset("crm", retry=None)
    table = bigquery.Table(f"{project}.crm.customers", schema=[bigquery.SchemaField("id", "STRING")])
    client.create_table(table, retry=None)
    client.close()
    key = write_key(token_uri, project_id=project)
    settings = {"location": "US", "api_endpoint": endpoint}
    return Form("bigquery", settings, {"credentials": key})


def _refuse_role(request: Request) -> Reply:
    text = "Role 'ONRAMP_ROLE' specified in the connect string does not exist or not authorized."
    return snowflake_wire.refuse("390189", text)


def _refuse_jobs(request: Request) -> Reply | None:
    if request.path == "/token":
        return None
    return refuse(403, "accessDenied", "Access Denied: User does not have bigquery.jobs.create permission in project.")
