"""BigQuery's form: its fields, what of them only this engine can judge, and the guide for the project's owner."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import InvalidField
from core.fields import Field, FieldType
from core.warehouses.bigquery.guide import write_guide
from core.warehouses.bigquery.key_file import KeyFile, read_key_file
from core.warehouses.definition import TIME_ZONE, WarehouseDefinition, check_zone

REST, STORAGE = "rest", "storage"
MIN_BYTES_BILLED = 10 * 1024**2  # what BigQuery bills at least for each table that a query names

DEFINITION = WarehouseDefinition(
    name="bigquery",
    label="BigQuery",
    summary="Google's warehouse, read by a service account of your project.",
    docs_url="https://cloud.google.com/bigquery/docs/",
    settings=(
        Field(
            "credentials",
            "Service account key",
            "The whole JSON file that Google gives for a key of the service account, from the first { to the last }.",
            type=FieldType.TEXT,
            required=True,
            secret=True,
            placeholder='{"type": "service_account", "project_id": …}',
        ),
        Field(
            "project",
            "Project ID",
            "The project that queries run in and are billed to; without one, the project of the key.",
            placeholder="my-project",
        ),
        Field(
            "location",
            "Data location",
            "Where the datasets lie, as BigQuery names it: US, EU, or a region such as europe-west3.",
            required=True,
            placeholder="EU",
        ),
        Field(
            "read_api",
            "Read API",
            "REST costs nothing extra. The Storage API is faster on large results, and Google bills what it reads.",
            choices=((REST, "REST"), (STORAGE, "Storage API")),
            default=REST,
        ),
        Field(
            "maximum_bytes_billed",
            "Most bytes a query may bill",
            "BigQuery refuses a query that would bill more, before it runs; at least 10485760 (10 MB).",
            type=FieldType.INTEGER,
            placeholder="107374182400",
            unit="bytes",
        ),
        Field(
            "api_endpoint",
            "API endpoint",
            "Only for a private endpoint (Private Service Connect): its https address. Leave it empty otherwise.",
            placeholder="https://bigquery-myendpoint.p.googleapis.com",
        ),
        TIME_ZONE,
    ),
    dialect="bigquery",
    write_guide=write_guide,
)

_PROJECT = re.compile(r"([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]{5,62}")
_LOCATION = re.compile(r"[A-Za-z]+(-[A-Za-z]+[0-9]+)?")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Connection:
    """The judged settings. `account` is the service account's address, for the texts of grants."""

    key_file: KeyFile
    project: str
    location: str
    uses_storage: bool
    maximum_bytes_billed: int | None
    api_endpoint: str | None
    zone: str


def read_connection(settings: Mapping[str, object], secrets: Mapping[str, str]) -> Connection:
    """Return the connection that the form describes.

    Raises:
        InvalidField: A value cannot be used; `context["field"]` names its field.
    """
    endpoint = _check_endpoint(str(settings.get("api_endpoint") or ""))
    key_file = read_key_file(secrets["credentials"], may_use_loopback=_is_loopback(endpoint))
    uses_storage = settings.get("read_api") == STORAGE
    if uses_storage and endpoint is not None:
        raise _invalid(
            "read_api", "The Storage API cannot be reached through an endpoint of the REST API.", "Choose REST."
        )
    return Connection(
        key_file=key_file,
        project=_check_project(str(settings.get("project") or "") or key_file.project),
        location=_check_location(str(settings["location"])),
        uses_storage=uses_storage,
        maximum_bytes_billed=_check_bytes(settings.get("maximum_bytes_billed")),
        api_endpoint=endpoint,
        zone=check_zone(settings),
    )


def _check_project(project: str) -> str:
    if not _PROJECT.fullmatch(project):
        raise _invalid(
            "project",
            f"{project!r} is no project ID.",
            "It has 6 to 63 lower-case letters, digits and dashes and begins with a letter; "
            "the project's name and number are something else.",
        )
    return project


def _check_location(location: str) -> str:
    if not _LOCATION.fullmatch(location):
        raise _invalid(
            "location",
            f"{location!r} is no location of BigQuery.",
            "Use US, EU, or a region such as europe-west3; the details of a dataset show it.",
        )
    return location


def _check_bytes(value: object) -> int | None:
    if value is None:
        return None
    number = int(str(value))
    if number < MIN_BYTES_BILLED:
        raise _invalid(
            "maximum_bytes_billed",
            f"BigQuery bills at least {MIN_BYTES_BILLED} bytes for a query, so {number} would refuse every one.",
            "Use a larger number, or leave the field empty.",
        )
    return number


def _check_endpoint(address: str) -> str | None:
    if not address:
        return None
    parts = urlsplit(address)
    is_plain = not (parts.username or parts.query or parts.fragment or parts.path.strip("/"))
    if not (parts.hostname and is_plain and parts.scheme in ("https", "http")):
        raise _invalid(
            "api_endpoint", f"{address!r} is no address of an endpoint.", "Use https:// and a host name, nothing more."
        )
    if parts.scheme == "http" and not _is_loopback(address):
        raise _invalid(
            "api_endpoint", "An endpoint without TLS would show the login to the network.", "Use an https:// address."
        )
    return address.rstrip("/")


def _is_loopback(address: str | None) -> bool:
    return address is not None and urlsplit(address).hostname in _LOOPBACK


def _invalid(field: str, message: str, hint: str) -> InvalidField:
    return InvalidField(message, hint=hint, context={"field": field})
