"""Whatever can be wrong with a connection to Postgres: one sentence each, with the setting to look at."""

from __future__ import annotations

import gc
import logging

import psycopg
import pytest

from core.errors import (
    ConnectivityError,
    CoreError,
    CredentialsRejected,
    InvalidField,
    PermissionMissing,
    QueryCancelled,
    SqlSyntaxError,
    Unreachable,
)
from core.warehouses.cancel import CancelToken
from core.warehouses.postgres.definition import write_guide
from tests.authority import Authority
from tests.emulators.postgres_front import PostgresFront
from tests.emulators.ssh_server import KEY, SshServer
from tests.postgres import PostgresServer
from tests.unit.warehouses.postgres.conftest import Connect
from tests.unit.warehouses.servers import PASSWORD, collect_write_grants, find_closed_port, refuse, run_stranger


def test_a_closed_port_is_told_with_the_place(connect: Connect) -> None:
    port = find_closed_port()
    error = refuse(connect, Unreachable, port=port)
    assert error.message == f"Nothing listens at 127.0.0.1, port {port}."
    assert error.context["field"] == "port"


def test_a_host_that_does_not_exist_is_told(connect: Connect) -> None:
    error = refuse(connect, Unreachable, host="no-such-host.invalid")
    assert error.message == "There is no server named no-such-host.invalid."
    assert error.context["field"] == "host"


@pytest.mark.parametrize("changed", [{"password": "wrong"}, {"user": "nobody_known"}])
def test_a_wrong_password_and_an_unknown_user_are_one_sentence(connect: Connect, changed: dict[str, str]) -> None:
    error = refuse(connect, CredentialsRejected, **changed)
    assert "refused the user" in error.message and error.context["field"] == "password"


def test_an_expired_password_is_told_as_a_refusal(connect: Connect, warehouse_server: PostgresServer) -> None:
    warehouse_server.execute("CREATE ROLE expired LOGIN PASSWORD 'old' VALID UNTIL '2020-01-01'")
    error = refuse(connect, CredentialsRejected, user="expired", password="old")
    assert "expired" in error.hint
    warehouse_server.execute("DROP ROLE expired")


def test_a_database_that_does_not_exist_is_told(connect: Connect) -> None:
    error = refuse(connect, InvalidField, database="no_such_database")
    assert "There is no database 'no_such_database'" in error.message
    assert error.context["field"] == "database"


def test_what_is_no_postgres_is_told(connect: Connect) -> None:
    with run_stranger(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        error = refuse(connect, Unreachable, port=port)
    assert "does not speak as a Postgres server does" in error.message or "ended" in error.message


@pytest.mark.parametrize(
    "host", ["", "/var/run/postgresql", "postgres://db.example.com", "db.example.com:5432", "a,b", "a b", "user@host"]
)
def test_a_host_that_is_more_than_a_name_is_refused_before_anything_is_sent(connect: Connect, host: str) -> None:
    with pytest.raises(InvalidField) as caught:
        connect(host=host)
    assert caught.value.context["field"] == "host" and caught.value.hint


def test_a_certificate_that_is_no_pem_is_refused(connect: Connect) -> None:
    with pytest.raises(InvalidField) as caught:
        connect(ssl_mode="verify-full", ssl_ca="not a certificate")
    assert caught.value.context["field"] == "ssl_ca"


def test_a_certificate_that_is_damaged_is_told(connect: Connect, tls_front: PostgresFront) -> None:
    damaged = "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----"
    error = refuse(connect, Unreachable, host="localhost", port=tls_front.port, ssl_mode="verify-full", ssl_ca=damaged)
    assert error.context["field"] == "ssl_ca"


@pytest.mark.parametrize("ssl_mode", ["require", "verify-full", "prefer"])
def test_with_tls_the_connection_is_encrypted(
    connect: Connect, tls_front: PostgresFront, authority: Authority, ssl_mode: str
) -> None:
    before = len(tls_front.was_encrypted)
    changed: dict[str, object] = {"host": "localhost", "port": tls_front.port, "ssl_mode": ssl_mode}
    report = connect(**changed, ssl_ca=authority.pem).test_connection()
    assert report.ok, report.error
    assert tls_front.was_encrypted[before:] and all(tls_front.was_encrypted[before:])


def test_a_server_without_tls_is_told_and_prefer_goes_without(connect: Connect) -> None:
    error = refuse(connect, Unreachable, ssl_mode="require")
    assert "does not offer an encrypted connection" in error.message
    assert error.context["field"] == "ssl_mode"
    assert connect(ssl_mode="prefer").test_connection().ok


def test_a_certificate_of_another_authority_is_told(connect: Connect, tls_front: PostgresFront) -> None:
    for ca in (Authority("Somebody else").pem, ""):
        error = refuse(connect, Unreachable, host="localhost", port=tls_front.port, ssl_mode="verify-full", ssl_ca=ca)
        assert "not signed by an authority that is trusted here" in error.message
        assert error.context["field"] == "ssl_ca"


def test_a_certificate_for_another_name_is_told(
    connect: Connect, tls_front: PostgresFront, authority: Authority
) -> None:
    error = refuse(connect, Unreachable, port=tls_front.port, ssl_mode="verify-full", ssl_ca=authority.pem)
    assert "is not for the name 127.0.0.1" in error.message


# asyncssh leaves the socket of a forwarded connection that was cut with rows on their way; it is collected here, not
# in whatever test comes next
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_through_a_tunnel_the_server_still_proves_its_own_name(
    connect: Connect, tls_front: PostgresFront, authority: Authority, bastion: SshServer
) -> None:
    warehouse = connect(
        host="localhost",
        port=tls_front.port,
        ssl_mode="verify-full",
        ssl_ca=authority.pem,
        way_in="ssh",
        ssh_host="127.0.0.1",
        ssh_port=bastion.port,
        ssh_user="guest",
        ssh_host_key=bastion.host_key.get_fingerprint(),
        secrets={"ssh_private_key": KEY.export_private_key().decode()},
    )
    report = warehouse.test_connection()
    assert report.ok, report.error
    token = CancelToken()
    stream = warehouse.stream("SELECT generate_series(1, 1000000000) AS n", cancel=token)
    next(stream)
    token.cancel()
    with pytest.raises(QueryCancelled):
        list(stream)
    bastion.cut()
    assert warehouse.query("SELECT 1 AS n").num_rows == 1
    warehouse.close()
    warehouse.close()
    del stream
    gc.collect()


def test_a_schema_or_a_table_without_a_grant_is_told_with_the_one_statement(
    connect: Connect, admin: psycopg.Connection
) -> None:
    admin.execute('CREATE SCHEMA "Hidden"; CREATE TABLE "Hidden".orders (id int)')
    warehouse = connect()
    assert warehouse.list_schemas() == ["Hidden"]
    both = 'GRANT USAGE ON SCHEMA "Hidden" TO "analyst";\nGRANT SELECT ON ALL TABLES IN SCHEMA "Hidden" TO "analyst";'
    with pytest.raises(PermissionMissing, match="may not use the schema Hidden") as caught:
        warehouse.list_names("Hidden")
    assert caught.value.context["grant"] == both
    with pytest.raises(PermissionMissing) as caught:
        warehouse.query('SELECT * FROM "Hidden".orders')
    assert caught.value.context["grant"] == 'GRANT USAGE ON SCHEMA "Hidden" TO "analyst";'
    admin.execute(str(caught.value.context["grant"]).encode())
    with pytest.raises(PermissionMissing) as caught:
        warehouse.query('SELECT * FROM "Hidden".orders')
    grant = str(caught.value.context["grant"])
    assert grant == 'GRANT SELECT ON "Hidden"."orders" TO "analyst";'
    with pytest.raises(PermissionMissing, match="may not read the tables of the schema Hidden") as caught:
        warehouse.list_names("Hidden")
    assert caught.value.context["grant"] == both.splitlines()[1]
    assert "orders" not in [table.name for table in warehouse.list_tables()]
    admin.execute(grant.encode())
    assert warehouse.query('SELECT * FROM "Hidden".orders').num_rows == 0
    assert warehouse.list_names("Hidden") == ["orders"]


def test_a_login_that_reads_and_does_not_write_is_told_the_one_statement_for_it(
    connect: Connect, admin: psycopg.Connection
) -> None:
    assert collect_write_grants(connect, admin) == [
        'CREATE SCHEMA __onramp AUTHORIZATION "analyst";',
        'GRANT USAGE, CREATE ON SCHEMA __onramp TO "analyst";',
    ]
    left = admin.execute("SELECT count(*) FROM pg_tables WHERE schemaname = '__onramp'").fetchone()
    assert left == (0,)
    admin.execute("DROP SCHEMA __onramp")


def test_the_guide_makes_a_login_that_reads_writes_its_state_and_can_do_nothing_else(
    connect: Connect, admin: psycopg.Connection, database: str
) -> None:
    admin.execute("CREATE TABLE customers (id int); CREATE SCHEMA secret; CREATE TABLE secret.salaries (id int)")
    for guide in write_guide({"user": 'the "reader"', "database": database}):
        admin.execute(guide.text.encode())
    warehouse = connect(user='the "reader"', password="choose-a-password")
    report = warehouse.test_connection()
    assert (report.ok, report.can_read, report.can_write) == (True, True, True)
    admin.execute("CREATE TABLE made_later (id int)")
    assert warehouse.query("SELECT * FROM customers, made_later").num_rows == 0
    with pytest.raises(PermissionMissing):
        warehouse.query("SELECT * FROM secret.salaries")
    with warehouse.open_state_session() as session:
        session.execute("CREATE TABLE __onramp.records_x (record_id text, print text)")
        session.execute("INSERT INTO __onramp.records_x VALUES ('a', 'b')")
        for sql in (
            "CREATE TABLE public.mine (id int)",
            "INSERT INTO customers VALUES (1)",
            "DROP TABLE customers",
            "CREATE SCHEMA mine",
            "CREATE ROLE friend",
            "COPY customers TO PROGRAM 'true'",
            "SELECT pg_read_file('/etc/passwd')",
        ):
            with pytest.raises((ConnectivityError, SqlSyntaxError, CoreError)):
                session.execute(sql)
    admin.execute('DROP OWNED BY "the ""reader"""; DROP ROLE "the ""reader"""; DROP TABLE customers, made_later')


def test_the_password_is_in_no_repr_and_no_log(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    warehouse = connect()
    warehouse.query("SELECT 1")
    assert PASSWORD not in repr(warehouse) + repr(vars(warehouse)) + caplog.text
