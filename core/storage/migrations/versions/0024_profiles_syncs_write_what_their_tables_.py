"""profiles syncs write what their tables lacked."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go from the revision before to this one."""
    # whatever is written of a profile is written again: the next run of each goes through all of them
    op.execute("DELETE FROM profiles_sync_changes")
    op.execute("INSERT INTO profiles_sync_changes (sync_id, profile_id, version) SELECT id, '', 0 FROM profiles_syncs")
    op.execute("UPDATE profiles_syncs SET profiles_version = NULL")


def downgrade() -> None:
    """Migrations go forwards only: a backup is a copy of the folder."""
    raise NotImplementedError
