"""Whatever can be wrong with a connection to Redshift: one sentence each, with the setting to look at."""

from __future__ import annotations

import gc
import logging
import socket

import psycopg
import pytest
from redshift_connector.error import Error

from core.errors import CredentialsRejected, InvalidField, PermissionMissing, QueryCancelled, Unreachable
from core.warehouses.cancel import CancelToken
from core.warehouses.redshift.definition import DEFINITION, write_guide
from core.warehouses.redshift.driver import Driver
from core.warehouses.redshift.errors import translate_connect
from core.warehouses.wire.address import Address
from tests.authority import Authority
from tests.emulators.postgres_front import PostgresFront, open_front
from tests.emulators.ssh_server import KEY, SshServer
from tests.postgres import PostgresServer, make_login
from tests.unit.warehouses.redshift.conftest import USER, Connect
from tests.unit.warehouses.servers import PASSWORD, collect_write_grants, find_closed_port, refuse, run_stranger

TLS_MODES = ("verify-full", "verify-ca")


def through(bastion: SshServer) -> dict[str, object]:
    """Return the settings of a tunnel."""
    return {
        "way_in": "ssh",
        "ssh_host": "127.0.0.1",
        "ssh_port": bastion.port,
        "ssh_user": "guest",
        "ssh_host_key": bastion.host_key.get_fingerprint(),
        "secrets": {"ssh_private_key": KEY.export_private_key().decode()},
    }


def test_a_closed_port_is_told_with_the_place(connect: Connect) -> None:
    port = find_closed_port()
    error = refuse(connect, Unreachable, port=port)
    assert error.message == f"Nothing listens at localhost, port {port}."
    assert error.context["field"] == "port"


def test_a_host_that_does_not_exist_is_told(connect: Connect) -> None:
    error = refuse(connect, Unreachable, host="no-such-host.invalid")
    assert error.message == "There is no server named no-such-host.invalid."
    assert error.context["field"] == "host"


def test_a_server_that_is_silent_is_given_up_and_told_with_what_it_may_be() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address("127.0.0.1", silent.getsockname()[1], "dev", "u", PASSWORD, ssl_mode="verify-full")
        with pytest.raises((Error, OSError)) as caught:
            Driver(address, timeout_s=1)
    gc.collect()
    error = translate_connect(caught.value, address)
    assert error.message == f"{address.place} does not answer." and error.context["field"] == "host"
    assert "paused" in error.hint and "security group" in error.hint


def test_a_wrong_password_is_told_and_leaves_no_socket_open(connect: Connect) -> None:
    error = refuse(connect, CredentialsRejected, password="wrong")
    assert "refused the user" in error.message and error.context["field"] == "password"
    assert "expired" in error.hint
    gc.collect()  # a socket that was left open is an error here


def test_a_database_that_does_not_exist_is_told(connect: Connect) -> None:
    error = refuse(connect, InvalidField, database="no_such_database")
    assert "There is no database 'no_such_database'" in error.message
    assert error.context["field"] == "database"
    gc.collect()


@pytest.mark.parametrize("ssl_mode", ["disable", *TLS_MODES])
@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", b""])
def test_what_is_no_redshift_is_told(connect: Connect, answer: bytes, ssl_mode: str) -> None:
    with run_stranger(answer) as port:
        error = refuse(connect, Unreachable, port=port, ssl_mode=ssl_mode)
    assert "does not speak" in error.message or "encrypted" in error.message or "ended" in error.message
    assert error.context["field"] in ("port", "ssl_mode")
    gc.collect()


@pytest.mark.parametrize("answer", [b"", b"R\0\0"])
def test_a_server_that_hangs_up_is_told_so(connect: Connect, answer: bytes) -> None:
    with run_stranger(answer) as port:
        error = refuse(connect, Unreachable, port=port)
    assert error.message == f"What answers at localhost, port {port} ended the connection."
    gc.collect()


def test_a_postgres_that_asks_for_its_own_login_is_told_as_no_redshift(
    connect: Connect, warehouse_server: PostgresServer
) -> None:
    with psycopg.connect(warehouse_server.url("postgres"), autocommit=True) as admin:
        make_login(admin, "scram_analyst", PASSWORD)
        error = refuse(connect, Unreachable, user="scram_analyst")
        admin.execute("DROP ROLE scram_analyst")
    assert "does not speak as a Redshift cluster does" in error.message and "choose Postgres" in error.hint
    gc.collect()


@pytest.mark.parametrize("ssl_mode", TLS_MODES)
def test_with_tls_the_connection_is_encrypted_and_its_authority_checked(
    connect: Connect, redshift_front: PostgresFront, trusted: None, ssl_mode: str
) -> None:
    before = len(redshift_front.was_encrypted)
    report = connect(ssl_mode=ssl_mode).test_connection()
    assert report.ok, report.error
    assert redshift_front.was_encrypted[before:] and all(redshift_front.was_encrypted[before:])


def test_a_query_is_stopped_over_tls_as_well(connect: Connect, trusted: None) -> None:
    token = CancelToken()
    stream = connect(ssl_mode="verify-full").stream("SELECT generate_series(1, 1000000000) AS n", cancel=token)
    next(stream)
    token.cancel()
    with pytest.raises(QueryCancelled):
        list(stream)


def test_encryption_is_the_default_and_goes_without_only_where_a_person_says_so(
    connect: Connect, redshift_front: PostgresFront
) -> None:
    field = next(field for field in DEFINITION.settings if field.name == "ssl_mode")
    assert field.default == "verify-full"
    assert [mode for mode, _ in field.choices] == ["verify-full", "verify-ca", "disable"]
    before = len(redshift_front.was_encrypted)
    assert connect(ssl_mode="disable").test_connection().ok
    assert not any(redshift_front.was_encrypted[before:])


@pytest.mark.parametrize("ssl_mode", TLS_MODES)
def test_a_server_without_tls_is_told_and_sent_nothing(
    connect: Connect, warehouse_server: PostgresServer, ssl_mode: str
) -> None:
    with open_front(warehouse_server, as_redshift=True) as plain:
        error = refuse(connect, Unreachable, port=plain.port, ssl_mode=ssl_mode)
        assert plain.was_encrypted == []
    assert error.message == "localhost does not offer an encrypted connection." and error.code == "tls_refused"
    assert error.context["field"] == "ssl_mode"
    gc.collect()


@pytest.mark.parametrize("ssl_mode", TLS_MODES)
def test_a_certificate_of_another_authority_is_told(connect: Connect, ssl_mode: str) -> None:
    error = refuse(connect, Unreachable, ssl_mode=ssl_mode)
    assert "not signed by Amazon or by an authority trusted here" in error.message and error.code == "tls_refused"
    assert error.context["field"] == "ssl_mode"
    gc.collect()


def test_a_certificate_for_another_name_is_told_and_verify_ca_takes_it(connect: Connect, trusted: None) -> None:
    error = refuse(connect, Unreachable, host="127.0.0.1", ssl_mode="verify-full")
    assert error.message == "The certificate of the server is not for the name 127.0.0.1."
    assert error.context["field"] == "host"
    assert connect(host="127.0.0.1", ssl_mode="verify-ca").test_connection().ok


# asyncssh leaves the socket of a forwarded connection that was cut with rows on their way; it is collected here, not
# in whatever test comes next
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_through_a_tunnel_the_server_still_proves_its_own_name(
    connect: Connect, bastion: SshServer, trusted: None
) -> None:
    warehouse = connect(ssl_mode="verify-full", **through(bastion))
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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_through_a_tunnel_a_server_of_another_name_is_not_given_the_password(
    connect: Connect, bastion: SshServer, authority: Authority, trusted: None, warehouse_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    tls = authority.make_server_context(tmp_path_factory.mktemp("tls"), "other.example.com")
    with open_front(warehouse_server, tls=tls, as_redshift=True) as other:
        error = refuse(connect, Unreachable, port=other.port, ssl_mode="verify-full", **through(bastion))
        assert b"p" not in other.asked and other.was_encrypted and all(other.was_encrypted)
        assert connect(port=other.port, ssl_mode="verify-ca", **through(bastion)).test_connection().ok
        assert b"p" in other.asked
    assert error.message == "The certificate of the server is not for the name localhost."
    gc.collect()


def test_a_schema_or_a_table_without_a_grant_is_told_with_the_one_statement(
    connect: Connect, admin: psycopg.Connection
) -> None:
    admin.execute('CREATE SCHEMA "Hidden"; CREATE TABLE "Hidden".orders (id int)')
    warehouse = connect()
    with pytest.raises(PermissionMissing) as caught:
        warehouse.query('SELECT * FROM "Hidden".orders')
    assert caught.value.context["grant"] == f'GRANT USAGE ON SCHEMA "Hidden" TO "{USER}";'
    admin.execute(str(caught.value.context["grant"]).encode())
    with pytest.raises(PermissionMissing) as caught:
        warehouse.query('SELECT * FROM "Hidden".orders')
    assert caught.value.context["grant"] == f'GRANT SELECT ON "Hidden"."orders" TO "{USER}";'
    admin.execute(str(caught.value.context["grant"]).encode())
    assert warehouse.query('SELECT * FROM "Hidden".orders').num_rows == 0


def test_a_schema_that_may_not_be_used_or_read_is_listed_and_says_which_grant_is_missing(
    connect: Connect, admin: psycopg.Connection
) -> None:
    admin.execute('CREATE SCHEMA "Closed"; CREATE TABLE "Closed".a (id int); CREATE SCHEMA bare')
    warehouse = connect()
    assert "Closed" in warehouse.list_schemas() and "bare" not in warehouse.list_schemas()
    use, read = (
        f'GRANT USAGE ON SCHEMA "Closed" TO "{USER}";',
        f'GRANT SELECT ON ALL TABLES IN SCHEMA "Closed" TO "{USER}";',
    )
    for granted, missing in (("", f"{use}\n{read}"), (use, read)):
        admin.execute(granted.encode())
        with pytest.raises(PermissionMissing) as caught:
            warehouse.list_names("Closed")
        assert caught.value.context["grant"] == missing
    admin.execute(read.encode())
    assert warehouse.list_names("Closed") == ["a"] and warehouse.list_names("bare") == []
    assert warehouse.read_table("Closed", "a") is not None and warehouse.read_table("Closed", "b") is None


def test_a_login_that_reads_and_does_not_write_is_told_the_one_statement_for_it(
    connect: Connect, admin: psycopg.Connection
) -> None:
    assert collect_write_grants(connect, admin) == [
        f'CREATE SCHEMA __onramp AUTHORIZATION "{USER}";',
        f'GRANT USAGE, CREATE ON SCHEMA __onramp TO "{USER}";',
    ]
    left = admin.execute("SELECT count(*) FROM pg_tables WHERE schemaname = '__onramp'").fetchone()
    assert left == (0,)
    admin.execute("DROP SCHEMA __onramp")


def test_the_guide_is_in_redshifts_words_with_the_names_typed() -> None:
    text = "\n".join(guide.text for guide in write_guide({"user": 'the "reader"', "database": "dev"}))
    assert text.startswith('CREATE USER "the ""reader""" PASSWORD \'') and "NOCREATEDB NOCREATEUSER;" in text
    assert "ROLE" not in text and "GRANT CONNECT" not in text
    assert 'GRANT USAGE, CREATE ON SCHEMA __onramp TO "the ""reader""";' in text


def test_the_password_is_in_no_repr_and_no_log(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    warehouse = connect()
    warehouse.query("SELECT 1 AS n")
    assert PASSWORD not in repr(warehouse) + repr(vars(warehouse)) + caplog.text
