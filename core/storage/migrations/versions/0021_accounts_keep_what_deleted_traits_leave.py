"""accounts keep what deleted traits leave."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go from the revision before to this one."""
    with op.batch_alter_table("account_traits", table_kwargs={"sqlite_with_rowid": False}) as batch_op:
        batch_op.alter_column("sync_id", existing_type=sa.TEXT(), nullable=True)


def downgrade() -> None:
    """Migrations go forwards only: a backup is a copy of the folder."""
    raise NotImplementedError
