"""BigQuery's side of the wire, as a test sets it: what jobs answer, page by page; for `tests.emulators.recording`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from core.storage.home import Home
from core.warehouses.bigquery.warehouse import BigQueryWarehouse
from tests.emulators.recording import Recorder, Reply, Request, run_recorder

PROJECT = "wire-project"
ROOT = f"/bigquery/v2/projects/{PROJECT}"
JOBS, QUERIES = f"{ROOT}/jobs", f"{ROOT}/queries"
ACCOUNT = f"onramp-reader@{PROJECT}.iam.gserviceaccount.com"

_PEM = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)
SECRET_PART = _PEM.splitlines()[3]


GOOGLE = "https://oauth2.googleapis.com/token"


def write_key(token_uri: str = GOOGLE, **changes: object) -> str:
    """Return the file of a key; None as a change leaves the entry out."""
    key: dict[str, object] = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "0123456789abcdef",
        "private_key": _PEM,
        "client_email": ACCOUNT,
        "client_id": "1",
        "token_uri": token_uri,
    }
    return json.dumps({name: value for name, value in (key | changes).items() if value is not None})


def refuse(status: int, reason: str, message: str) -> Reply:
    """Return a refusal in the form of Google's APIs."""
    error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message, "domain": "global"}]}
    return Reply.of({"error": error}, status)


@dataclass
class Wire:
    """What BigQuery answers. `intercept` sees each request first and may answer it itself."""

    fields: Sequence[dict[str, Any]] = ({"name": "n", "type": "INTEGER", "mode": "NULLABLE"},)
    pages: Sequence[Sequence[Sequence[object]]] = ((("1",),),)
    statement_type: str | None = "SELECT"
    state: str = "DONE"
    error: dict[str, str] | None = None
    statistics: dict[str, Any] = field(default_factory=dict)
    destination: dict[str, str] | None = None
    intercept: Callable[[Request], Reply | None] = lambda request: None

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        taken = self.intercept(request)
        if taken is not None:
            return taken
        if request.path == "/token":
            return Reply.of({"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"})
        if request.path == JOBS and request.method == "POST":
            return self._insert(request.json())
        if request.path.endswith("/cancel"):
            return Reply.of({"job": self._write_job(request.path.split("/")[-2], {})})
        if request.path.startswith(f"{JOBS}/"):
            return Reply.of(self._write_job(request.path.split("/")[-1], {}))
        if request.path.startswith(f"{QUERIES}/"):
            return self._page(request)
        return refuse(404, "notFound", f"Not found: {request.path}")

    def _insert(self, body: dict[str, Any]) -> Reply:
        job_id = body.get("jobReference", {}).get("jobId", "dry")
        return Reply.of(self._write_job(job_id, body["configuration"]))

    def _write_job(self, job_id: str, configuration: dict[str, Any]) -> dict[str, Any]:
        is_dry = bool(configuration.get("dryRun"))
        query = {"statementType": self.statement_type, "schema": {"fields": list(self.fields)}} | self.statistics
        if self.destination is not None and not is_dry:
            configuration.setdefault("query", {})["destinationTable"] = self.destination
        status: dict[str, Any] = {"state": "DONE" if is_dry else self.state}
        if self.error is not None and not is_dry:
            status |= {"errorResult": self.error, "errors": [self.error]}
        return {
            "jobReference": {"projectId": PROJECT, "jobId": job_id, "location": "EU"},
            "configuration": configuration or {"query": {"query": "", "useLegacySql": False}},
            "status": status,
            "statistics": {"query": query},
        }

    def _page(self, request: Request) -> Reply:
        number = int(request.query.get("pageToken", "0"))
        size = int(request.query["maxResults"]) if "maxResults" in request.query else None
        rows = [{"f": [{"v": value} for value in row]} for row in self.pages[number][:size]]
        page = {
            "jobReference": {"projectId": PROJECT, "jobId": request.path.split("/")[-1], "location": "EU"},
            "jobComplete": True,
            "schema": {"fields": list(self.fields)},
            "rows": rows,
            "totalRows": str(sum(len(page) for page in self.pages)),
        }
        if number + 1 < len(self.pages):
            page["pageToken"] = str(number + 1)
        return Reply.of(page)


@contextmanager
def open_wire(wire: Wire, home: Home, **settings: object) -> Iterator[tuple[BigQueryWarehouse, Recorder]]:
    """Open a warehouse by its form on a recording server that answers as `wire` says."""
    with run_recorder(wire.answer) as recorder:
        given = {"location": "EU", "read_api": "rest", "api_endpoint": recorder.url} | settings
        key = write_key(f"{recorder.url}/token")
        with BigQueryWarehouse.open(home, given, {"credentials": key}) as warehouse:
            yield warehouse, recorder


def list_sql(recorder: Recorder, *, dry: bool) -> list[str]:
    """Return the statements that were sent, those of dry runs or those that were to run."""
    bodies = [request.json()["configuration"] for request in recorder.find(JOBS, "POST") if request.path == JOBS]
    return [each["query"]["query"] for each in bodies if bool(each.get("dryRun")) is dry]


def read_job_id(path: str) -> str:
    """Return the id of the job in a path."""
    found = re.search(r"/(?:jobs|queries)/([^/]+)", path)
    assert found is not None
    return found[1]
