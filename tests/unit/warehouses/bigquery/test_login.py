"""The form of a BigQuery connection, its login, and every refusal: one sentence with cause and remedy."""

from __future__ import annotations

import itertools
import json
import socket

import pytest

from core.errors import (
    ConnectivityError,
    CoreError,
    CredentialsRejected,
    InvalidField,
    MissingField,
    PermissionMissing,
    QueryError,
    ResultTooLarge,
    SqlSyntaxError,
    Unreachable,
)
from core.settings import check_settings
from core.storage.home import Home
from core.warehouses.bigquery.key_file import read_key_file
from core.warehouses.bigquery.warehouse import BigQueryWarehouse
from tests.emulators.bigquery.wire import (
    ACCOUNT,
    JOBS,
    PROJECT,
    SECRET_PART,
    Wire,
    open_wire,
    refuse,
    write_key,
)
from tests.emulators.recording import Reply, Request, run_recorder

FORM = {"location": "EU"}


def open_form(home: Home, key: str, **settings: object) -> BigQueryWarehouse:
    checked = check_settings(BigQueryWarehouse.definition, FORM | settings, {"credentials": key})
    return BigQueryWarehouse.open(home, *checked)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("not json", "not JSON"),
        (write_key()[:-200], "breaks off"),
        (json.loads(write_key())["private_key"], "private key alone"),
        ("[1]", "not the file of a key"),
        (write_key(type="authorized_user"), "the login of a person"),
        (write_key(type="external_account"), "a workload identity"),
        (write_key(type=None), "does not say"),
        (write_key(private_key=None, client_email=" "), "lacks private_key, client_email"),
        (write_key(private_key="-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"), "cannot be read"),
        (write_key("https://example.com/token"), "token_uri"),
        (write_key("http://oauth2.googleapis.com/token"), "token_uri"),
        (write_key("https://oauth2.googleapis.com.example.com/token"), "token_uri"),
        (write_key("http://127.0.0.1:9/token"), "token_uri"),
    ],
    ids=itertools.count(),  # keys are made anew in each of xdist's workers, which must agree on the names
)
def test_each_slip_of_a_pasted_key_has_its_sentence_and_shows_nothing_of_it(home: Home, key: str, words: str) -> None:
    with pytest.raises(InvalidField, match=words) as caught:
        open_form(home, key)
    assert caught.value.context == {"field": "credentials"} and caught.value.hint
    error: BaseException | None = caught.value
    while error is not None:  # what the log of a trace would show, too
        assert SECRET_PART not in repr(error) + str(getattr(error, "doc", ""))
        error = error.__cause__


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("project", "My Project", "no project ID"),
        ("project", "1234567", "no project ID"),
        ("project", "short", "no project ID"),
        ("project", "a" * 64, "no project ID"),
        ("location", "Frankfurt am Main", "no location"),
        ("location", "eu-", "no location"),
        ("maximum_bytes_billed", "1000", "refuse every one"),
        ("maximum_bytes_billed", "much", "cannot be"),
        ("api_endpoint", "bigquery.googleapis.com", "no address"),
        ("api_endpoint", "https://user@host", "no address"),
        ("api_endpoint", "https://host/path", "no address"),
        ("api_endpoint", "http://bigquery.example.com", "without TLS"),
        ("time_zone", "Berlin", "no time zone"),
        ("read_api", "grpc", "cannot be"),
    ],
)
def test_each_setting_that_cannot_be_used_is_named(home: Home, field: str, value: str, words: str) -> None:
    with pytest.raises(InvalidField, match=words) as caught:
        open_form(home, write_key(), **{field: value})
    assert caught.value.context["field"] == field and caught.value.hint


@pytest.mark.parametrize("project", ["my-project", "example.com:my-project", "a12345", "a" * 63])
@pytest.mark.parametrize("location", ["US", "EU", "europe-west3", "us-central1", "northamerica-northeast2"])
def test_projects_and_locations_of_every_form_are_taken(home: Home, project: str, location: str) -> None:
    with open_form(home, write_key(), project=project, location=location) as warehouse:
        assert (warehouse._login.project, warehouse._login.location) == (project, location)


def test_a_missing_key_or_location_is_asked_for() -> None:
    for settings, secrets in (({}, {"credentials": write_key()}), (FORM, {})):
        with pytest.raises(MissingField):
            check_settings(BigQueryWarehouse.definition, settings, secrets)


def test_the_project_is_that_of_the_key_unless_another_is_named(home: Home) -> None:
    with open_form(home, write_key()) as own, open_form(home, write_key(), project="other-project") as other:
        assert (own._login.project, other._login.project) == (PROJECT, "other-project")


def test_the_storage_api_and_an_endpoint_of_ones_own_exclude_each_other(home: Home) -> None:
    with pytest.raises(InvalidField, match="Storage API"):
        open_form(home, write_key(), read_api="storage", api_endpoint="https://bigquery-x.p.googleapis.com")
    with open_form(home, write_key(), read_api="storage") as warehouse:
        assert warehouse._reader is not None


def test_nothing_of_the_key_is_in_a_repr(home: Home) -> None:
    with open_form(home, write_key()) as warehouse:
        shown = repr(warehouse) + repr(vars(warehouse))
    assert SECRET_PART not in shown and "PRIVATE KEY" not in shown


def test_the_guide_is_filled_with_the_names_typed() -> None:
    write = BigQueryWarehouse.definition.write_guide
    assert write is not None
    text = "\n".join(guide.text for guide in write({"project": "acme-dwh", "location": "europe-west3"}))
    assert "YOUR-PROJECT" not in text and "location = 'europe-west3'" in text
    for needed in (
        *("roles/bigquery.user", "roles/bigquery.dataEditor", "bigquery.jobs.create", "bigquery.datasets.get"),
        *("bigquery.tables.getData", "CREATE SCHEMA IF NOT EXISTS `acme-dwh.__onramp`"),
        "onramp-reader@acme-dwh.iam.gserviceaccount.com",
    ):
        assert needed in text
    assert "YOUR-PROJECT" in write({})[0].text


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (
            ({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400),
            CredentialsRejected,
            "rotated",
        ),
        (
            ({"error": "invalid_grant", "error_description": "Invalid grant: account not found"}, 400),
            CredentialsRejected,
            "no longer accepts",
        ),
        (
            (
                {
                    "error": "invalid_grant",
                    "error_description": "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
                    "reasonable timeframe. Check your iat and exp values in the JWT claim.",
                },
                400,
            ),
            CredentialsRejected,
            "clock",
        ),
        (
            ({"error": "unauthorized_client", "error_description": "Client is unauthorized"}, 401),
            CredentialsRejected,
            "",
        ),
    ],
)
def test_a_key_that_google_refuses_is_told_apart_from_a_wrong_clock(
    home: Home, reply: tuple[dict[str, str], int], kind: type[CoreError], words: str
) -> None:
    def intercept(request: Request) -> Reply | None:
        return Reply.of(*reply) if request.path == "/token" else None

    with open_wire(Wire(intercept=intercept), home) as (warehouse, recorder):
        report = warehouse.test_connection()
        assert isinstance(report.error, kind) and words in report.error.message and report.error.hint
        assert recorder.find(JOBS) == []
    assert SECRET_PART not in json.dumps(report.error.to_dict())


REFUSALS = [
    (
        refuse(401, "authError", "Request had invalid authentication credentials."),
        *(CredentialsRejected, "credentials_rejected", ""),
    ),
    (
        refuse(
            403,
            "accessDenied",
            f"Access Denied: Project {PROJECT}: User does not have bigquery.jobs.create permission in project "
            f"{PROJECT}.",
        ),
        *(PermissionMissing, "permission_missing", "roles/bigquery.jobUser"),
    ),
    (
        refuse(
            403,
            "accessDenied",
            "Access Denied: Table acme:crm.people: User does not have permission to query table acme:crm.people, or "
            "perhaps it does not exist.",
        ),
        *(PermissionMissing, "permission_missing", "GRANT `roles/bigquery.dataViewer` ON SCHEMA `acme.crm`"),
    ),
    (
        refuse(
            403,
            "accessDenied",
            "Access Denied: Dataset acme:crm: Permission bigquery.tables.list denied on dataset acme:crm "
            "(or it may not exist).",
        ),
        *(PermissionMissing, "permission_missing", "GRANT `roles/bigquery.dataViewer` ON SCHEMA `acme.crm`"),
    ),
    (
        refuse(
            403,
            "accessNotConfigured",
            "BigQuery API has not been used in project 1 before or it is disabled. Enable it by visiting https://x",
        ),
        *(PermissionMissing, "permission_missing", "gcloud services enable bigquery.googleapis.com"),
    ),
    (
        refuse(
            403, "accessDenied", "Access Denied: BigQuery BigQuery: Permission denied while getting Drive credentials."
        ),
        *(PermissionMissing, "permission_missing", ""),
    ),
    (
        refuse(403, "quotaExceeded", "Quota exceeded: Your project exceeded quota for free query bytes scanned."),
        *(QueryError, "quota_exceeded", ""),
    ),
    (
        refuse(403, "billingNotEnabled", "Billing has not been enabled for this project."),
        *(ConnectivityError, "billing_not_enabled", ""),
    ),
    (refuse(403, "responseTooLarge", "Response too large to return."), ResultTooLarge, "out_of_memory", ""),
    (
        refuse(404, "notFound", f"Not found: Dataset {PROJECT}:crm was not found in location EU"),
        *(SqlSyntaxError, "unknown_table", ""),
    ),
    (
        refuse(404, "notFound", f"Not found: Table {PROJECT}:crm.people was not found in location EU"),
        *(SqlSyntaxError, "unknown_table", ""),
    ),
    (refuse(404, "notFound", f"Not found: Project {PROJECT}"), InvalidField, "invalid_field", ""),
    (
        refuse(
            400,
            "invalidQuery",
            "Cannot read and write in different locations: source: US, destination: EU",
        ),
        *(SqlSyntaxError, "wrong_location", ""),
    ),
    (
        refuse(400, "invalidQuery", "Unrecognized name: nmae; Did you mean name? at [1:8]"),
        *(SqlSyntaxError, "unknown_column", ""),
    ),
    (
        refuse(400, "invalidQuery", 'Table "people" must be qualified with a dataset (e.g. dataset.table).'),
        *(SqlSyntaxError, "unknown_table", ""),
    ),
    (
        refuse(400, "invalidQuery", "Duplicate column names in the result are not supported. Found duplicate(s): id"),
        *(SqlSyntaxError, "duplicate_columns", ""),
    ),
    (refuse(400, "invalidQuery", "Query parameter 'x' not found at [1:8]"), SqlSyntaxError, "parameter", ""),
    (refuse(400, "invalidQuery", "Bad int64 value: abc"), QueryError, "value_failed", ""),
    (refuse(400, "invalidQuery", "Function not found: DATEADD at [1:8]"), SqlSyntaxError, "unknown_function", ""),
    (
        refuse(400, "invalidQuery", "Syntax error: Unexpected string literal '::' at [1:10]"),
        *(SqlSyntaxError, "sql_syntax_error", ""),
    ),
]


@pytest.mark.parametrize(
    ("reply", "kind", "code", "grant"), REFUSALS, ids=lambda item: item if isinstance(item, str) else None
)
def test_every_refusal_has_a_cause_a_remedy_and_the_grant_alone(
    home: Home, reply: Reply, kind: type[CoreError], code: str, grant: str
) -> None:
    def intercept(request: Request) -> Reply | None:
        return reply if request.path == JOBS else None

    with open_wire(Wire(intercept=intercept), home) as (warehouse, _), pytest.raises(kind) as caught:
        warehouse.query("SELECT id, name FROM crm.people")
    error = caught.value
    assert error.code == code and error.hint
    assert error.context["engine_message"] == json.loads(reply.body)["error"]["message"]
    assert ("grant" in error.context) is bool(grant)
    if grant:
        text = str(error.context["grant"])
        assert grant in text and "\n" not in text
        assert "services enable" in text or f"serviceAccount:{ACCOUNT}" in text


def test_a_place_counts_characters_where_bigquery_counts_a_tab_as_up_to_eight(home: Home) -> None:
    def intercept(request: Request) -> Reply | None:
        text = "Unrecognized name: foo at [2:20]"
        return refuse(400, "invalidQuery", text) if request.path == JOBS else None

    with open_wire(Wire(intercept=intercept), home) as (warehouse, _), pytest.raises(SqlSyntaxError) as caught:
        warehouse.query("SELECT\n\t'ü',\t  foo FROM crm.people")
    # a tab to column 9, four characters, a tab to column 17, two spaces, then 19: one further is what BigQuery said
    assert caught.value.message.startswith("Line 2, column 10:")


def test_a_table_is_found_by_its_whole_name(home: Home) -> None:
    def intercept(request: Request) -> Reply | None:
        text = f"Not found: Table {PROJECT}:crm.people was not found in location EU"
        return refuse(404, "notFound", text) if request.path == JOBS else None

    with open_wire(Wire(intercept=intercept), home) as (warehouse, _), pytest.raises(SqlSyntaxError) as caught:
        warehouse.query("SELECT people_id\nFROM `crm`.people")
    assert caught.value.message == 'Line 2, column 6: there is no table "people".'


def test_a_closed_port_is_told_within_seconds(home: Home) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can answer there
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        with open_form(home, write_key(f"{address}/token"), api_endpoint=address) as warehouse:
            report = warehouse.test_connection()
    assert isinstance(report.error, Unreachable) and report.took_ms < 20_000


def test_a_refused_tls_connection_is_told_at_once(home: Home) -> None:
    with run_recorder(Wire().answer) as recorder:
        address = recorder.url.replace("http://", "https://")
        with open_form(home, write_key(f"{recorder.url}/token"), api_endpoint=address) as warehouse:
            report = warehouse.test_connection()
    assert report.error is not None and report.error.code == "tls_refused"
    assert report.took_ms < 5_000


def test_a_wrong_host_is_named(home: Home) -> None:
    with run_recorder(Wire().answer) as recorder:
        key = write_key(f"{recorder.url}/token")
        credentials = read_key_file(key, may_use_loopback=True).credentials
        with BigQueryWarehouse(
            PROJECT, "EU", credentials, account=ACCOUNT, api_endpoint="https://bigquery.invalid"
        ) as warehouse:
            report = warehouse.test_connection()
    assert isinstance(report.error, Unreachable) and "bigquery.invalid" in report.error.message


@pytest.mark.parametrize("status", [200, 404])
def test_a_host_that_is_not_bigquery_is_told_as_that(home: Home, status: int) -> None:
    page = Reply(status, b"<html>Welcome</html>", {"Content-Type": "text/html"})
    with open_wire(Wire(intercept=lambda request: None if request.path == "/token" else page), home) as (warehouse, _):
        report = warehouse.test_connection()
    assert report.error is not None and "not as BigQuery does" in report.error.message
