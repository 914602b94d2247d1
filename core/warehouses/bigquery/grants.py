"""A missing permission, and the one statement that grants it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.errors import CoreError, PermissionMissing
from core.warehouses.state_session import STATE_SCHEMA

_PERMISSION = re.compile(r"(?:does not have|lacks|Permission|permission) '?(bigquery\.[A-Za-z.]*[A-Za-z])")
_DATASETS = (
    re.compile(r"(?:[Dd]ataset|[Tt]able|View) `?((?:[\w.-]+:)?[\w-]+):(\w+)"),  # project:dataset.table
    re.compile(r"(?:[Dd]ataset|[Tt]able|View) `?([\w-]+)\.(\w+)"),  # project.dataset.table
)
_PROJECT_ROLES = {
    "bigquery.jobs.create": ("roles/bigquery.jobUser", "run queries"),
    "bigquery.readsessions.create": ("roles/bigquery.readSessionUser", "read through the Storage API"),
    "bigquery.readsessions.getData": ("roles/bigquery.readSessionUser", "read through the Storage API"),
}
_READ_PERMISSIONS = ("bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.list", "bigquery.datasets.get")


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks where: enough to write a grant. Nothing of it is secret."""

    project: str
    location: str
    account: str
    host: str


def explain_denial(message: str, login: Login) -> CoreError:
    """Return the error for a refusal by its sentence."""
    if "has not been used in project" in message or "is disabled" in message or "has not enabled BigQuery" in message:
        return _missing(
            f"The BigQuery API is not enabled in the project {login.project}.",
            f"gcloud services enable bigquery.googleapis.com --project={login.project}",
        )
    if "Drive" in message:
        return PermissionMissing(
            "A table reads a file in Google Drive, which is not shared with the service account.",
            hint=f"Share the file with {login.account}.",
        )
    found = _PERMISSION.search(message)
    permission = found[1] if found else ""
    if permission in _PROJECT_ROLES:
        role, deed = _PROJECT_ROLES[permission]
        return _missing(f"The service account may not {deed} in the project {login.project}.", _bind(role, login))
    if permission == "bigquery.datasets.create":
        return missing_dataset(login)
    dataset = _find_dataset(message, login)
    if permission in _READ_PERMISSIONS or "permission to query" in message:
        told = f"The service account may not read the dataset {dataset[1]}, or there is no such table in it."
        return _missing(told, grant_on_dataset("roles/bigquery.dataViewer", dataset, login))
    if permission:
        told = f"The service account may not write in the dataset {dataset[1]} ({permission})."
        return _missing(told, grant_on_dataset("roles/bigquery.dataEditor", dataset, login))
    return PermissionMissing(
        "The service account lacks a permission.",
        hint="What BigQuery said names it; the guide beside the form lists all that are needed.",
    )


def missing_dataset(login: Login) -> CoreError:
    """Return the error for a login that may not make our dataset, which is not there."""
    name = f"{login.project}.{STATE_SCHEMA}"
    return _missing(
        f"There is no dataset {STATE_SCHEMA}, and the service account may not make one.",
        f"CREATE SCHEMA `{name}` OPTIONS (location = '{login.location}');\n"
        + grant_on_dataset("roles/bigquery.dataEditor", (login.project, STATE_SCHEMA), login),
    )


def grant_on_dataset(role: str, dataset: tuple[str, str], login: Login) -> str:
    """Return the statement that gives the role on the dataset `(project, name)`."""
    return f'GRANT `{role}` ON SCHEMA `{dataset[0]}.{dataset[1]}` TO "serviceAccount:{login.account}";'


def _bind(role: str, login: Login) -> str:
    return (
        f"gcloud projects add-iam-policy-binding {login.project} "
        f'--member="serviceAccount:{login.account}" --role="{role}" --condition=None'
    )


def _find_dataset(message: str, login: Login) -> tuple[str, str]:
    found = _DATASETS[0].search(message) or _DATASETS[1].search(message)
    return (found[1], found[2]) if found else (login.project, "YOUR_DATASET")


def _missing(message: str, grant: str) -> CoreError:
    return PermissionMissing(message, hint="Run the grant, then try again.", context={"grant": grant})
