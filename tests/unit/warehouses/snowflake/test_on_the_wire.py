"""What the emulator cannot show: the real driver against a recording server that answers as Snowflake does."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from core.errors import (
    ConnectivityError,
    CoreError,
    CredentialsRejected,
    NotReadOnly,
    PermissionMissing,
    QueryCancelled,
    QueryError,
    QueryTimeout,
    SqlSyntaxError,
    Unreachable,
)
from core.storage.home import open_home
from core.warehouses.cancel import CancelToken
from core.warehouses.definition import Kind, QueryTag
from core.warehouses.snowflake.warehouse import SnowflakeWarehouse
from tests.emulators.recording import Answer, Recorder, Reply, Request, run_recorder
from tests.emulators.snowflake import wire

PASSWORD = "correct horse battery"
PASSPHRASE = "staple"
SETTINGS = {
    "account": "xy12345.us-east-2.aws",
    "user": "onramp_user",
    "authentication": "password",
    "role": "onramp_role",
    "warehouse": "onramp_wh",
    "database": "analytics",
    "schema": "public",
}
NUMBERS = (wire.column("N", "fixed", precision=38, scale=0),)
ONE = [pa.array([1], pa.int8())]

Opened = tuple[SnowflakeWarehouse, Recorder]
Open = Callable[..., Opened]


@pytest.fixture
def open_at(tmp_path: Path) -> Iterator[Open]:
    """Opens a warehouse on a recording server that answers as it is told."""
    with ExitStack() as stack:

        def open_warehouse(answer: Answer, secrets: dict[str, str] | None = None, **settings: object) -> Opened:
            recorder = stack.enter_context(run_recorder(answer))
            values = {**SETTINGS, "host": recorder.url, **settings}
            home = open_home(tmp_path / "home")
            warehouse = SnowflakeWarehouse.open(home, values, secrets or {"password": PASSWORD})
            return stack.enter_context(warehouse), recorder

        yield open_warehouse


def answer_one(request: Request) -> Reply:
    return wire.result(NUMBERS, ONE)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write_pem(key: rsa.RSAPrivateKey, passphrase: str = "") -> str:
    kind = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kind).decode()


# Login


def test_opening_sends_nothing_and_the_first_query_logs_in_with_what_was_typed(open_at: Open) -> None:
    warehouse, recorder = open_at(wire.answer_with(answer_one))
    assert recorder.find("/") == []
    assert warehouse.query("SELECT 1 AS n").to_pydict() == {"N": [1]}
    (login,) = recorder.find(wire.LOGIN_PATH)
    data = login.json()["data"]
    assert (data["ACCOUNT_NAME"], data["LOGIN_NAME"], data["PASSWORD"]) == ("xy12345", "onramp_user", PASSWORD)
    assert {name: login.query[name] for name in ("roleName", "warehouse", "databaseName", "schemaName")} == {
        "roleName": "onramp_role",
        "warehouse": "onramp_wh",
        "databaseName": "analytics",
        "schemaName": "public",
    }
    assert data["CLIENT_ENVIRONMENT"]["APPLICATION"] == "Onramp"
    parameters = data["SESSION_PARAMETERS"]
    assert (parameters["TIMEZONE"], parameters["ABORT_DETACHED_QUERY"]) == ("UTC", "true")
    assert parameters["CLIENT_TELEMETRY_ENABLED"] == "false"


def test_a_session_serves_the_next_query_and_closing_logs_out(open_at: Open) -> None:
    warehouse, recorder = open_at(wire.answer_with(answer_one))
    warehouse.query("SELECT 1 AS n")
    warehouse.query("SELECT 1 AS n")
    warehouse.close()
    assert len(recorder.find(wire.LOGIN_PATH)) == 1
    assert [request.path for request in recorder.find("/")][-1] == wire.LOGOUT_PATH


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_key_pair_logs_in_with_a_short_lived_token_that_the_key_signed(
    open_at: Open, key: rsa.RSAPrivateKey, passphrase: str
) -> None:
    secrets = {"private_key": write_pem(key, passphrase), "private_key_passphrase": passphrase}
    warehouse, recorder = open_at(wire.answer_with(answer_one), secrets, authentication="key_pair")
    warehouse.query("SELECT 1 AS n")
    token = recorder.find(wire.LOGIN_PATH)[0].json()["data"]["TOKEN"]
    head, claims, signature = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    public = key.public_key()
    signed = token.rpartition(".")[0].encode()
    public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    fingerprint = base64.b64encode(hashlib.sha256(der).digest()).decode()
    found = json.loads(claims)
    assert found["sub"] == "XY12345.ONRAMP_USER"
    assert found["iss"] == f"XY12345.ONRAMP_USER.SHA256:{fingerprint}"
    assert 0 < found["exp"] - found["iat"] <= 3600
    assert json.loads(head)["alg"] == "RS256"


@pytest.mark.parametrize(
    ("code", "text", "kind", "words", "grant"),
    [
        ("390100", "Incorrect username or password was specified.", CredentialsRejected, "username", None),
        ("390144", "JWT token is invalid. [0ce9eb56-821d-4ca9]", CredentialsRejected, "the clock", None),
        ("390106", "Specified password has expired.", CredentialsRejected, "expired", None),
        ("390102", "User temporarily locked.", CredentialsRejected, "locked", None),
        ("394508", "Failed to authenticate: MFA is required.", CredentialsRejected, "refused the login", None),
        (
            "390189",
            "Role 'ONRAMP_ROLE' specified in the connect string does not exist or not authorized.",
            PermissionMissing,
            "role onramp_role",
            "GRANT ROLE onramp_role TO USER onramp_user;",
        ),
        (
            "390201",
            "The requested warehouse does not exist or not authorized.",
            PermissionMissing,
            "warehouse onramp_wh",
            "GRANT USAGE ON WAREHOUSE onramp_wh TO ROLE onramp_role;",
        ),
        ("390422", "Incoming request with IP 1.2.3.4 is not allowed.", PermissionMissing, "network policy", None),
    ],
)
def test_a_login_that_is_refused_names_the_cause_and_the_remedy(
    open_at: Open, code: str, text: str, kind: type[CoreError], words: str, grant: str | None
) -> None:
    warehouse, _ = open_at(lambda request: wire.refuse(code, text))
    report = warehouse.test_connection()
    assert isinstance(report.error, kind)
    assert words in report.error.message and report.error.hint
    assert report.error.context.get("grant") == grant
    assert text in str(report.error.context["engine_message"])


@pytest.mark.parametrize("status", [403, 404])
def test_an_account_that_does_not_exist_is_told_by_its_address(open_at: Open, status: int) -> None:
    warehouse, _ = open_at(lambda request: Reply(status, b"<html>"))
    error = warehouse.test_connection().error
    assert isinstance(error, Unreachable) and "no Snowflake account" in error.message


def test_no_secret_is_in_any_error_repr_or_report(open_at: Open, key: rsa.RSAPrivateKey) -> None:
    pem = write_pem(key, PASSPHRASE)
    secrets = {"private_key": pem, "private_key_passphrase": PASSPHRASE}
    for given, authentication in ((secrets, "key_pair"), ({"password": PASSWORD}, "password")):
        warehouse, _ = open_at(
            lambda request: wire.refuse("390100", "Incorrect."), given, authentication=authentication
        )
        report = warehouse.test_connection()
        assert report.error is not None
        shown = f"{report!r} {report.error!r} {report.error.to_dict()} {warehouse!r} {report.error.__cause__!r}"
        assert not any(secret in shown for secret in (PASSWORD, PASSPHRASE, pem.splitlines()[2]))


# Where nothing or something else answers


def test_a_closed_port_a_name_that_is_not_known_and_a_server_without_tls_each_say_so(
    open_at: Open, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}"
    _, recorder = open_at(wire.answer_with(answer_one))
    for host, words in (
        (closed, "Nothing answers"),
        ("no-such-account.invalid", "cannot be found"),
        (f"https://127.0.0.1:{recorder.port}", "TLS"),
    ):
        values = {**SETTINGS, "host": host}
        with SnowflakeWarehouse.open(open_home(tmp_path / "home"), values, {"password": PASSWORD}) as warehouse:
            error = warehouse.test_connection().error
        assert isinstance(error, Unreachable), host
        assert words in error.message and error.hint


def test_a_server_that_fails_is_asked_three_times_with_one_request_id(open_at: Open) -> None:
    warehouse, recorder = open_at(wire.answer_with(lambda request: Reply(503)))
    with pytest.raises(Unreachable, match="503"):
        warehouse.query("SELECT 1 AS n")
    asked = recorder.find(wire.QUERY_PATH)
    assert (len(asked), len({request.query["requestId"] for request in asked})) == (3, 1)


def test_an_answer_that_breaks_off_is_a_connection_that_broke_off(open_at: Open) -> None:
    def answer(request: Request) -> Reply:
        whole = wire.result(NUMBERS, ONE)
        return Reply(200, whole.body, whole.headers, cut_after=20)

    warehouse, _ = open_at(wire.answer_with(answer))
    with pytest.raises(Unreachable, match="broke off"):
        warehouse.query("SELECT 1 AS n")


def test_a_session_that_snowflake_ended_is_followed_by_a_new_login(open_at: Open) -> None:
    replies = [wire.refuse("390111", "Session no longer exists. New login required to access the service.")]
    warehouse, recorder = open_at(wire.answer_with(lambda request: replies.pop() if replies else answer_one(request)))
    with pytest.raises(Unreachable, match="ended the session"):
        warehouse.query("SELECT 1 AS n")
    assert warehouse.query("SELECT 1 AS n").num_rows == 1
    assert len(recorder.find(wire.LOGIN_PATH)) == 2


# What goes with a statement


def test_time_out_tag_row_limit_and_the_ban_on_two_statements_go_with_the_statement(open_at: Open) -> None:
    warehouse, recorder = open_at(wire.answer_with(answer_one))
    warehouse.query("SELECT 1 AS n", timeout_s=7.2, max_rows=10)
    warehouse.query_tag = QueryTag("syn_1", "run_2")
    warehouse.query("SELECT 1 AS n", timeout_s=0.4)
    first, second = (request.json()["parameters"] for request in recorder.find(wire.QUERY_PATH))
    assert first == {
        "STATEMENT_TIMEOUT_IN_SECONDS": 8,
        "QUERY_TAG": "onramp",
        "MULTI_STATEMENT_COUNT": 1,
        "ROWS_PER_RESULTSET": 10,
    }
    assert second == {
        "STATEMENT_TIMEOUT_IN_SECONDS": 1,
        "QUERY_TAG": "onramp sync=syn_1 run=run_2",
        "MULTI_STATEMENT_COUNT": 1,
    }


def test_describe_compiles_and_runs_nothing(open_at: Open) -> None:
    columns = (*NUMBERS, wire.column("D", "fixed", precision=38, scale=12), wire.column("G", "geography"))
    warehouse, recorder = open_at(wire.answer_with(lambda request: wire.result(columns, [])))
    found = warehouse.describe("SELECT * FROM t")
    assert recorder.find(wire.QUERY_PATH)[0].json()["describeOnly"] is True
    assert [(column.name, column.type) for column in found][:2] == [("N", "NUMBER(38,0)"), ("D", "NUMBER(38,12)")]
    assert [column.kind for column in found] == [Kind.INTEGER, Kind.DECIMAL, Kind.JSON]


@pytest.mark.parametrize(
    "sql", ["PUT file:///etc/passwd @~", "/* SELECT */ DROP TABLE t", "GET @~ file:///tmp", "", "explain SELECT 1"]
)
def test_what_is_no_query_is_never_sent(open_at: Open, sql: str) -> None:
    warehouse, recorder = open_at(wire.answer_with(answer_one))
    for ask in (warehouse.query, warehouse.describe, warehouse.estimate):
        with pytest.raises(NotReadOnly):
            ask(sql)  # type: ignore[operator]
    assert recorder.find("/") == []


def test_explain_tells_the_bytes_and_zero_is_cannot_tell(open_at: Open) -> None:
    plans = [
        {"GlobalStats": {"partitionsTotal": 10, "partitionsAssigned": 4, "bytesAssigned": 8_388_608}},
        {"GlobalStats": {"partitionsTotal": 0, "partitionsAssigned": 0, "bytesAssigned": 0}},
    ]

    def answer(request: Request) -> Reply:
        if not request.json()["sqlText"].startswith("EXPLAIN USING JSON SELECT"):
            return wire.result(NUMBERS, [])
        return wire.result((wire.column("content"),), [pa.array([json.dumps(plans.pop(0))])])

    warehouse, _ = open_at(wire.answer_with(answer))
    found = warehouse.estimate("SELECT * FROM t")
    assert found.scanned_bytes == 8_388_608 and "4 of 10 micro-partitions" in found.detail
    nothing = warehouse.estimate("SELECT 1 AS n")
    assert nothing.scanned_bytes is None and "not tell" in nothing.detail


# Giving up


def test_a_time_out_of_ours_aborts_the_statement_and_the_session_serves_no_more(open_at: Open) -> None:
    done = threading.Event()

    def answer(request: Request) -> Reply:
        if "slow" in request.json()["sqlText"]:
            done.wait(20)
        return answer_one(request)

    warehouse, recorder = open_at(wire.answer_with(answer))
    with pytest.raises(QueryTimeout, match="than 1 s"):
        warehouse.query("SELECT slow", timeout_s=1)  # of which the login takes a part
    (abort,) = recorder.wait_for(wire.ABORT_PATH)
    assert abort.json()["requestId"] == recorder.find(wire.QUERY_PATH)[0].query["requestId"]
    recorder.wait_for(wire.LOGOUT_PATH, "POST", count=2)  # the login's path begins with it too
    done.set()
    assert warehouse.query("SELECT 1 AS n").num_rows == 1
    assert len(recorder.find(wire.LOGIN_PATH)) == 2


def test_a_turned_token_aborts_the_statement_at_once_from_another_thread(open_at: Open) -> None:
    done, token = threading.Event(), CancelToken()

    def answer(request: Request) -> Reply:
        threading.Thread(target=token.cancel, args=["The browser was closed."]).start()
        done.wait(20)
        return answer_one(request)

    warehouse, recorder = open_at(wire.answer_with(answer))
    with pytest.raises(QueryCancelled, match="The browser was closed"):
        warehouse.query("SELECT slow", cancel=token)
    (abort,) = recorder.wait_for(wire.ABORT_PATH)
    assert abort.json()["requestId"] == recorder.find(wire.QUERY_PATH)[0].query["requestId"]
    done.set()


# Results in parts


def make_parts(count: int, on_part: Callable[[Request], Reply]) -> tuple[Answer, dict[str, int]]:
    place = {"port": 0}

    def on_query(request: Request) -> Reply:
        return wire.result(NUMBERS, [pa.array([0, 1], pa.int8())], port=place["port"], parts=count)

    return wire.answer_with(on_query, on_part), place


def test_parts_of_a_result_are_fetched_as_the_consumer_goes_and_have_one_type(open_at: Open) -> None:
    def on_part(request: Request) -> Reply:
        number = int(request.path.rpartition("/")[2])
        return wire.part(NUMBERS, [pa.array([2 * number + 2, 2 * number + 3], pa.int32() if number % 2 else pa.int8())])

    answer, place = make_parts(6, on_part)
    warehouse, recorder = open_at(answer)
    place["port"] = recorder.port
    with closing(warehouse.stream("SELECT n FROM t")) as stream:
        first = next(stream)
        assert len(recorder.find("/chunks/")) <= 1
        rest = list(stream)
    assert [value for batch in (first, *rest) for value in batch.columns[0].to_pylist()] == list(range(14))
    assert {batch.schema for batch in rest} == {first.schema}


def test_a_part_that_does_not_arrive_is_an_error_after_the_rows_that_did(open_at: Open) -> None:
    answer, place = make_parts(3, lambda request: Reply(200, b"x" * 1000, cut_after=10))
    warehouse, recorder = open_at(answer)
    place["port"] = recorder.port
    stream = warehouse.stream("SELECT n FROM t")
    assert next(stream).num_rows == 2
    with pytest.raises(ConnectivityError) as caught:
        list(stream)
    assert caught.value.retryable and caught.value.hint


# What Snowflake's numbers become


@pytest.mark.parametrize(
    ("code", "state", "text", "kind", "words", "grant"),
    [
        (
            "000630",
            "57014",
            "Statement reached its statement or warehouse timeout of 10 second(s) and was canceled.",
            QueryTimeout,
            "10 s",
            None,
        ),
        ("000604", "57014", "SQL execution canceled", QueryCancelled, "stopped in Snowflake", None),
        (
            "000606",
            "57P03",
            "No active warehouse selected in the current session.  Select an active warehouse with the 'use "
            "warehouse' command.\n",
            PermissionMissing,
            "onramp_wh does not exist",
            "GRANT USAGE ON WAREHOUSE onramp_wh TO ROLE onramp_role;",
        ),
        (
            "090073",
            "22000",
            "Warehouse 'ONRAMP_WH' cannot be resumed because resource monitor 'M' has exceeded its quota.",
            QueryError,
            "used up its credits",
            None,
        ),
        (
            "000608",
            "57014",
            "Warehouse 'ONRAMP_WH' is suspended. Use 'alter warehouse ONRAMP_WH resume;' command if you need to use "
            "it again.",
            QueryError,
            "is suspended",
            None,
        ),
        (
            "090105",
            "22000",
            "Cannot perform SELECT. This session does not have a current database. Call 'USE DATABASE', or use a "
            "qualified name.",
            PermissionMissing,
            "database analytics",
            "GRANT USAGE ON DATABASE analytics TO ROLE onramp_role;",
        ),
        (
            "002003",
            "02000",
            "SQL compilation error:\nSchema 'ANALYTICS.CRM' does not exist or not authorized.",
            PermissionMissing,
            "schema ANALYTICS.CRM",
            "GRANT USAGE ON SCHEMA ANALYTICS.CRM TO ROLE onramp_role;",
        ),
        (
            "002003",
            "42S02",
            "SQL compilation error:\nObject 'ANALYTICS.CRM.PEOPLE' does not exist or not authorized.",
            SqlSyntaxError,
            'there is no table "ANALYTICS.CRM.PEOPLE"',
            "GRANT SELECT ON TABLE ANALYTICS.CRM.PEOPLE TO ROLE onramp_role;",
        ),
        (
            "000904",
            "42000",
            "SQL compilation error: error line 2 at position 5\ninvalid identifier 'FOO'",
            SqlSyntaxError,
            'Line 2, column 6: there is no column "foo".',
            None,
        ),
        (
            "001003",
            "42000",
            "SQL compilation error:\nsyntax error line 1 at position 8 unexpected 'FROM'.",
            SqlSyntaxError,
            'Line 1, column 9: the text "FROM" is not expected there.',
            None,
        ),
        (
            "100038",
            "22018",
            "Numeric value 'abc' is not recognized",
            QueryError,
            "Numeric value 'abc' is not recognized.",
            None,
        ),
        ("100051", "22012", "Division by zero", QueryError, "Division by zero.", None),
        (
            "000008",
            "0A000",
            "Actual statement count 2 did not match the desired statement count 1.",
            NotReadOnly,
            "more than one statement",
            None,
        ),
    ],
)
def test_a_statement_that_fails_names_the_cause_and_the_remedy(
    open_at: Open, code: str, state: str, text: str, kind: type[CoreError], words: str, grant: str | None
) -> None:
    warehouse, _ = open_at(wire.answer_with(lambda request: wire.refuse(code, text, state)))
    with pytest.raises(kind) as caught:
        warehouse.query("SELECT id,\n     foo FROM crm.people")
    assert words in caught.value.message and caught.value.hint
    assert caught.value.context.get("grant") == grant
    assert caught.value.context["engine_message"] == text.strip() or text in str(caught.value.context["engine_message"])


# The catalog


def test_a_hundred_tables_of_five_hundred_columns_are_listed_in_one_query(open_at: Open) -> None:
    count = 100 * 500
    texts = {
        "S": ["CRM"] * count,
        "T": [f"T{number // 500:03}" for number in range(count)],
        "R": [7] * count,
        "TC": ["Who"] * count,
        "C": [f"C{number % 500}" for number in range(count)],
        "D": ["NUMBER", "TEXT"] * (count // 2),
        "P": [38, None] * (count // 2),
        "X": [2, None] * (count // 2),
        "N": ["YES", "NO"] * (count // 2),
        "CC": [None, "As they write it"] * (count // 2),
    }
    numbers = {"R", "P", "X"}
    columns = [
        wire.column(name, "fixed", precision=38, scale=0) if name in numbers else wire.column(name) for name in texts
    ]
    arrays = [pa.array(values, pa.int32() if name in numbers else pa.string()) for name, values in texts.items()]
    warehouse, recorder = open_at(wire.answer_with(lambda request: wire.result(columns, arrays)))
    tables = warehouse.list_tables("it's")
    assert "c.table_schema = 'it''s'" in recorder.find(wire.QUERY_PATH)[0].json()["sqlText"]
    assert len(recorder.find(wire.QUERY_PATH)) == 1
    assert [table.name for table in tables] == [f"T{number:03}" for number in range(100)]
    assert {(len(table.columns), table.row_estimate, table.comment) for table in tables} == {(500, 7, "Who")}
    first, second = tables[7].columns[:2]
    assert (first.name, first.type, first.kind, first.nullable) == ("C0", "NUMBER(38,2)", Kind.DECIMAL, True)
    assert (second.type, second.kind, second.nullable, second.comment) == (
        "VARCHAR",
        Kind.TEXT,
        False,
        "As they write it",
    )


# Writing our own tables


DENIED = "SQL access control error:\nInsufficient privileges to operate on {} '{}'"


def test_a_login_that_may_read_but_not_write_is_told_the_one_grant(open_at: Open) -> None:
    def answer(request: Request) -> Reply:
        sql = request.json()["sqlText"]
        if sql.startswith("CREATE SCHEMA"):
            return wire.refuse("003001", DENIED.format("database", "ANALYTICS"), "42501")
        return wire.result(NUMBERS, [pa.array([0], pa.int8())])

    warehouse, _ = open_at(wire.answer_with(answer))
    report = warehouse.test_connection()
    assert report.ok and report.can_read and not report.can_write
    assert isinstance(report.write_error, PermissionMissing)
    assert report.write_error.context["grant"] == "GRANT CREATE SCHEMA ON DATABASE analytics TO ROLE onramp_role;"


def test_a_schema_that_its_owner_made_beforehand_is_enough(open_at: Open) -> None:
    def answer(request: Request) -> Reply:
        if request.json()["sqlText"].startswith("CREATE SCHEMA"):
            return wire.refuse("003001", DENIED.format("database", "ANALYTICS"), "42501")
        return wire.result(NUMBERS, ONE)

    warehouse, recorder = open_at(wire.answer_with(answer))
    assert warehouse.test_connection().can_write
    sent = [request.json()["sqlText"].split()[0:2] for request in recorder.find(wire.QUERY_PATH)]
    assert sent[-3:] == [["CREATE", "TABLE"], ["INSERT", "INTO"], ["DROP", "TABLE"]]


def test_a_schema_of_ours_without_the_right_to_make_tables_is_told_that_grant(open_at: Open) -> None:
    def answer(request: Request) -> Reply:
        if request.json()["sqlText"].startswith("CREATE TABLE"):
            return wire.refuse("003001", DENIED.format("schema", "__ONRAMP"), "42501")
        return wire.result(NUMBERS, ONE)

    warehouse, _ = open_at(wire.answer_with(answer))
    error = warehouse.test_connection().write_error
    assert error is not None
    grant = "GRANT USAGE, CREATE TABLE ON SCHEMA analytics.__onramp TO ROLE onramp_role;"
    assert error.context["grant"] == grant
