"""What the owner of a Google Cloud project runs once: a service account, its roles, its key, and our dataset."""

from __future__ import annotations

from collections.abc import Mapping

from core.warehouses.definition import SetupGuide
from core.warehouses.state_session import STATE_SCHEMA

ACCOUNT = "onramp-reader"


def write_guide(settings: Mapping[str, object]) -> tuple[SetupGuide, ...]:
    """Return two ways to the same login, filled with the project and the location typed so far."""
    project = str(settings.get("project") or "YOUR-PROJECT")
    location = str(settings.get("location") or "YOUR-LOCATION")
    email = f"{ACCOUNT}@{project}.iam.gserviceaccount.com"
    create = f'gcloud iam service-accounts create {ACCOUNT} \\\n  --project={project} --display-name="Onramp"\n'
    key = (
        f"gcloud iam service-accounts keys create onramp-key.json \\\n"
        f"  --iam-account={email}\n"
        "# Paste the whole of onramp-key.json into the form, then delete the file."
    )
    return (
        SetupGuide(
            "Full access: two roles on the project",
            f"{create}{_bind(project, email, 'roles/bigquery.user')}"
            f"{_bind(project, email, 'roles/bigquery.dataEditor')}{key}",
            "bash",
            "BigQuery User runs queries and makes our dataset; Data Editor reads every dataset and writes in ours. "
            "Take BigQuery Data Viewer in place of Data Editor where Onramp is only to read.",
        ),
        SetupGuide(
            "Limited access: a role of its own, and a dataset made beforehand",
            f"{create}{_role(project)}{_bind(project, email, f'projects/{project}/roles/onrampReader')}{key}",
            "bash",
            "The role runs queries and lists tables; what it may read is granted below, dataset by dataset.",
        ),
        SetupGuide(
            "Limited access: the datasets",
            f"CREATE SCHEMA IF NOT EXISTS `{project}.{STATE_SCHEMA}`\n"
            f"OPTIONS (location = '{location}', description = 'State of Onramp syncs');\n\n"
            f"GRANT `roles/bigquery.dataEditor` ON SCHEMA `{project}.{STATE_SCHEMA}`\n"
            f'TO "serviceAccount:{email}";\n\n'
            "-- once for each dataset that Onramp is to read\n"
            f"GRANT `roles/bigquery.dataViewer` ON SCHEMA `{project}.YOUR_DATASET`\n"
            f'TO "serviceAccount:{email}";',
            "sql",
            f"Without the dataset {STATE_SCHEMA}, syncs keep their state beside the workspace.",
        ),
    )


def _bind(project: str, email: str, role: str) -> str:
    return (
        f"gcloud projects add-iam-policy-binding {project} \\\n"
        f'  --member="serviceAccount:{email}" --role="{role}" --condition=None\n'
    )


def _role(project: str) -> str:
    return (
        f"gcloud iam roles create onrampReader --project={project} \\\n"
        '  --title="Onramp reader" \\\n'
        "  --permissions=bigquery.jobs.create,bigquery.datasets.get,bigquery.tables.getData,"
        "bigquery.tables.get,bigquery.tables.list,bigquery.readsessions.create,bigquery.readsessions.getData\n"
    )
