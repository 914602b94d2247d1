"""profiles are never all thrown away."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go from the revision before to this one."""
    # a row without profiles stood for all of them: what follows goes through all once more
    op.execute(
        "INSERT INTO profiles_sync_changes (sync_id, profile_id, version) SELECT id, '', 0 FROM profiles_syncs"
        " WHERE space_id IN (SELECT space_id FROM profile_changes WHERE profile_ids IS NULL) ON CONFLICT DO NOTHING"
    )
    op.execute("DELETE FROM profile_changes WHERE profile_ids IS NULL")
    with op.batch_alter_table("profile_changes") as table:
        table.alter_column("profile_ids", existing_type=sa.Text(), nullable=False)


def downgrade() -> None:
    """Migrations go forwards only: a backup is a copy of the folder."""
    raise NotImplementedError
